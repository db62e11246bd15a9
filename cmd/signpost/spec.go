package main

import (
	"github.com/signpost-s3/signpost/openapi/export"
)

type specCmd struct {
	Format string `enum:"yaml,json" default:"yaml" placeholder:"yaml|json" help:"Output format (default ${default})."`
	export.TargetFlags
	Anonymous bool `help:"Omit the API key; protect the API in another way."`
	Swagger2  bool `name:"swagger2" help:"Print Swagger 2.0, for tools without OpenAPI 3."`
}

// Help returns the text before the flags in spec --help.
func (specCmd) Help() string {
	return "Without flags the document is printed unchanged. API Gateway can import it: it fills in account, region and " +
		"partition, and each stage names the function in its variable \"function\".\n\n" +
		"Flags can be combined. With --aws-account, --aws-region and --function the copy is complete. With --function " +
		"alone it is valid for any account, and stages need no variable.\n\n" +
		"With --anonymous, all clients that reach the API can upload at your expense, and can read or delete imports " +
		"whose id they know. Protect the API by an authorizer, IAM, a resource policy or a private endpoint.\n\n" +
		"With --swagger2, extensions are kept; comments and examples of request bodies are not."
}

func (s specCmd) Run(i *invocation) error {
	target, err := s.Target()
	if err != nil {
		return usageError{err}
	}
	return export.Write(i.stdout, export.Options{
		Target: target, Anonymous: s.Anonymous, Swagger2: s.Swagger2, JSON: s.Format == "json",
	})
}
