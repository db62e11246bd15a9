package lambdaevent

import (
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
)

// caller returns the caller, if the integration authenticated it. A user's or machine's identity precedes an API key,
// which an API may require in addition. Only tokens limit the scope.
func (e *event) caller() (caller auth.Caller, ok bool) {
	var jwt struct { // of an HTTP API
		Claims tokenClaims `json:"claims"`
	}
	var cognito tokenClaims
	var principalID string // from a Lambda authorizer of a REST API, or payload format 1.0
	var function struct {
		PrincipalID string `json:"principalId"`
	}
	var iam struct {
		UserARN string `json:"userArn"`
		Cognito struct {
			ID string `json:"identityId"`
		} `json:"cognitoIdentity"`
	}
	for name, target := range map[string]any{
		"jwt": &jwt, "claims": &cognito, "principalId": &principalID, "lambda": &function, "iam": &iam,
	} {
		_ = json.Unmarshal(e.Context.Authorizer[name], target) // another form is a member of a Lambda authorizer
	}
	for _, token := range []tokenClaims{jwt.Claims, cognito} {
		if name := token.ownerName(); name != "" {
			return auth.Caller{Owner: imports.OwnerName("sub", name), Scope: token.scope()}, true
		}
	}
	for _, candidate := range []struct{ kind, name string }{
		{"fn", principalID},
		{"fn", function.PrincipalID},
		{"pool", iam.Cognito.ID},
		{"pool", e.Context.Identity.CognitoID},
		{"iam", principal(iam.UserARN)},
		{"iam", principal(e.Context.Identity.UserARN)},
		{"key", e.Context.Identity.APIKeyID},
	} {
		if candidate.name != "" {
			return auth.Caller{Owner: imports.OwnerName(candidate.kind, candidate.name), Scope: auth.All}, true
		}
	}
	return auth.Caller{}, false
}

// tokenClaims are the claims that determine owner and scope. A subject is unique only within its issuer (RFC 7519,
// section 4.1.2).
type tokenClaims struct {
	Sub   string `json:"sub"`
	Iss   string `json:"iss"`
	Scope string `json:"scope"`
	Scp   string `json:"scp"`
}

func (s tokenClaims) ownerName() string {
	if s.Sub == "" || s.Iss == "" {
		return s.Sub
	}
	return s.Iss + " " + s.Sub
}

// scope returns the scope. Lists have the form [a b].
func (s tokenClaims) scope() auth.Scope {
	return auth.TokenScope(strings.Trim(s.Scope, "[]"), strings.Trim(s.Scp, "[]"))
}

// principal returns an ARN without a role's session name, which differs by machine and login. Roles of IAM Identity
// Center keep it: there it is the user's name.
func principal(arn string) string {
	prefix, role, ok := strings.Cut(arn, ":assumed-role/")
	if !ok || strings.HasPrefix(role, "AWSReservedSSO_") {
		return arn
	}
	role, _, _ = strings.Cut(role, "/")
	return prefix + ":assumed-role/" + role
}
