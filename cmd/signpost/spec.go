package main

import (
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/swagger"
)

type specCmd struct {
	Format string `enum:"yaml,json" default:"yaml" placeholder:"yaml|json" help:"How it is written; ${default} when left out."`
	targetFlags
	Anonymous boolFlag `help:"Leave out the API key. Whoever knows the API's address may then upload at your expense, and read or delete an import whose id they know; so protect it otherwise, by an authorizer, IAM, a resource policy or a private endpoint."`
	Swagger2  boolFlag `name:"swagger2" help:"Write Swagger 2.0, for tools that read no OpenAPI 3. Extensions are kept, comments and examples of request bodies are not."`
}

// Help is what spec --help says before its flags.
func (specCmd) Help() string {
	return "Without flags this is the document as it is written. API Gateway imports it as it stands: it fills in account, region " +
		"and partition by itself, and each stage names the function in its variable \"function\".\n\n" +
		"The flags make copies, and may be combined. With --aws-account, --aws-region and --function nothing is left to fill in. With " +
		"--function alone the copy still names no account, and the stages need no variable."
}

func (s specCmd) Run(i *invocation) error {
	target, err := s.target()
	if err != nil {
		return usageError{err}
	}
	text := openapi.Resolve(openapi.YAML, target)
	if s.Anonymous {
		text = openapi.Anonymous(text)
	}
	if s.Format == "yaml" && !s.Swagger2 { // the text itself, for its comments
		_, err := i.stdout.Write(text)
		return err
	}
	document, err := parseSpec(text, bool(s.Swagger2))
	if err != nil {
		return err
	}
	if s.Format == "json" {
		return printJSON(i.stdout, document)
	}
	return printYAML(i.stdout, document)
}

// parseSpec reads the document as nodes, which keep its order.
func parseSpec(text []byte, swagger2 bool) (*yaml.Node, error) {
	if swagger2 {
		return swagger.Convert(text)
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	return file.Content[0], nil
}

func printYAML(w io.Writer, document *yaml.Node) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	return errors.Join(encoder.Encode(document), encoder.Close())
}

// A choice is a flag that is there or not. The program's own reading of booleans is for settings: it complains of their variables.
type boolFlag bool

// IsBool lets the flag stand alone.
func (*boolFlag) IsBool() bool { return true }

// Decode reads it as kong does.
func (c *boolFlag) Decode(ctx *kong.DecodeContext) error {
	mapper := kong.NewRegistry().RegisterDefaults().ForType(reflect.TypeFor[bool]())
	return mapper.Decode(ctx, reflect.ValueOf(c).Elem())
}
