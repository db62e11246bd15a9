package lambdaevent

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// fuzzedEvents are proxy events of each kind, with and without a caller, and other payloads.
var fuzzedEvents = []string{
	`{"resource":"/import/{id}","path":"/v1/import/x","httpMethod":"GET","headers":{"host":"h","x-one":"1"},` +
		`"queryStringParameters":{"a":"b&c"},"requestContext":{"requestId":"r","stage":"v1",` +
		`"identity":{"sourceIp":"192.0.2.1","apiKeyId":"abc"}},"body":null,"isBase64Encoded":false}`,
	`{"resource":"/{proxy+}","path":"/base/import/a%2Fb","httpMethod":"POST","pathParameters":{"proxy":"import/a/b"},` +
		`"multiValueHeaders":{"X-One":["1","2"]},"multiValueQueryStringParameters":{"a":["1","2"]},` +
		`"requestContext":{"requestId":"r","authorizer":{"claims":{"sub":"u","iss":"i","scope":"openid import:read"}}},` +
		`"body":"e30=","isBase64Encoded":true}`,
	`{"resource":"$default","path":"/prod/import","httpMethod":"POST","requestContext":{"requestId":"r","stage":"prod",` +
		`"identity":{"userArn":"arn:aws:sts::1:assumed-role/r/x","cognitoIdentityId":"p"}},"body":"{}"}`,
	`{"resource":"/","path":"//evil.example.com/x","httpMethod":"HEAD","requestContext":{"requestId":"r",` +
		`"authorizer":{"principalId":"u","lambda":{"principalId":"v"},"scope":"import:read"}}}`,
	`{"version":"2.0","routeKey":"POST /import","rawPath":"/prod/import","rawQueryString":"a=%zz","cookies":["a=1"],` +
		`"headers":{"cookie":"b=2"},"requestContext":{"stage":"prod","http":{"method":"POST","sourceIp":"2001:db8::1"},` +
		`"authorizer":{"jwt":{"claims":{"sub":"u","scp":"[import:create import:delete]"}},"iam":{"userArn":"arn:x",` +
		`"cognitoIdentity":{"identityId":"p"}}}},"body":"\u0000\ud83d\ude00"}`,
	`{"version":"2.0","routeKey":"$default","rawPath":"/import/ %","requestContext":{"stage":"",` +
		`"http":{"method":"G\r\nT"}}}`,
	`{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/import","queryStringParameters":{"a":"%20"},` +
		`"headers":{"x-forwarded-for":"1, 2:3","x-api-key":"abc","Authorization":"Bearer x"},"body":""}`,
	`{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/?","multiValueHeaders":{"\r\n":["\r\n"],` +
		`"Content-Length":["99"],"Host":["a","b"]}}`,
	`{}`, `{"size":5}`, `null`, `[]`, `"x"`, `7`, ``, `{`, "\xff", `{"httpMethod":"GET","path":"/","resource":"/"}`,
	`{"requestContext":null}`,
	`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"uploads"},` +
		`"object":{"key":"a+b%2F"}}}]}`,
	`{"version":"0","source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"uploads"},` +
		`"object":{"key":"k"}}}`,
	`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`,
	`{"requestContext":{"identity":{"apiKeyId":"abc"}},"owner":"key-abc","headers":{"x-api-key":"abc"}}`,
	`{"body":"\ud800"}`, `{"path":"/","path":"/"}`,
}

// FuzzProxy checks that every payload is rejected or becomes one request, whose caller is the one in requestContext,
// and whose response has only members that the integration knows.
func FuzzProxy(f *testing.F) {
	for _, e := range fuzzedEvents {
		for _, body := range []string{"", "{}\n", "\xff\x00", "\u2028<&>"} {
			f.Add([]byte(e), uint16(200), body, "X-One", "1\r\n")
			f.Add([]byte(e), uint16(100), body, "Set-Cookie", "a=1")
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte, status uint16, body, name, value string) {
		var got *http.Request
		name, value = strings.ToValidUTF8(name, ""), strings.ToValidUTF8(
			value,
			"",
		) // package httpapi ensures that response headers are ASCII
		p := Proxy{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content, err := io.ReadAll(r.Body)
			if got != nil || err != nil || int64(len(content)) != r.ContentLength {
				t.Errorf(
					"%q: %d bytes, %v, of a request of %d, want one request with a body as long as it says",
					payload,
					len(content),
					err,
					r.ContentLength,
				)
			}
			got = r
			w.Header().Add(name, value)
			w.Header().Add(name, value)
			w.WriteHeader(100 + int(status)%500)
			io.WriteString(w, body)
		})}
		answered, err := p.Invoke(t.Context(), payload)
		if err != nil {
			if answered != nil || got != nil {
				t.Errorf("%q: got %s and error %v, want one of the two", payload, answered, err)
			}
			return
		}
		if got == nil || got.Method == "" || !strings.HasPrefix(got.URL.Path, "/") || got.URL.Host != "" ||
			got.RemoteAddr == "" {
			t.Fatalf("%q: became %+v", payload, got)
		}
		var e map[string]jsontext.Value
		if err := json.Unmarshal(payload, &e); err != nil {
			t.Fatalf("%q was taken, though it is no object: %v", payload, err)
		}
		checkResponse(t, payload, answered, e, got.Method, 100+int(status)%500, body)
		checkCaller(t, payload, e, got)
	})
}

