package lambdaevent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// seen is what the handler received.
type seen struct {
	method, uri, host, remote, owner, body string
	header                                 http.Header
}

// invoke sends an event to a Proxy whose handler responds with what it received.
func invoke(t *testing.T, event string, answer func(http.ResponseWriter)) (seen, string, error) {
	t.Helper()
	var s seen
	p := Proxy{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength {
			t.Errorf("body: got %d bytes, %v, want ContentLength %d", len(body), err, r.ContentLength)
		}
		caller, _ := auth.NewGateway(false)(r) // the zero value without a caller
		s = seen{r.Method, r.URL.RequestURI(), r.Host, r.RemoteAddr, caller.Owner, string(body), r.Header}
		answer(w)
	})}
	out, err := p.Invoke(t.Context(), []byte(event))
	return s, string(out), err
}

func nothing(http.ResponseWriter) {}

// The events below have the shapes that AWS documents, without unused members.
func TestRequests(t *testing.T) {
	const rest = `{"resource":"/import/{id}/parts","path":"/import/x/parts","httpMethod":"POST","headers":{"Host":"api.example.com","X-One":"2"},
		"multiValueHeaders":{"Host":["api.example.com"],"X-One":["1","2"]},"queryStringParameters":{"after":"7"},
		"multiValueQueryStringParameters":{"after":["6","7"],"q":["a b&c"]},"pathParameters":{"id":"x"},"stageVariables":{"function":"f"},
		"requestContext":{"accountId":"1","stage":"prod","requestId":"r-1","path":"/prod/import/x/parts",
		"identity":{"sourceIp":"192.0.2.1","apiKeyId":null,"userArn":null},"apiId":"a"},"body":"{}","isBase64Encoded":false}`
	const http2 = `{"version":"2.0","routeKey":"POST /import/{id}","rawPath":"/prod/import/x","rawQueryString":"after=6&after=7&q=a%20b","cookies":["a=1","b=2"],
		"headers":{"host":"api.example.com","x-one":"1,2"},"requestContext":{"stage":"prod","requestId":"JKJaXmPLvHcESHA=",
		"http":{"method":"POST","path":"/prod/import/x","sourceIp":"2001:db8::1"}},"body":"e30=","isBase64Encoded":true}`
	const balancer = `{"requestContext":{"elb":{"targetGroupArn":"arn:x"}},"httpMethod":"GET","path":"/import","queryStringParameters":{"q":"a%20b"},
		"headers":{"host":"api.example.com","x-forwarded-for":"10.9.9.9, 192.0.2.7"},"body":"","isBase64Encoded":false}`
	replace := func(event string, pairs ...string) string {
		changed := strings.NewReplacer(pairs...).Replace(event)
		if changed == event {
			t.Fatalf("nothing to replace: %q", pairs)
		}
		return changed
	}
	for _, c := range []struct {
		name, event string
		want        seen
		header      [2]string // a received header, values joined by |
	}{
		{
			"REST API", rest,
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{"X-One", "1|2"},
		},
		{
			"its request id", rest,
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{"X-Request-Id", "r-1"},
		},
		{
			"the caller's request id", replace(rest, `"X-One":["1","2"]`, `"x-request-id":["mine"]`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{"X-Request-Id", "mine"},
		},
		{
			"custom domain with a base path", replace(rest, `"path":"/import/x/parts"`, `"path":"/base/v1/import/x/parts/"`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"trailing slash", replace(rest, `"/import/{id}/parts","path":"/import/x/parts"`, `"/import","path":"/import/"`),
			seen{
				method: "POST", uri: "/import?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"escaped slash", replace(rest, `"path":"/import/x/parts"`, `"path":"/import/a%2Fb/parts"`),
			seen{
				method: "POST", uri: "/import/a%2Fb/parts?after=6&after=7&q=a+b%26c", host: "api.example.com",
				remote: "192.0.2.1:0", body: "{}",
			},
			[2]string{},
		},
		{
			"greedy path",
			replace(
				rest, `"/import/{id}/parts","path":"/import/x/parts"`, `"/{proxy+}","path":"/base/import/a%2Fb"`, `{"id":"x"}`,
				`{"proxy":"import/a/b"}`,
			),
			seen{
				method: "POST", uri: "/import/a%2Fb?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"greedy below a resource",
			replace(
				rest, `"/import/{id}/parts","path":"/import/x/parts"`, `"/import/{rest+}","path":"/base/import/x/parts"`,
				`{"id":"x"}`, `{"rest":"x/parts"}`,
			),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"greedy after a parameter",
			replace(
				rest, `"/import/{id}/parts","path":"/import/x/parts"`, `"/{a}/{proxy+}","path":"/base/import/x/parts"`,
				`{"id":"x"}`, `{"a":"import","proxy":"x/parts"}`,
			),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"path that leads to another host",
			replace(rest, `"/import/{id}/parts","path":"/import/x/parts"`, `"/","path":"//evil.example.com/import"`),
			seen{
				method: "POST", uri: "//evil.example.com/import?after=6&after=7&q=a+b%26c", host: "api.example.com",
				remote: "192.0.2.1:0", body: "{}",
			},
			[2]string{},
		},
		{
			"no body", replace(rest, `"body":"{}"`, `"body":null`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
			},
			[2]string{"Content-Length", ""},
		},
		{
			"single-value members alone",
			replace(
				rest, `"multiValueHeaders":{"Host":["api.example.com"],"X-One":["1","2"]}`, `"multiValueHeaders":null`,
				`"multiValueQueryStringParameters":{"after":["6","7"],"q":["a b&c"]}`, `"multiValueQueryStringParameters":null`,
			),
			seen{method: "POST", uri: "/import/x/parts?after=7", host: "api.example.com", remote: "192.0.2.1:0", body: "{}"},
			[2]string{"X-One", "2"},
		},
		{
			"a length that lies", replace(rest, `"X-One":["1","2"]`, `"Content-Length":["99"],"Transfer-Encoding":["chunked"]`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{"Content-Length", "2"},
		},
		{
			"API key", replace(rest, `"apiKeyId":null`, `"apiKeyId":"abc123"`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: "key-abc123",
			},
			[2]string{},
		},
		{
			"IAM user", replace(rest, `"userArn":null`, `"userArn":"arn:aws:iam::1:user/u"`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: imports.OwnerName("iam", "arn:aws:iam::1:user/u"),
			},
			[2]string{},
		},
		{
			"a role, whatever its session", replace(rest, `"userArn":null`, `"userArn":"arn:aws:sts::1:assumed-role/r/i-77"`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: imports.OwnerName("iam", "arn:aws:sts::1:assumed-role/r"),
			},
			[2]string{},
		},
		{
			"a person of IAM Identity Center",
			replace(rest, `"userArn":null`, `"userArn":"arn:aws:sts::1:assumed-role/AWSReservedSSO_x/alice"`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: imports.OwnerName("iam", "arn:aws:sts::1:assumed-role/AWSReservedSSO_x/alice"),
			},
			[2]string{},
		},
		{
			"a member of an identity pool",
			replace(
				rest, `"userArn":null`,
				`"userArn":"arn:aws:sts::1:assumed-role/r/CognitoIdentityCredentials","cognitoIdentityId":"eu-west-1:7"`,
			),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: imports.OwnerName("pool", "eu-west-1:7"),
			},
			[2]string{},
		},
		{
			"a header spelled in two ways", replace(rest, `"X-One":["1","2"]`, `"x-one":["2"],"X-One":["1"]`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{"X-One", "1|2"},
		},
		{
			"Cognito, before an API key",
			replace(
				rest, `"apiKeyId":null`, `"apiKeyId":"abc123"`, `"accountId":"1"`,
				`"authorizer":{"claims":{"sub":"user-1","aud":"x"}}`,
			),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: "sub-user-1",
			},
			[2]string{},
		},
		{
			"a function that authorizes an HTTP API",
			replace(http2, `"stage":"prod"`, `"stage":"$default","authorizer":{"lambda":{"principalId":"u1"}}`, `/prod/`, `/`),
			seen{
				method: "POST", uri: "/import/x?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}", owner: "fn-u1",
			},
			[2]string{},
		},
		{
			"a function that authorizes",
			replace(
				rest, `"accountId":"1"`, `"authorizer":{"principalId":"u1","claims":"a text","jwt":7,"integrationLatency":3}`,
			),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: "fn-u1",
			},
			[2]string{},
		},
		{
			"an identity that would leave its prefix", replace(rest, `"apiKeyId":null`, `"apiKeyId":"../public"`),
			seen{
				method: "POST", uri: "/import/x/parts?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}", owner: imports.OwnerName("key", "../public"),
			},
			[2]string{},
		},

		{
			"HTTP API", http2,
			seen{
				method: "POST", uri: "/import/x?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}",
			},
			[2]string{"Cookie", "a=1; b=2"},
		},
		{
			"its default stage",
			replace(http2, `"rawPath":"/prod/import/x"`, `"rawPath":"/import/x"`, `"stage":"prod"`, `"stage":"$default"`),
			seen{
				method: "POST", uri: "/import/x?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}",
			},
			[2]string{"X-Request-Id", "JKJaXmPLvHcESHA="},
		},
		{
			"its custom domain", replace(http2, `"rawPath":"/prod/import/x"`, `"rawPath":"/base/import/x"`),
			seen{
				method: "POST", uri: "/import/x?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"a decoded path", replace(http2, `"rawPath":"/prod/import/x"`, `"rawPath":"/prod/import/a b%"`),
			seen{
				method: "POST", uri: "/import/a%20b%25?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"JWT",
			replace(
				http2, `"stage":"prod"`,
				`"stage":"prod","authorizer":{"jwt":{"claims":{"sub":"auth0|7","iss":"https://a"},"scopes":null}}`,
			),
			seen{
				method: "POST", uri: "/import/x?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}", owner: imports.OwnerName("sub", "https://a auth0|7"),
			},
			[2]string{},
		},
		{"function URL", replace(
			http2, `"routeKey":"POST /import/{id}","rawPath":"/prod/import/x"`,
			`"routeKey":"$default","rawPath":"/import/a%2Fb"`, `"stage":"prod"`,
			`"stage":"$default","authorizer":{"iam":{"userArn":"arn:aws:iam::1:user/u"}}`,
		),
			seen{
				method: "POST", uri: "/import/a%2Fb?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}", owner: imports.OwnerName("iam", "arn:aws:iam::1:user/u"),
			},
			[2]string{}},

		{
			"HTTP API in the older form",
			replace(
				rest, `"resource":"/import/{id}/parts","path":"/import/x/parts"`, `"resource":"$default","path":"/prod/import/x"`,
			),
			seen{
				method: "POST", uri: "/import/x?after=6&after=7&q=a+b%26c", host: "api.example.com", remote: "192.0.2.1:0",
				body: "{}",
			},
			[2]string{},
		},
		{
			"a member of an identity pool, by IAM",
			replace(
				http2, `"stage":"prod"`,
				`"stage":"prod","authorizer":{"iam":{"userArn":"arn:aws:sts::1:assumed-role/r/x",`+
					`"cognitoIdentity":{"identityId":"eu-west-1:7"}}}`,
			),
			seen{
				method: "POST", uri: "/import/x?after=6&after=7&q=a%20b", host: "api.example.com", remote: "[2001:db8::1]:0",
				body: "{}", owner: imports.OwnerName("pool", "eu-west-1:7"),
			},
			[2]string{},
		},
		{
			"load balancer that tells ports", replace(balancer, "192.0.2.7", "192.0.2.7:4711"),
			seen{method: "GET", uri: "/import?q=a%20b", host: "api.example.com", remote: "192.0.2.7:0"}, [2]string{},
		},
		{
			"load balancer", balancer,
			seen{method: "GET", uri: "/import?q=a%20b", host: "api.example.com", remote: "192.0.2.7:0"}, [2]string{},
		},
		{"load balancer, all values", replace(
			balancer, `"queryStringParameters":{"q":"a%20b"}`, `"multiValueQueryStringParameters":{"q":["1","2"]}`,
			`"headers":{"host":"api.example.com","x-forwarded-for":"10.9.9.9, 192.0.2.7"}`,
			`"multiValueHeaders":{"host":["api.example.com"],"x-forwarded-for":["10.9.9.9","192.0.2.8"]}`,
		),
			seen{method: "GET", uri: "/import?q=1&q=2", host: "api.example.com", remote: "192.0.2.8:0"},
			[2]string{"X-Forwarded-For", "10.9.9.9|192.0.2.8"}},
	} {
		got, _, err := invoke(t, c.event, nothing)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if value := strings.Join(got.header.Values(c.header[0]), "|"); value != c.header[1] {
			t.Errorf("%s: header %s: got %q, want %q", c.name, c.header[0], value, c.header[1])
		}
		if got.header = nil; got.method != c.want.method || got.uri != c.want.uri || got.host != c.want.host ||
			got.remote != c.want.remote ||
			got.owner != c.want.owner ||
			got.body != c.want.body {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// TestOtherPayloads checks that other payloads never become requests.
func TestOtherPayloads(t *testing.T) {
	for _, payload := range []string{
		``, `null`, `{}`, `[]`, `"x"`, `1`, `{"upload_url":1}`, `{"httpMethod":"POST","path":"/import"}`,
		`{"httpMethod":"POST","path":"/import","requestContext":{}}`,
		`{"httpMethod":"POST","path":"import","resource":"/import","requestContext":{"requestId":"x"}}`,
		`{"version":"2.0","rawPath":"/import","requestContext":{"http":{}}}`,
		`{"type":"REQUEST","httpMethod":"POST","path":"/import","resource":"/import","requestContext":{"requestId":"x"}}`,
		`{"version":"2.0","type":"REQUEST","rawPath":"/import","requestContext":{"http":{"method":"POST"}}}`,
		`{"httpMethod":"GET","path":"/","resource":"/","requestContext":{"requestId":"x","connectionId":"y"}}`,
		`{"httpMethod":7}`, `{"Records":[{"eventSource":"aws:s3"}]}`,
	} {
		if got, out, err := invoke(t, payload, nothing); !errors.Is(err, errNotProxyEvent) || out != "" || got.method != "" {
			t.Errorf("Invoke %s: got %q, %v, and the service saw %+v; want errNoProxyEvent", payload, out, err, got)
		}
	}
	const broken = `{"resource":"/import","path":"/import","httpMethod":"POST","requestContext":{"requestId":"x"},` +
		`"body":"%%%","isBase64Encoded":true}`
	if got, out, err := invoke(t, broken, nothing); err == nil || got.method != "" {
		t.Errorf("Invoke with a body that is no base64: got %q, and the service saw %+v; want an error", out, got)
	}
}

// TestResponses checks that a response has only the members that its integration permits.
func TestResponses(t *testing.T) {
	const (
		rest     = `{"resource":"/import","path":"/import","httpMethod":"POST","requestContext":{"requestId":"x"}}`
		http2    = `{"version":"2.0","rawPath":"/import","requestContext":{"http":{"method":"POST"}}}`
		balancer = `{"path":"/import","httpMethod":"POST","headers":{},"requestContext":{"elb":{}}}`
		all      = `{"path":"/import","httpMethod":"POST","multiValueHeaders":{},"requestContext":{"elb":{}}}`
	)
	text := func(w http.ResponseWriter) {
		w.Header().Add("Vary", "A")
		w.Header().Add("Vary", "B")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("Too-Late", "1")
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, `{"url":"?a&b"}`)
	}
	const body = `"body":"{\"url\":\"?a&b\"}","isBase64Encoded":false`
	for _, c := range []struct {
		name, event string
		answer      func(http.ResponseWriter)
		want        string
	}{
		{
			"REST API", rest, text,
			`{"statusCode":418,"multiValueHeaders":{"Set-Cookie":["a=1","b=2"],"Vary":["A","B"]},` + body + `}`,
		},
		{"HTTP API", http2, text, `{"statusCode":418,"headers":{"Vary":"A, B"},"cookies":["a=1","b=2"],` + body + `}`},
		{
			"load balancer", balancer, text, `{"statusCode":418,"headers":{"Set-Cookie":"a=1, b=2","Vary":"A, B"},` + body + `}`,
		},
		{
			"load balancer, all values", all, text,
			`{"statusCode":418,"multiValueHeaders":{"Set-Cookie":["a=1","b=2"],"Vary":["A","B"]},` + body + `}`,
		},
		{"nothing said", rest, nothing, `{"statusCode":200,"multiValueHeaders":{},"body":"","isBase64Encoded":false}`},
		{
			"not text", http2, func(w http.ResponseWriter) { w.Write([]byte{0xff, 0x00}) },
			`{"statusCode":200,"headers":{},"body":"/wA=","isBase64Encoded":true}`,
		},
	} {
		_, got, err := invoke(t, c.event, c.answer)
		if err != nil || !sameJSON(t, got, c.want) {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
		if strings.Contains(got, `\u0026`) {
			t.Errorf("%s: got %s, want & as it is: six bytes for each would go beyond Lambda's limit", c.name, got)
		}
	}
}

// TestDirect checks that every event has the same response.
func TestDirect(t *testing.T) {
	e, err := sigv4.ParseEndpoint("https://bucket.example.com")
	if err != nil {
		t.Fatal(err)
	}
	fault := errors.New("no credentials")
	for _, payload := range []string{
		`{}`, `null`, `not JSON`,
		`{"resource":"/import","path":"/import/x/parts","httpMethod":"POST","requestContext":{"requestId":"x",` +
			`"identity":{"apiKeyId":"abc"}}}`,
	} {
		d := Direct{func(ctx context.Context) (sigv4.SecretURL, error) {
			request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			if caller, err := auth.NewGateway(false)(request); err == nil {
				t.Errorf("Direct with %s: became a call of %s", payload, caller.Owner)
			}
			return e.BucketURL(), nil
		}}
		if got, err := d.Invoke(t.Context(), []byte(payload)); err != nil ||
			string(got) != `{"upload_url":"https://bucket.example.com"}` {
			t.Errorf("Direct with %s: got %s, %v", payload, got, err)
		}
	}
	failing := Direct{func(context.Context) (sigv4.SecretURL, error) { return sigv4.SecretURL{}, fault }}
	if _, err := failing.Invoke(t.Context(), nil); !errors.Is(err, fault) {
		t.Errorf("Direct without credentials: got %v, want %v", err, fault)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// TestScopes checks that a token has the same scope here and in the service itself.
func TestScopes(t *testing.T) {
	for authorizer, want := range map[string]auth.Scope{
		`{"jwt":{"claims":{"sub":"u","iss":"i","scope":"openid import:read"}}}`:          auth.Read,
		`{"jwt":{"claims":{"sub":"u","iss":"i","scp":"[import:create import:delete]"}}}`: auth.Create | auth.Delete,
		`{"jwt":{"claims":{"sub":"u","iss":"i","scope":"import:everything"}}}`:           0,
		`{"jwt":{"claims":{"sub":"u","iss":"i","scope":"openid profile"}}}`:              auth.All,
		`{"claims":{"sub":"u","iss":"i","scope":"import:read"}}`:                         auth.Read,
		`{"principalId":"u"}`: auth.All,
		`{"principalId":"u","claims":{"scope":"import:read"}}`: auth.All, // of no token
	} {
		var got auth.Caller
		p := Proxy{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var err error
			if got, err = auth.NewGateway(false)(r); err != nil {
				t.Errorf("%s: %v", authorizer, err)
			}
		})}
		event := `{"version":"2.0","rawPath":"/import","requestContext":{"http":{"method":"GET"},` +
			`"authorizer":` + authorizer + `}}`
		if _, err := p.Invoke(t.Context(), []byte(event)); err != nil {
			t.Fatal(err)
		}
		if got.Scope != want {
			t.Errorf("%s: got %q, want %q", authorizer, got.Scope, want)
		}
	}
}
