package lambdatest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"
)

// Limits of API Gateway: the size of a body, and the time to wait for a function.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const (
	gatewayLimit   = 10 << 20
	gatewayTimeout = 29 * time.Second
)

// Gateway is an API Gateway REST API, imported from an OpenAPI 3.0 or Swagger 2.0 document: paths and methods, API
// keys, integrations of type aws_proxy and aws, and the headers of its own responses. It serves one stage, below
// /NAME or a base path.
type Gateway struct {
	stage    Stage
	routes   []route
	binary   []string // media types that are encoded in base64
	refusals map[string]gatewayResponse
}

// Stage contains the settings of a deployment.
type Stage struct {
	Name      string
	BasePath  string // of a custom domain; if empty, the default endpoint is served
	Variables map[string]string
	Functions map[string]Invoke // by the names in the integrations' URIs
	Keys      map[string]string // the usage plan's API keys: value to id
	Timeout   time.Duration     // of the integrations (default 29 s)
}

type route struct {
	method, resource string
	operation
}

type operation struct {
	Security    []map[string][]string `yaml:"security"`
	Integration *struct {
		Type             string                         `yaml:"type"`
		HTTPMethod       string                         `yaml:"httpMethod"`
		URI              string                         `yaml:"uri"`
		PayloadFormat    string                         `yaml:"payloadFormatVersion"`
		Passthrough      string                         `yaml:"passthroughBehavior"`
		RequestTemplates map[string]string              `yaml:"requestTemplates"`
		Responses        map[string]integrationResponse `yaml:"responses"`
	} `yaml:"x-amazon-apigateway-integration"`
}

// gatewayResponse is the document's definition of the gateway's own responses of one type.
type gatewayResponse struct {
	StatusCode string            `yaml:"statusCode"`
	Parameters map[string]string `yaml:"responseParameters"`
	Templates  map[string]string `yaml:"responseTemplates"`
}

type integrationResponse struct {
	StatusCode         string            `yaml:"statusCode"`
	ResponseParameters map[string]string `yaml:"responseParameters"`
	ResponseTemplates  map[string]string `yaml:"responseTemplates"`
}

// NewGateway imports a document.
func NewGateway(document []byte, s Stage) (*Gateway, error) {
	var d struct {
		Paths    map[string]map[string]operation `yaml:"paths"`
		Binary   []string                        `yaml:"x-amazon-apigateway-binary-media-types"`
		Refusals map[string]gatewayResponse      `yaml:"x-amazon-apigateway-gateway-responses"`
	}
	if err := yaml.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	g := &Gateway{stage: s, binary: d.Binary, refusals: d.Refusals}
	for resource, operations := range d.Paths {
		for method, o := range operations {
			if o.Integration == nil {
				return nil, fmt.Errorf("%s %s: no x-amazon-apigateway-integration", method, resource)
			}
			g.routes = append(g.routes, route{strings.ToUpper(method), resource, o})
		}
	}
	// Literal segments precede parameters: a brace sorts after all valid path characters.
	slices.SortFunc(g.routes, func(a, b route) int { return cmp.Compare(a.resource, b.resource) })
	return g, nil
}

// The gateway's own responses.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
var (
	badKey     = refusal{"INVALID_API_KEY", 403, "ForbiddenException", "Forbidden"}
	noResource = refusal{ // also for an unknown method
		"MISSING_AUTHENTICATION_TOKEN", 403, "MissingAuthenticationTokenException", "Missing Authentication Token",
	}
	tooLong   = refusal{"REQUEST_TOO_LARGE", 413, "BadRequestException", "Request Too Long"}
	noMapping = refusal{"UNSUPPORTED_MEDIA_TYPE", 415, "UnsupportedMediaTypeException", "Unsupported Media Type"}
	noJSON    = refusal{"", 400, "BadRequestException", "Could not parse request body into json"}
	noAnswer  = refusal{"INTEGRATION_TIMEOUT", 504, "InternalServerErrorException", "Endpoint request timed out"}
	badAnswer = refusal{"", 502, "InternalServerErrorException", "Internal server error"}
	badSetup  = refusal{"API_CONFIGURATION_ERROR", 500, "InternalServerErrorException", "Internal server error"}
)

type refusal struct {
	kind            string // "" has only the default response of its status
	status          int
	errorType, says string
}