// checkResponse checks a response against what the handler wrote, in the integration's format.
func checkResponse(
	t *testing.T,
	payload, answered []byte,
	e map[string]jsontext.Value,
	method string,
	status int,
	body string,
) {
	t.Helper()
	var front struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
		ELB *struct{} `json:"elb"`
	}
	if err := json.Unmarshal(e["requestContext"], &front); err != nil {
		t.Fatalf("%q was taken, with a requestContext that cannot be read: %v", payload, err)
	}
	var rawPath string
	_ = json.Unmarshal(e["rawPath"], &rawPath) // empty if missing
	members := []string{"statusCode", "body", "isBase64Encoded", "multiValueHeaders"}
	switch {
	case front.HTTP.Method != "" && strings.HasPrefix(rawPath, "/"):
		members = []string{"statusCode", "body", "isBase64Encoded", "headers", "cookies"}
	case front.ELB != nil:
		members = append(members, "headers")
	}
	var all map[string]jsontext.Value
	var a proxyResponse
	if err := errors.Join(json.Unmarshal(answered, &all), json.Unmarshal(answered, &a)); err != nil {
		t.Fatalf("%q: answered %q: %v", payload, answered, err)
	}
	for name := range all {
		if !slices.Contains(members, name) {
			t.Errorf("%q: answered %s, want no %s", payload, answered, name)
		}
	}
	if status < 200 { // informational: the response follows
		status = http.StatusOK
	}
	if method == http.MethodHead {
		body = ""
	}
	content := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if content, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			t.Errorf("%q: answered %s: %v", payload, answered, err)
		}
	}
	if a.StatusCode != status || string(content) != body || a.IsBase64Encoded == utf8.ValidString(body) {
		t.Errorf("%q: answered %s, want %d %q", payload, answered, status, body)
	}
}

// checkCaller checks that caller and scope of an event depend only on its requestContext: without it, the payload is
// rejected; without a caller in it, the event is anonymous; without all other members, the caller is the same.
func checkCaller(t *testing.T, payload []byte, e map[string]jsontext.Value, got *http.Request) {
	t.Helper()
	authenticate := auth.NewGateway(true)
	caller, err := authenticate(got)
	if err != nil {
		t.Errorf("%q: the caller was rejected: %v", payload, err)
	}
	again := func(e map[string]jsontext.Value) (other auth.Caller, called bool) {
		event, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		p := Proxy{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			other, _ = authenticate(r)
			called = true
		})}
		_, _ = p.Invoke(t.Context(), event) // an error shows in called
		return other, called
	}
	bare := map[string]jsontext.Value{"requestContext": e["requestContext"]}
	for _, name := range []string{"httpMethod", "path", "rawPath", "resource"} {
		if e[name] != nil {
			bare[name] = e[name]
		}
	}
	if other, called := again(bare); !called || other != caller {
		t.Errorf("%q: called by %+v, but by its requestContext alone by %+v", payload, caller, other)
	}
	var where map[string]jsontext.Value
	if err := json.Unmarshal(e["requestContext"], &where); err != nil {
		t.Fatal(err)
	}
	delete(where, "identity")
	delete(where, "authorizer")
	if e["requestContext"], err = json.Marshal(where); err != nil {
		t.Fatal(err)
	}
	if other, called := again(e); !called || other.Owner != imports.Public {
		t.Errorf("%q: called by %+v, without a caller", payload, other)
	}
	delete(e, "requestContext")
	if _, called := again(e); called {
		t.Errorf("%q was taken without its requestContext", payload)
	}
}

// FuzzDirect checks that every payload returns Sign's URL, without a caller.
func FuzzDirect(f *testing.F) {
	for _, e := range fuzzedEvents {
		f.Add([]byte(e))
	}
	e, err := sigv4.ParseEndpoint("https://bucket.example.com")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		d := Direct{func(ctx context.Context) (sigv4.SecretURL, error) {
			request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			if caller, err := auth.NewGateway(false)(request); err == nil {
				t.Errorf("%q: became a call of %s", payload, caller.Owner)
			}
			return e.BucketURL(), nil
		}}
		if got, err := d.Invoke(t.Context(), payload); err != nil ||
			string(got) != `{"upload_url":"https://bucket.example.com"}` {
			t.Errorf("%q: got %s, %v", payload, got, err)
		}
	})
}
