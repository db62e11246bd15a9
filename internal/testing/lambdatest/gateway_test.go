package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// document has an integration of each type.
const document = `
paths:
  /a/{id}:
    get:
      security: [{ApiKey: []}]
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "%[1]s"}
    post:
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "%[1]s"}
    put:
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: PUT, uri: "%[1]s"}
    options:
      security: []
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "%[1]s"}
  /a/b:
    post:
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: %[1]s
        responses:
          default: {statusCode: "200", responseTemplates: {application/json: "{\"u\": $input.json('$.u')}"}}
          .*gone.*: {statusCode: "404"}
x-amazon-apigateway-binary-media-types: [image/*]
x-amazon-apigateway-gateway-responses:
  DEFAULT_4XX: {responseParameters: {gatewayresponse.header.X-Whose: "'the gateway'"}}
`

const uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${stageVariables.f}/invocations"

func open(t *testing.T, f Invoke) *Gateway {
	t.Helper()
	g, err := NewGateway(fmt.Appendf(nil, document, uri), Stage{
		Name: "v1", Variables: map[string]string{"f": "fn"}, Functions: map[string]Invoke{"fn": f},
		Keys: map[string]string{"secret": "k1"}, Timeout: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGatewayAnswers checks which responses of a function are valid, and how the gateway converts them.
func TestGatewayAnswers(t *testing.T) {
	const internal = `502 {"message":"Internal server error"}`
	for _, c := range []struct {
		request, answer string
		err             error
		want            string
	}{
		{"POST /v1/a/1", `{"statusCode":200,"body":"x"}`, nil, "200 x"},
		{"POST /v1/a/1/", `{"statusCode":404,"body":null,"headers":null,"isBase64Encoded":false}`, nil, "404 "},
		{"POST /v1/a/1", `{"statusCode":200,"body":"eA==","isBase64Encoded":true}`, nil, "200 eA=="},
		{"POST /v1/a/1", `{"statusCode":"200"}`, nil, internal},
		{"POST /v1/a/1", `{"statusCode":200.5}`, nil, internal},
		{"POST /v1/a/1", `{"statusCode":200,"body":{}}`, nil, internal},
		{"POST /v1/a/1", `{"statusCode":200,"cookies":[]}`, nil, internal},
		{"POST /v1/a/1", `{"StatusCode":200}`, nil, internal},
		{"POST /v1/a/1", `{"upload_url":"u"}`, nil, internal},
		{"POST /v1/a/1", `{}`, nil, internal},
		{"POST /v1/a/1", `null`, nil, internal},
		{"POST /v1/a/1", `oops`, nil, internal},
		{"POST /v1/a/1", ``, &Error{"Error", "gone"}, internal},
		{"POST /v1/a/1", ``, &Error{RequestTooLarge, ""}, `413 {"message":"Request Too Long"}`},
		{"POST /v1/a/1", ``, context.DeadlineExceeded, `504 {"message":"Endpoint request timed out"}`},
		{"POST /v1/a/1", ``, errors.New("no process"), `500 {"message":"Internal server error"}`},
		{"PUT /v1/a/1", `{"statusCode":200}`, nil, `500 {"message":"Internal server error"}`},
		{"GET /v1/a/1", `{"statusCode":200}`, nil, `403 {"message":"Forbidden"}`},
		{"OPTIONS /v1/a/1", `{"statusCode":204}`, nil, "204 "},
		{"POST /v2/a/1", `{"statusCode":200}`, nil, `403 {"message":"Forbidden"}`},
		{"DELETE /v1/a/1", `{"statusCode":200}`, nil, `403 {"message":"Missing Authentication Token"}`},
		{"POST /v1/a/", `{"statusCode":200}`, nil, `403 {"message":"Missing Authentication Token"}`},
		{"POST /v1/a/b", `{"u":"https://x/?a\u0026b"}`, nil, `200 {"u": "https://x/?a\u0026b"}`},
		{"POST /v1/a/b/", `{}`, nil, `200 {"u": ""}`},
		{"POST /v1/a/b", ``, &Error{"Error", "no"}, `200 {"u": ""}`},
		{"POST /v1/a/b", ``, &Error{"Error", "it is gone now"}, `404 {"errorType":"Error","errorMessage":"it is gone now"}`},
		{"POST /v1/a/b", `[]`, nil, `500 {"message":"Internal server error"}`},
		{"POST /v1/a/b", ``, &Error{InvalidRequest, "x"}, `400 {"message":"Could not parse request body into json"}`},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		w := httptest.NewRecorder()
		open(t, func(context.Context, []byte) ([]byte, error) { return []byte(c.answer), c.err }).
			ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if got := fmt.Sprint(w.Code, " ", w.Body); got != c.want {
			t.Errorf("%s answered by %s %v: got %s, want %s", c.request, c.answer, c.err, got, c.want)
		}
	}
}

// TestGatewayResponses checks that the document's headers are on the gateway's own responses only.
func TestGatewayResponses(t *testing.T) {
	for _, c := range []struct{ method, answer, want string }{
		{"GET", `{"statusCode":200}`, "403 the gateway"},
		{"DELETE", `{"statusCode":200}`, "403 the gateway"},
		{"POST", `{"statusCode":404}`, "404 "},
		{"POST", `oops`, "502 "}, // of another type
	} {
		w := httptest.NewRecorder()
		open(t, func(context.Context, []byte) ([]byte, error) { return []byte(c.answer), nil }).
			ServeHTTP(w, httptest.NewRequest(c.method, "/v1/a/1", nil))
		if got := fmt.Sprint(w.Code, " ", w.Header().Get("X-Whose")); got != c.want {
			t.Errorf("%s answered by %s: got %s, want %s", c.method, c.answer, got, c.want)
		}
	}
}

// TestGatewayWaits checks the timeout of an integration.
func TestGatewayWaits(t *testing.T) {
	w := httptest.NewRecorder()
	open(t, func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}).ServeHTTP(w, httptest.NewRequest("POST", "/v1/a/1", nil))
	if w.Code != 504 {
		t.Errorf("got %d %s, want 504", w.Code, w.Body)
	}
}

// TestEvents checks the members that identify the kinds of event, and path, query, headers and body.
func TestEvents(t *testing.T) {
	var event string
	record := func(_ context.Context, e []byte) ([]byte, error) {
		event = string(e)
		return []byte(`{"statusCode":204}`), nil
	}
	send := func(body string) string {
		r := httptest.NewRequest("POST", "/v1/a/%2e?q=a%20b&q=c", strings.NewReader(body))
		r.Header.Set("Content-Type", "image/png")
		r.Header.Add("X-N", "1")
		r.Header.Add("X-N", "2")
		w := httptest.NewRecorder()
		open(t, record).ServeHTTP(w, r)
		return event
	}
	for _, c := range []struct {
		name, event string
		holds       []string
	}{
		{"REST API", send("\xff"), []string{
			`"resource":"/a/{id}"`, `"path":"/a/%2e"`, `"path":"/v1/a/%2e"`, `"pathParameters":{"id":"%2e"}`, `"q":"c"`,
			`"q":["a b","c"]`,
			`"X-N":"2"`, `"X-N":["1","2"]`, `"body":"/w=="`, `"isBase64Encoded":true`, `"stage":"v1"`,
			`"stageVariables":{"f":"fn"}`,
		}},
		{"REST API, no body", send(""), []string{`"body":null`, `"isBase64Encoded":false`}},
		{"HTTP API", through(HTTPAPI("s", nil)), []string{
			`"version":"2.0"`, `"rawPath":"/s/a/%2e"`, `"rawQueryString":"q=a%20b&q=c"`, `"q":"a b,c"`, `"x-n":"1,2"`,
			`"body":"/w=="`,
			`"stage":"s"`, `"cookies":["a=1","b=2"]`,
		}},
		{"function URL", through(FunctionURL(nil)), []string{`"version":"2.0"`, `"rawPath":"/a/%2e"`, `"stage":"$default"`}},
		{"load balancer", through(ALB(false)), []string{
			`"elb":{"targetGroupArn":`, `"path":"/a/%2e"`, `"queryStringParameters":{"q":"c"}`, `"x-n":"2"`, `"body":"/w=="`,
		}},
		{"load balancer, all values", through(ALB(true)), []string{
			`"multiValueQueryStringParameters":{"q":["a%20b","c"]}`, `"x-n":["1","2"]`,
		}},
	} {
		for _, part := range c.holds {
			if !strings.Contains(c.event, part) {
				t.Errorf("%s: got %s, want %s in it", c.name, c.event, part)
			}
		}
	}
}

func through(f Front) (event string) {
	r := httptest.NewRequest("POST", "/a/%2e?q=a%20b&q=c", strings.NewReader("\xff"))
	r.Header = map[string][]string{"X-N": {"1", "2"}, "Cookie": {"a=1; b=2"}}
	f.Serve(func(_ context.Context, e []byte) ([]byte, error) {
		event = string(e)
		return nil, errors.New("seen enough")
	}).ServeHTTP(httptest.NewRecorder(), r)
	return event
}
