package main_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
)

var (
	jwt = map[string]any{"jwt": map[string]any{"claims": map[string]any{"sub": "alice"}, "scopes": nil}}
	iam = map[string]any{"iam": map[string]any{
		"accessKey": "AKIA", "accountId": "111122223333", "callerId": "AIDA", "cognitoIdentity": nil, "principalOrgId": nil,
		"userArn": "arn:aws:iam::111122223333:user/bob", "userId": "AIDA",
	}}
)

// TestFronts runs the same steps through all integrations: create, upload, read, sign parts, list, and a rejected
// request.
func TestFronts(t *testing.T) {
	known, anyone := start(t), start(t, "SIGNPOST_ALLOW_ANONYMOUS=true", "SIGNPOST_CORS_ORIGINS=https://app.example.com")
	for name, c := range map[string]struct {
		front  lambdatest.Front
		f      *function
		prefix string
	}{
		"HTTP API, JWT":             {lambdatest.HTTPAPI("", jwt), known, "imports/sub-alice/"},
		"HTTP API, IAM":             {lambdatest.HTTPAPI("", iam), known, "imports/iam-"},
		"HTTP API, stage":           {lambdatest.HTTPAPI("v1", jwt), known, "imports/sub-alice/"},
		"HTTP API, stage /import":   {lambdatest.HTTPAPI("import", jwt), known, "imports/sub-alice/"},
		"HTTP API, anonymous":       {lambdatest.HTTPAPI("", nil), anyone, "imports/public/"},
		"function URL, IAM":         {lambdatest.FunctionURL(iam), known, "imports/iam-"},
		"function URL, anonymous":   {lambdatest.FunctionURL(nil), anyone, "imports/public/"},
		"load balancer":             {lambdatest.ALB(false), anyone, "imports/public/"},
		"load balancer, all values": {lambdatest.ALB(true), anyone, "imports/public/"},
	} {
		t.Run(name, func(t *testing.T) {
			a := speak(t, serve(t, c.front.Serve(c.f.Invoke)), "")
			for _, path := range []string{"/import", "/import/"} {
				status, header, answer := a.call(t, "POST", path, "")
				mediaType, key := header.Get("Content-Type"), c.f.keyOf(t, bareURL(t, answer))
				if status != 200 || mediaType != "application/json" || !strings.HasPrefix(key, c.prefix) {
					t.Errorf("POST %s: got %d %s %s, want a URL below %s", path, status, mediaType, answer, c.prefix)
				}
			}
			job := a.create(t, client.ImportRequest{Filename: "Ζωή & Söhne+.csv", Size: ptr[int64](3)})
			if !strings.HasPrefix(job.Object.Key, c.prefix) {
				t.Errorf("create: got key %s, want one below %s", job.Object.Key, c.prefix)
			}
			put(t, job.Upload.URL, job.Upload.Headers, []byte("abc"))
			if read := a.read(t, job.ID); read.Status != client.ImportStatusCompleted || read.Filename != "Ζωή & Söhne+.csv" {
				t.Errorf("read: got %+v, want it completed, under its name", read)
			}
			status, header, answer := a.call(t, "HEAD", "/import/"+job.ID, "")
			if status != 200 || header.Get("ETag") == "" || answer != "" {
				t.Errorf("HEAD: got %d %v %q, want 200 with an ETag and no body", status, header, answer)
			}
			large := a.create(t, client.ImportRequest{Size: ptr[int64](100 * mib), PartSize: 10 * mib})
			if parts := a.sign(t, large.ID, 1000); len(parts) != 10 {
				t.Errorf("sign parts: got %d, want 10", len(parts))
			}
			list, err := a.ListPartsWithResponse(t.Context(), large.ID, &client.ListPartsParams{After: ptr[int32](4)})
			if err != nil {
				t.Fatal(err)
			}
			if list.JSON200 == nil || list.JSON200.Missing[0].First != 5 {
				t.Errorf("parts after 4: got %s %s, want 5 and on missing", list.Status(), list.Body)
			}
			gone, err := a.DeleteImportWithResponse(t.Context(), large.ID)
			if err != nil {
				t.Fatal(err)
			}
			if gone.StatusCode() != 204 || len(gone.Body) > 0 {
				t.Errorf("delete: got %s %q, want 204", gone.Status(), gone.Body)
			}
			a.list(t, c.prefix != "imports/public/", job.ID)
			a.refusals(t)
		})
	}
}

