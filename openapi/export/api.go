package export

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// APIFlags choose the API of API Gateway that a copy is for.
type APIFlags struct {
	RESTAPI   bool    `name:"rest-api" xor:"api" help:"For REST APIs: omit examples, which they do not support."`
	HTTPAPI   bool    `name:"http-api" xor:"api" help:"For HTTP APIs; requires --issuer and --audience, or --anonymous."`
	Issuer    *string `placeholder:"URL" help:"Issuer of the access tokens that the HTTP API accepts."`
	Audience  *string `placeholder:"AUD" help:"Audience of these tokens."`
	Direct    bool    `xor:"api" help:"One path, for a function with SIGNPOST_LAMBDA_EVENTS=direct."`
	Anonymous bool    `help:"Omit the API key or the authorizer; protect the API in another way."`
	Swagger2  bool    `name:"swagger2" help:"Print Swagger 2.0, for tools without OpenAPI 3."`
}

// Authorizer returns the authorizer that the flags name, or all their errors.
func (f APIFlags) Authorizer() (Authorizer, error) {
	var problems []string
	named := f.Issuer != nil || f.Audience != nil
	switch {
	case named && !f.HTTPAPI:
		problems = append(problems, "--issuer and --audience require --http-api: other APIs have no JWT authorizer")
	case named && f.Anonymous:
		problems = append(problems, "--anonymous omits the authorizer: omit --issuer and --audience, or --anonymous")
	case f.HTTPAPI && !f.Anonymous && (f.Issuer == nil || f.Audience == nil):
		problems = append(problems, "--http-api requires --issuer and --audience, or --anonymous")
	}
	if f.HTTPAPI && f.Swagger2 {
		problems = append(problems, "--http-api and --swagger2 exclude each other: HTTP APIs import OpenAPI 3 only")
	}
	if f.Issuer != nil && !isIssuer(*f.Issuer) {
		problems = append(problems, fmt.Sprintf("--issuer=%q: must be an https URL without query and fragment", *f.Issuer))
	}
	if f.Audience != nil && strings.TrimSpace(*f.Audience) == "" {
		problems = append(problems, fmt.Sprintf("--audience=%q: must not be empty", *f.Audience))
	}
	if len(problems) > 0 {
		return Authorizer{}, errors.New(strings.Join(problems, "\n"))
	}
	return Authorizer{Issuer: value(f.Issuer), Audience: value(f.Audience)}, nil
}

// isIssuer reports whether text is an issuer by OpenID Connect Discovery 1.0, section 3.
func isIssuer(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && !strings.ContainsAny(text, "?#")
}
