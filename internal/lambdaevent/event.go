package lambdaevent

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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
	Type            string              `json:"type"`    // of a request for an authorizer: TOKEN or REQUEST
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
	RequestID  string `json:"requestId"`
	APIID      string `json:"apiId"`
	DomainName string `json:"domainName"`
	Stage      string `json:"stage"`
	Path       string `json:"path"` // with stage or base path; not in payload format 2.0
	Identity   struct {
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

	ConnectionID string `json:"connectionId"` // of a WebSocket API
}

// integration is the service that sent an event.
type integration int

const (
	rest         integration = iota // also an HTTP API with payload format 1.0
	http2                           // an HTTP API or function URL with payload format 2.0
	loadBalancer                    // an Application Load Balancer
)

// errNotProxyEvent is the error of a payload that is not an HTTP request.
var errNotProxyEvent = errors.New("this is not a proxy event: " +
	"invoke the function through a proxy integration (aws_proxy), a function URL or a load balancer")

// parseEvent parses a payload and detects the service that sent it.
func parseEvent(payload []byte) (e event, from integration, err error) {
	if err := json.Unmarshal(payload, &e); err != nil {
		return event{}, 0, fmt.Errorf("%w (%w)", errNotProxyEvent, err)
	}
	switch c := e.Context; {
	case e.Type != "" || c.ConnectionID != "":
		// Otherwise these have the form of a proxy event, but their senders do not expect a response to the client.
	case c.HTTP != nil && c.HTTP.Method != "" && strings.HasPrefix(e.RawPath, "/"):
		return e, http2, nil
	case e.HTTPMethod != "" && strings.HasPrefix(e.Path, "/") && c.ELB != nil:
		return e, loadBalancer, nil
	case e.HTTPMethod != "" && strings.HasPrefix(e.Path, "/") && e.Resource != "" && c.RequestID != "":
		return e, rest, nil
	}
	return event{}, 0, errNotProxyEvent
}

func (e *event) body() ([]byte, error) {
	if !e.IsBase64Encoded {
		return []byte(e.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		return nil, fmt.Errorf("the body of the event is not base64, although isBase64Encoded is true: %w", err)
	}
	return body, nil
}