// list checks that authenticated callers see their own imports, with a query that needs escaping, and anonymous ones
// no list.
func (a *api) list(t *testing.T, known bool, id string) {
	t.Helper()
	status, header, answer := a.call(t, "GET", "/import?limit=100&status=%63ompleted", "")
	if !known {
		if status != 403 {
			t.Errorf("list: got %d %s, want 403 for an anonymous caller", status, answer)
		}
		isProblem(t, status, header, answer)
		return
	}
	if status != 200 || !strings.Contains(answer, id) || strings.Contains(answer, `"awaiting_upload"`) {
		t.Errorf("list: got %d %s, want completed ones, %s among them", status, answer, id)
	}
}

func (a *api) refusals(t *testing.T) {
	t.Helper()
	octets := []string{"Content-Type", "application/octet-stream"}
	for _, c := range []struct {
		method, path, body string
		header             []string
		status             int
		says               string
	}{
		{"POST", "/import", "{", asJSON, 400, "invalid-json"},
		{"POST", "/import", "{\"filename\":\"\xff\"}", octets, 415, "unsupported-media-type"},
		{"POST", "/import", "{}", nil, 415, "unsupported-media-type"},
		{"GET", "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", "", nil, 404, "import-not-found"},
		{"GET", "/import/a%2Fparts", "", nil, 404, "not-found"},
		{"GET", "/nothing", "", nil, 404, "not-found"},
		{"PATCH", "/import", "", nil, 405, "method-not-allowed"},
		{"POST", "/import", strings.Repeat(" ", 128<<10+1), asJSON, 413, "body-too-large"},
	} {
		status, header, answer := a.call(t, c.method, c.path, c.body, c.header...)
		if status != c.status || !strings.Contains(answer, c.says) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, status, answer, c.status, c.says)
			continue
		}
		isProblem(t, status, header, answer)
		if c.status == 405 && header.Get("Allow") == "" {
			t.Errorf("%s %s: got no Allow header", c.method, c.path)
		}
	}
}

// TestNobody checks that unauthenticated requests are rejected unless anonymous access is allowed. An identity in the
// request's own content does not count.
func TestNobody(t *testing.T) {
	f := start(t)
	const one = "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
	for name, front := range frontsWithoutContract {
		a := speak(t, serve(t, front.Serve(f.Invoke)), "value-of-a")
		for _, c := range [][2]string{
			{"POST", "/import"}, {"POST", "/import/"}, {"GET", "/import"}, {"GET", one}, {"DELETE", one},
			{"GET", one + "/parts"}, {"POST", one + "/parts"}, {"POST", one + "/complete"},
		} {
			status, header, answer := a.call(t, c[0], c[1], "", "Authorization", "Bearer x", "X-Amzn-Oidc-Identity", "alice",
				"X-Amzn-Request-Context", `{"identity":{"apiKeyId":"a1b2c3d4e5"}}`)
			if status != 401 {
				t.Errorf("%s: %s %s: got %d %s, want 401", name, c[0], c[1], status, answer)
				continue
			}
			isProblem(t, status, header, answer)
		}
	}
}

// TestCORS checks that preflights reach the function if the integration does not answer them.
func TestCORS(t *testing.T) {
	f := start(t, "SIGNPOST_CORS_ORIGINS=https://app.example.com")
	for name, front := range frontsWithoutContract {
		a := speak(t, serve(t, front.Serve(f.Invoke)), "")
		status, header, answer := a.call(t, "OPTIONS", "/import", "", "Origin", "https://app.example.com",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		if status != 204 || header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
			t.Errorf("%s: got %d %v %s, want the origin allowed", name, status, header, answer)
		}
	}
}

// frontsWithoutContract are the integrations that send every path to the function.
var frontsWithoutContract = map[string]lambdatest.Front{
	"HTTP API": lambdatest.HTTPAPI("", nil), "function URL": lambdatest.FunctionURL(nil),
	"load balancer": lambdatest.ALB(false), "load balancer, all values": lambdatest.ALB(true),
}

// TestNoDocuments checks that the function serves the API and the health check, and none of the pages and documents of
// signpost serve.
func TestNoDocuments(t *testing.T) {
	f := start(t, "SIGNPOST_ALLOW_ANONYMOUS=true")
	for name, front := range frontsWithoutContract {
		a := speak(t, serve(t, front.Serve(f.Invoke)), "")
		for _, path := range []string{"/", "/client.js", "/docs", "/docs/", "/openapi.yaml", "/openapi.json"} {
			status, header, answer := a.call(t, "GET", path, "")
			if status != 404 {
				t.Errorf("%s: GET %s: got %d %.300s, want 404", name, path, status, answer)
				continue
			}
			isProblem(t, status, header, answer)
		}
		if status, _, answer := a.call(t, "GET", "/healthz", ""); status != 200 {
			t.Errorf("%s: GET /healthz: got %d %s, want 200", name, status, answer)
		}
	}
}

