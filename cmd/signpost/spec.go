package main

import (
	"errors"

	"github.com/signpost-s3/signpost/openapi/export"
)

type specCmd struct {
	Format             string `enum:"yaml,json" default:"yaml" placeholder:"yaml|json" help:"Output format (default ${default})."`
	export.TargetFlags `group:"AWS account and function:"`
	export.APIFlags    `group:"API:"`
}

// Help returns the text before the flags in spec --help.
func (specCmd) Help() string {
	return "Without flags the document is printed unchanged. API Gateway can import it: it fills in account, region and " +
		"partition, and each stage names the function in its variable \"function\".\n\n" +
		"Flags can be combined. With --aws-account, --aws-region and --function the copy is complete. With --function " +
		"alone it is valid for any account, and stages need no variable.\n\n" +
		"With --http-api, API Gateway verifies access tokens by a JWT authorizer, and the function receives payload " +
		"format 2.0. HTTP APIs have no API keys and no gateway responses.\n\n" +
		"With --direct, the function must have SIGNPOST_LAMBDA_EVENTS=direct. The copy has one path, POST /import, which " +
		"returns an upload_url, and answers 500 if the function fails.\n\n" +
		"With --anonymous, all clients that reach the API can upload at your expense, and can read or delete imports " +
		"whose id they know. Protect the API by an authorizer, IAM, a resource policy or a private endpoint.\n\n" +
		"With --swagger2, extensions are kept; comments and examples of request bodies are not.\n\n" +
		"Example:\n\n\tsignpost spec --function uploads --rest-api --format json"
}

func (s specCmd) Run(i *invocation) error {
	target, err := s.Target()
	authorizer, errAuthorizer := s.Authorizer()
	if err := errors.Join(err, errAuthorizer); err != nil {
		return usageError{err}
	}
	return export.Write(i.stdout, export.Options{
		Target: target, RESTAPI: s.RESTAPI, HTTPAPI: s.HTTPAPI, Authorizer: authorizer, Direct: s.Direct,
		Anonymous: s.Anonymous, Swagger2: s.Swagger2, JSON: s.Format == "json",
	})
}