// refuse sends the response that the document defines for the type, or for the class of the status. Headers have
// literal values; templates may contain $context.requestId.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html
func (g *Gateway) refuse(w http.ResponseWriter, f refusal) {
	defined, ok := g.refusals[f.kind]
	if !ok {
		defined = g.refusals[fmt.Sprintf("DEFAULT_%dXX", f.status/100)]
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", f.errorType)
	for parameter, value := range defined.Parameters {
		if name, ok := strings.CutPrefix(parameter, "gatewayresponse.header."); ok {
			w.Header().Set(name, strings.Trim(value, "'"))
		}
	}
	if status, err := strconv.Atoi(defined.StatusCode); err == nil {
		f.status = status
	}
	body, ok := defined.Templates["application/json"]
	if !ok {
		body = string(marshal(message{f.says}))
	}
	w.WriteHeader(f.status)
	io.WriteString(w, strings.ReplaceAll(body, "$context.requestId", uuid.NewString()))
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, gatewayLimit)
	if !ok {
		return
	}
	below, inStage := strings.CutPrefix(r.URL.EscapedPath(), "/"+cmp.Or(g.stage.BasePath, g.stage.Name)+"/")
	found, parameters := g.find(r.Method, "/"+below)
	key := r.Header.Get("X-Api-Key")
	keyID, known := g.stage.Keys[key]
	switch {
	case !inStage: // no API, so none of its responses
		writeJSON(w, http.StatusForbidden, message{"Forbidden"})
		return
	case found == nil:
		g.refuse(w, noResource)
		return
	case len(found.Security) > 0 && !known:
		g.refuse(w, badKey)
		return
	}
	event, accepted := found.mapped(r.Header.Get("Content-Type"), body)
	if !accepted {
		g.refuse(w, noMapping)
		return
	}
	if found.isProxy() {
		identity := object{"sourceIp": sourceIP(r), "userAgent": r.UserAgent()}
		for _, none := range []string{"accessKey", "accountId", "caller", "cognitoAuthenticationProvider",
			"cognitoAuthenticationType",
			"cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn"} {
			identity[none] = nil
		}
		if len(found.Security) > 0 {
			identity["apiKey"], identity["apiKeyId"] = key, keyID
		}
		event = marshal(g.event(r, body, found, "/"+below, parameters, identity))
	}
	told, err := g.invoke(r.Context(), found, event)
	g.answer(w, r, found, told, err)
}

func (r route) isProxy() bool { return r.Integration.Type == "aws_proxy" }

// mapped returns the event of a non-proxy integration: the request template of the media type or, without one, the
// body, which passthroughBehavior never rejects. Only literal templates are supported.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
func (r route) mapped(contentType string, body []byte) ([]byte, bool) {
	mediaType, _, _ := mime.ParseMediaType(cmp.Or(contentType, "application/json"))
	if template, ok := r.Integration.RequestTemplates[mediaType]; ok {
		return []byte(template), true
	}
	return body, r.Integration.Passthrough != "never"
}

// find matches a path, with or without a trailing slash.
func (g *Gateway) find(method, path string) (*route, map[string]string) {
	given := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, r := range g.routes {
		wanted := strings.Split(strings.TrimSuffix(r.resource, "/"), "/")
		parameters := map[string]string{}
		for i := range min(len(wanted), len(given)) {
			if name, ok := strings.CutPrefix(wanted[i], "{"); ok && given[i] != "" {
				parameters[strings.TrimSuffix(name, "}")], wanted[i] = given[i], given[i]
			}
		}
		if r.method == method && slices.Equal(wanted, given) {
			return &g.routes[i], parameters
		}
	}
	return nil, nil
}

var (
	stageVariable = regexp.MustCompile(`\$\{stageVariables\.(\w+)\}`)
	functionName  = regexp.MustCompile(`:lambda:path/2015-03-31/functions/arn:.*:function:([\w-]+)/invocations$`)
)

// invoke calls the function in the integration's URI, whose own method is always POST.
func (g *Gateway) invoke(ctx context.Context, found *route, event []byte) ([]byte, error) {
	uri := stageVariable.ReplaceAllStringFunc(found.Integration.URI, func(v string) string {
		return g.stage.Variables[stageVariable.FindStringSubmatch(v)[1]]
	})
	name := functionName.FindStringSubmatch(uri)
	if name == nil || g.stage.Functions[name[1]] == nil || found.Integration.HTTPMethod != "POST" {
		return nil, fmt.Errorf("no function at %s %s", found.Integration.HTTPMethod, uri)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(g.stage.Timeout, gatewayTimeout))
	defer cancel()
	return g.stage.Functions[name[1]](ctx, event)
}