// TestRepeatedParameter checks that the function rejects a parameter that a request contains twice, unless the load
// balancer passes only one of the values.
func TestRepeatedParameter(t *testing.T) {
	f := start(t, "SIGNPOST_ALLOW_ANONYMOUS=true")
	for name, front := range frontsWithoutContract {
		a := speak(t, serve(t, front.Serve(f.Invoke)), "")
		job := a.create(t, client.ImportRequest{Size: ptr[int64](30 * mib), PartSize: 10 * mib})
		status, _, answer := a.call(t, "GET", "/import/"+job.ID+"/parts?after=1&after=2", "")
		if name == "load balancer" {
			if status != 200 || !strings.Contains(answer, `"first":3`) {
				t.Errorf("%s: got %d %s, want the parts after 2", name, status, answer)
			}
		} else if status != 400 || !strings.Contains(answer, "must appear only once") {
			t.Errorf("%s: got %d %s, want 400", name, status, answer)
		}
	}
}

// TestSizes checks how many part URLs fit into a response of each integration, with a role's session token and a signed
// checksum in every URL.
func TestSizes(t *testing.T) {
	f := start(t, "AWS_SESSION_TOKEN="+sessionToken, "AWS_ENDPOINT_URL_S3="+withSessions(t),
		"SIGNPOST_PUBLIC_ENDPOINT="+longEndpoint, "SIGNPOST_ALLOW_ANONYMOUS=true")
	for name, front := range frontsWithoutContract {
		a := speak(t, serve(t, front.Serve(f.Invoke)), "")
		job := a.create(t, client.ImportRequest{
			Size: ptr[int64](1000 * 16 * mib), PartSize: 16 * mib, Checksum: &client.Checksum{Algorithm: "crc64nvme"},
		})
		for _, count := range []int{400, 1000} {
			checksums := map[string]string{}
			for n := range count {
				checksums[strconv.Itoa(n+1)] = "AAAAAAAAAAA="
			}
			signed, err := a.SignPartsWithResponse(t.Context(), job.ID,
				client.PartsRequest{First: 1, Count: int32(count), Checksums: checksums})
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusOK
			if count == 1000 && strings.HasPrefix(name, "load balancer") {
				want = http.StatusBadGateway
			}
			if signed.StatusCode() != want {
				t.Errorf("%s: %d part URLs: got %s %.300s, want %d", name, count, signed.Status(), signed.Body, want)
			}
		}
	}
}

