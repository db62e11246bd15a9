package lambdaevent

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
)

// event contains the used members of the four kinds of proxy event. Sources:
//   - REST API: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
//   - HTTP API, payload formats 1.0 and 2.0:
//
// .../apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
//   - function URL: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
//   - load balancer: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
type event struct {
	Version         string              `json:"version"` // "2.0": HTTP API and function URL
	HTTPMethod      string              `json:"httpMethod"`
	Path            string              `json:"path"`
	Resource        string              `json:"resource"` // the API's path template
	PathParameters  map[string]string   `json:"pathParameters"`
	Query           map[string]string   `json:"queryStringParameters"`
	MultiValueQuery map[string][]string `json:"multiValueQueryStringParameters"`

	RouteKey string   `json:"routeKey"` // method and path template of the API, or $default
	RawPath  string   `json:"rawPath"`
	RawQuery string   `json:"rawQueryString"`
	Cookies  []string `json:"cookies"`

	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	Context           requestContext      `json:"requestContext"`
}

type requestContext struct {
	RequestID string `json:"requestId"`
	Stage     string `json:"stage"`
	Identity  struct {
		SourceIP  string `json:"sourceIp"`
		APIKeyID  string `json:"apiKeyId"`
		UserARN   string `json:"userArn"`
		CognitoID string `json:"cognitoIdentityId"` // of an identity pool, whose identities share one role
	} `json:"identity"`
	HTTP *struct {
		Method   string `json:"method"`
		SourceIP string `json:"sourceIp"`
	} `json:"http"`
	Authorizer map[string]jsontext.Value `json:"authorizer"` // a Lambda authorizer may add any members
	ELB        *struct{}                 `json:"elb"`
}

// integration is the service that sent an event.
type integration int

const (
	rest         integration = iota // also an HTTP API with payload format 1.0
	http2                           // an HTTP API or function URL with payload format 2.0
	loadBalancer                    // an Application Load Balancer
)

// errNotProxyEvent is the error of a payload that is not an HTTP request.
var errNotProxyEvent = errors.New("this is no proxy event: " +
	"invoke the function through a proxy integration (aws_proxy), a function URL or a load balancer, " +
	"or set SIGNPOST_LAMBDA_EVENTS=direct if every event is to be answered with an upload_url")

// parseEvent parses a payload and detects the service that sent it.
func parseEvent(payload []byte) (e event, from integration, err error) {
	if err := json.Unmarshal(payload, &e); err != nil {
		return event{}, 0, fmt.Errorf("%w (%w)", errNotProxyEvent, err)
	}
	switch c := e.Context; {
	case c.HTTP != nil && c.HTTP.Method != "" && strings.HasPrefix(e.RawPath, "/"):
		return e, http2, nil
	case e.HTTPMethod != "" && strings.HasPrefix(e.Path, "/") && c.ELB != nil:
		return e, loadBalancer, nil
	case e.HTTPMethod != "" && strings.HasPrefix(e.Path, "/") && e.Resource != "" && c.RequestID != "":
		return e, rest, nil
	}
	return event{}, 0, errNotProxyEvent
}

// path returns the path as the OpenAPI document has it: without stage or base path, and escaped as the client sent it.
func (e *event) path(from integration) string {
	switch declared := e.Resource; from {
	case loadBalancer:
		return e.Path
	case http2:
		_, declared, _ = strings.Cut(e.RouteKey, " ") // empty for $default
		return e.trimBasePath(e.trimStage(e.RawPath), declared)
	default:
		if declared == "$default" { // an HTTP API
			return e.trimStage(e.Path)
		}
		return e.trimBasePath(e.Path, declared)
	}
}

// trimStage removes an HTTP API's stage from the path. $default is not part of the path.
func (e *event) trimStage(path string) string {
	if stage := "/" + e.Context.Stage; strings.HasPrefix(path, stage+"/") {
		return path[len(stage):]
	}
	return path
}

// trimBasePath returns the end of path that matches the path template declared: as many segments or, for a greedy
// {proxy+}, its value and the segments before it.
func (e *event) trimBasePath(path, declared string) string {
	if i := strings.LastIndex(declared, "/{"); i >= 0 && strings.HasSuffix(declared, "+}") {
		before, name := declared[:i], strings.TrimSuffix(declared[i+2:], "+}")
		taken := e.PathParameters[name] // raw or decoded
		for i := len(path) - 1; i >= 0; i-- {
			rest := path[i+1:]
			if decoded, err := url.PathUnescape(rest); path[i] == '/' && (rest == taken || err == nil && decoded == taken) {
				return lastSegments(path[:i], strings.Count(before, "/")) + "/" + rest
			}
		}
		return before + "/" + taken
	}
	if n := strings.Count(declared, "/"); declared != "/" && n > 0 {
		return lastSegments(strings.TrimSuffix(path, "/"), n)
	}
	return path
}

// lastSegments returns the end of path that has n slashes, or all of it.
func lastSegments(path string, n int) string {
	segments := strings.Split(path, "/")
	if n == 0 {
		return ""
	}
	if n < len(segments) {
		segments = segments[len(segments)-n:]
		return "/" + strings.Join(segments, "/")
	}
	return path
}

// query returns the raw query. Load balancers pass names and values unchanged, REST APIs decode them.
func (e *event) query(from integration) string {
	if from == http2 {
		return e.RawQuery
	}
	values := e.MultiValueQuery
	if len(values) == 0 {
		values = map[string][]string{}
		for name, value := range e.Query {
			values[name] = []string{value}
		}
	}
	if from == rest {
		return url.Values(values).Encode()
	}
	var pairs []string
	for name, all := range values {
		for _, value := range all {
			pairs = append(pairs, name+"="+value)
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func (e *event) body() ([]byte, error) {
	if !e.IsBase64Encoded {
		return []byte(e.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		return nil, fmt.Errorf("the event's body is not the base64 it says it is: %w", err)
	}
	return body, nil
}

// owner returns the caller's owner name, if the integration authenticated the caller. A user's or machine's identity
// precedes an API key, which an API may require in addition.
func (e *event) owner() (owner string, known bool) {
	var jwt struct {
		Claims tokenClaims `json:"claims"`
	} // of an HTTP API
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
	for _, candidate := range []struct{ kind, name string }{
		{"sub", jwt.Claims.ownerName()},
		{"sub", cognito.ownerName()},
		{"fn", principalID},
		{"fn", function.PrincipalID},
		{"pool", iam.Cognito.ID},
		{"pool", e.Context.Identity.CognitoID},
		{"iam", principal(iam.UserARN)},
		{"iam", principal(e.Context.Identity.UserARN)},
		{"key", e.Context.Identity.APIKeyID},
	} {
		if candidate.name != "" {
			return imports.OwnerName(candidate.kind, candidate.name), true
		}
	}
	return "", false
}

// scope returns the scope of the caller's token, or auth.All if the caller was not authenticated by a token.
func (e *event) scope() auth.Scope {
	var jwt struct {
		Claims tokenClaims `json:"claims"`
	}
	var cognito tokenClaims
	_ = json.Unmarshal(e.Context.Authorizer["jwt"], &jwt)
	_ = json.Unmarshal(e.Context.Authorizer["claims"], &cognito)
	for _, token := range []tokenClaims{jwt.Claims, cognito} {
		if token.ownerName() != "" {
			// Lists have the form [a b].
			return auth.TokenScope(strings.Trim(token.Scope, "[]"), strings.Trim(token.Scp, "[]"))
		}
	}
	return auth.All
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