// event returns the event of a proxy integration.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
func (g *Gateway) event(
	r *http.Request, body []byte, found *route, path string, parameters map[string]string, identity object,
) object {
	headers, query, now := forwarded(r), r.URL.Query(), time.Now().UTC()
	headers.Del("Content-Length") // recorded on AWS: these two are not forwarded
	headers.Del("Connection")
	if g.stage.BasePath != "" { // https://github.com/aws-powertools/powertools-lambda-python/pull/579
		path = r.URL.EscapedPath()
	}
	e := object{
		"resource": found.resource, "path": path, "httpMethod": r.Method, "pathParameters": orNull(parameters),
		"headers": each(headers, last), "multiValueHeaders": headers, "stageVariables": orNull(g.stage.Variables),
		"queryStringParameters": orNull(each(query, last)), "multiValueQueryStringParameters": orNull(query),
		"requestContext": object{
			"accountId": "123456789012", "apiId": "abcdefghij", "resourceId": "x3o5ih", "deploymentId": "a1b2c3",
			"stage":      g.stage.Name,
			"domainName": r.Host, "domainPrefix": "abcdefghij", "requestId": uuid.NewString(),
			"extendedRequestId": "BDIQ-HtIDoEEPxA=",
			"httpMethod":        r.Method, "resourcePath": found.resource, "path": r.URL.EscapedPath(), "protocol": r.Proto,
			"requestTime": now.Format(requestTime), "requestTimeEpoch": now.UnixMilli(), "identity": identity,
		},
	}
	if len(body) == 0 {
		e["body"], e["isBase64Encoded"] = nil, false
		return e
	}
	return withBody(e, body, g.isBinary(r.Header.Get("Content-Type")))
}

func orNull[V any](m map[string]V) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// isBinary reports whether one of the API's binary media types covers the type.
func (g *Gateway) isBinary(mediaType string) bool {
	t, _, _ := mime.ParseMediaType(mediaType)
	return slices.ContainsFunc(g.binary, func(pattern string) bool {
		covered, _ := path.Match(pattern, t)
		return covered || pattern == "*/*"
	})
}

// answer sends the response to a call.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, found *route, told []byte, err error) {
	e := (*Error)(nil)
	failed := errors.As(err, &e)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		g.refuse(w, noAnswer)
	case err != nil && !failed:
		g.refuse(w, badSetup)
	case failed && e.Type == RequestTooLarge:
		g.refuse(w, tooLong)
	case failed && e.Type == InvalidRequest:
		g.refuse(w, noJSON)
	case !found.isProxy():
		g.respond(w, found, told, e)
	case failed:
		g.refuse(w, badAnswer)
	default:
		a := &response{}
		if err = json.Unmarshal(told, a, json.RejectUnknownMembers(true)); err == nil {
			a, err = a.decoded(g.isBinary(r.Header.Get("Accept")))
		}
		if err != nil {
			g.refuse(w, badAnswer)
			return
		}
		w.Header().Set("Content-Type", "application/json") // default
		a.write(w)
	}
}

var inputJSON = regexp.MustCompile(`\$input\.json\('\$\.(\w+)'\)`)

// respond sends the response of a non-proxy integration: the one whose pattern matches the whole error message,
// otherwise the default, with its template for JSON and its headers. Templates may contain $input.json('$.NAME'), where
// a missing member is "", and $context.requestId; headers have literal values.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
func (g *Gateway) respond(w http.ResponseWriter, r *route, told []byte, e *Error) {
	chosen := "default"
	if e != nil {
		told = marshal(e)
		for _, pattern := range slices.Sorted(maps.Keys(r.Integration.Responses)) {
			if whole, err := regexp.MatchString("^(?:"+pattern+")$", e.Message); err == nil && whole {
				chosen = pattern
			}
		}
	}
	response := r.Integration.Responses[chosen]
	status, err := strconv.Atoi(response.StatusCode)
	if template, ok := response.ResponseTemplates["application/json"]; ok {
		members := map[string]jsontext.Value{}
		err = cmp.Or(err, json.Unmarshal(told, &members))
		told = []byte(inputJSON.ReplaceAllStringFunc(template, func(input string) string {
			return cmp.Or(string(members[inputJSON.FindStringSubmatch(input)[1]]), `""`)
		}))
		told = bytes.ReplaceAll(told, []byte("$context.requestId"), []byte(uuid.NewString()))
	}
	if err != nil {
		g.refuse(w, badSetup)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for parameter, value := range response.ResponseParameters {
		if name, ok := strings.CutPrefix(parameter, "method.response.header."); ok {
			w.Header().Set(name, strings.Trim(value, "'"))
		}
	}
	w.WriteHeader(status)
	w.Write(told)
}