// TestIdentities checks the owner of an import for each form of identity that integrations send.
func TestIdentities(t *testing.T) {
	f := start(t)
	rest := func(context string) string {
		return `{"resource":"/import","path":"/import","httpMethod":"POST","headers":null,"multiValueHeaders":null,
			"queryStringParameters":null,"multiValueQueryStringParameters":null,"pathParameters":null,"stageVariables":null,
			"body":null,"isBase64Encoded":false,"requestContext":{"accountId":"1","apiId":"a","stage":"v1","requestId":"r",
			"httpMethod":"POST","resourcePath":"/import","path":"/v1/import",` + context + `}}`
	}
	http2 := func(authorizer string) string {
		return `{"version":"2.0","routeKey":"$default","rawPath":"/import","rawQueryString":"","headers":{},"isBase64Encoded":false,
			"requestContext":{"stage":"$default","requestId":"r","http":{"method":"POST","path":"/import","sourceIp":"192.0.2.1"},
			"authorizer":` + authorizer + `}}`
	}
	owners := map[string]string{} // by name of the case
	for _, c := range []struct{ name, event, prefix string }{
		{"API key", rest(`"identity":{"apiKeyId":"a1b2c3d4e5","apiKey":"v"}`), "imports/key-a1b2c3d4e5/"},
		{"the value of an API key alone", rest(`"identity":{"apiKey":"v"}`), ""},
		{"IAM user", rest(`"identity":{"userArn":"arn:aws:iam::1:user/u","user":"AIDA","accountId":"1"}`), "imports/iam-"},
		{"IAM user, by HTTP API", http2(`{"iam":{"userArn":"arn:aws:iam::1:user/u"}}`), "imports/iam-"},
		{"role", rest(`"identity":{"userArn":"arn:aws:sts::1:assumed-role/r/i-1"}`), "imports/iam-"},
		{"role, another session", rest(`"identity":{"userArn":"arn:aws:sts::1:assumed-role/r/i-2"}`), "imports/iam-"},
		{"role, by HTTP API", http2(`{"iam":{"userArn":"arn:aws:sts::1:assumed-role/r/i-3"}}`), "imports/iam-"},
		{"another role", rest(`"identity":{"userArn":"arn:aws:sts::1:assumed-role/r2/i-1"}`), "imports/iam-"},
		{
			"Cognito user pool", rest(`"identity":{},"authorizer":{"claims":{"sub":"7c9e6679-7425"}}`),
			"imports/sub-7c9e6679-7425/",
		},
		{
			"authorizer function", rest(`"identity":{},"authorizer":{"principalId":"alice","integrationLatency":3}`),
			"imports/fn-alice/",
		},
		{"JWT", http2(`{"jwt":{"claims":{"sub":"alice"},"scopes":null}}`), "imports/sub-alice/"},
		{"JWT of an issuer", http2(`{"jwt":{"claims":{"sub":"alice","iss":"https://a.example.com"}}}`), "imports/sub-"},
		{
			"the same by Cognito", rest(`"identity":{},"authorizer":{"claims":{"sub":"alice","iss":"https://a.example.com"}}`),
			"imports/sub-",
		},
		{"JWT of another issuer", http2(`{"jwt":{"claims":{"sub":"alice","iss":"https://b.example.com"}}}`), "imports/sub-"},
		{"JWT of an unusual name", http2(`{"jwt":{"claims":{"sub":"auth0|5F"},"scopes":null}}`), "imports/sub-"},
		{"and its hash as a name", "", "imports/sub-"}, // made below
		{"a name that climbs", http2(`{"jwt":{"claims":{"sub":"../../jobs/key-a1b2c3d4e5"}}}`), "imports/sub-"},
		{"a long name", http2(`{"jwt":{"claims":{"sub":"` + strings.Repeat("a", 2000) + `"}}}`), "imports/sub-"},
		{"a name in another case", http2(`{"jwt":{"claims":{"sub":"Alice"}}}`), "imports/sub-"},
		{"public as a name", http2(`{"jwt":{"claims":{"sub":"public"}}}`), "imports/sub-public/"},
		{"nothing", rest(`"identity":{}`), ""},
		{"nulls", rest(`"identity":{"apiKeyId":null,"userArn":null},"authorizer":null`), ""},
		{"empty", rest(`"identity":{"apiKeyId":"","userArn":""},"authorizer":{"principalId":"","claims":{"sub":""}}`), ""},
		{"no authorizer", http2(`null`), ""},
		{"a number for a subject", http2(`{"jwt":{"claims":{"sub":7}}}`), ""},
	} {
		if c.event == "" {
			c.event = http2(`{"jwt":{"claims":{"sub":"` + strings.TrimPrefix(owners["JWT of an unusual name"], "sub-") + `"}}}`)
		}
		answer, err := invoke(t, f.Invoke, c.event)
		var a struct {
			StatusCode int
			Body       string
		}
		if err == nil {
			err = json.Unmarshal([]byte(answer), &a)
		}
		switch {
		case err != nil:
			t.Errorf("%s: got %v, want an answer", c.name, err)
		case c.prefix == "":
			if a.StatusCode != 401 {
				t.Errorf("%s: got %s, want 401", c.name, answer)
			}
		default:
			key := f.keyOf(t, bareURL(t, a.Body))
			if part := strings.Split(key, "/"); !strings.HasPrefix(key, c.prefix) || len(part) != 3 || len(part[1]) > 80 {
				t.Errorf("%s: got key %s, want one below %s", c.name, key, c.prefix)
			} else {
				owners[c.name] = part[1]
			}
		}
	}
	same := [][2]string{
		{
			"IAM user",
			"IAM user, by HTTP API",
		}, {"role", "role, another session"}, {"role", "role, by HTTP API"}, {"JWT of an issuer", "the same by Cognito"},
	}
	of := map[string][]string{}
	for name, owner := range owners {
		of[owner] = append(of[owner], name)
	}
	for _, pair := range same {
		if owners[pair[0]] != owners[pair[1]] {
			t.Errorf("%q: got owners %s and %s, want the same", pair, owners[pair[0]], owners[pair[1]])
		}
	}
	if want := len(owners) - len(same); len(of) != want {
		t.Errorf("got owners %v, want %d that differ", of, want)
	}
}
