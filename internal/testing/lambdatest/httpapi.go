package lambdatest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Token is a valid access token of an issuer for an audience.
type Token struct {
	Issuer, Audience string
	Claims           map[string]any
}

// httpAPI is an HTTP API with routes and JWT authorizers.
type httpAPI struct {
	routes      *Gateway
	authorizers map[string]jwtAuthorizer
	tokens      map[string]Token
}

type jwtAuthorizer struct {
	Type           string `yaml:"type"`
	IdentitySource string `yaml:"identitySource"`
	JWT            struct {
		Issuer   string   `yaml:"issuer"`
		Audience []string `yaml:"audience"`
	} `yaml:"jwtConfiguration"`
}

// NewHTTPAPI imports a document as an HTTP API: its paths and methods, proxy integrations with payload format 2.0, and
// JWT authorizers. Like API Gateway, it requires a token where an operation has security. Tokens are all valid tokens.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
func NewHTTPAPI(document []byte, functions map[string]Invoke, tokens map[string]Token) (http.Handler, error) {
	routes, err := NewGateway(document, Stage{Functions: functions})
	if err != nil {
		return nil, err
	}
	var d struct {
		Components struct {
			Schemes map[string]struct {
				Authorizer jwtAuthorizer `yaml:"x-amazon-apigateway-authorizer"`
			} `yaml:"securitySchemes"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	api := httpAPI{routes, map[string]jwtAuthorizer{}, tokens}
	for name, scheme := range d.Components.Schemes {
		a := scheme.Authorizer
		if a.Type != "jwt" || a.IdentitySource != "$request.header.Authorization" {
			return nil, fmt.Errorf("security scheme %s: got authorizer %+v, want a JWT authorizer", name, a)
		}
		api.authorizers[name] = a
	}
	for _, r := range routes.routes {
		if !r.isProxy() || r.Integration.PayloadFormat != "2.0" {
			return nil, fmt.Errorf("%s %s: not a proxy integration with payload format 2.0", r.method, r.resource)
		}
	}
	return api, nil
}

func (api httpAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, _ := api.routes.find(r.Method, r.URL.EscapedPath())
	if found == nil {
		writeJSON(w, http.StatusNotFound, message{"Not Found"})
		return
	}
	var authorizer map[string]any
	for _, requirement := range found.Security {
		for name := range requirement {
			claims, ok := api.authorizers[name].verify(api.tokens, r.Header.Get("Authorization"))
			if !ok {
				writeJSON(w, http.StatusUnauthorized, message{"Unauthorized"})
				return
			}
			authorizer = map[string]any{"jwt": map[string]any{"claims": claims, "scopes": nil}}
		}
	}
	invoke := func(ctx context.Context, event []byte) ([]byte, error) { return api.routes.invoke(ctx, found, event) }
	httpRoute("", found.method+" "+found.resource, authorizer).Serve(invoke).ServeHTTP(w, r)
}

// verify returns the claims of a bearer token.
func (a jwtAuthorizer) verify(tokens map[string]Token, authorization string) (map[string]any, bool) {
	token, ok := tokens[strings.TrimPrefix(authorization, "Bearer ")]
	return token.Claims, ok && token.Issuer == a.JWT.Issuer && slices.Contains(a.JWT.Audience, token.Audience)
}
