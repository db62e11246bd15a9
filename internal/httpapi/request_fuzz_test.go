package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/signpost-s3/signpost/internal/auth"
)

// FuzzRequest checks that a request with any method, path, host, address, credentials and headers receives one
// response without injected headers, and one log line.
func FuzzRequest(f *testing.F) {
	key, line, err := auth.NewKey("fuzz", auth.All)
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	keys, err := auth.OpenKeys(path, path)
	if err != nil {
		f.Fatal(err)
	}
	a := newFuzzedAPI(f, auth.New(keys, func(context.Context, string) (auth.Caller, error) {
		return auth.Caller{}, &auth.Error{Reason: "unknown-signer", Detail: "This token is unknown."}
	}, false))
	a.secrets = append(a.secrets, key)
	const mine = "mine" // stands for the key, which is another each time
	for _, path := range []string{
		"/", "", "*", "/import", "/import/", "//import", "/import/x", "/import/" + awaitedID, "/docs", "/docs/", "/docs/..",
		"/openapi.yaml", "/openapi.json", "/healthz", "/readyz", "/\r\nX: y",
		"/\x00\u2028\xff", `/"}` + "\n" + `{"msg":"request"`, "/import/%0a", "/import/" + awaitedID + "/parts/../../x",
		"//evil.example.com/..",
	} {
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "CONNECT", "", "G\nT"} {
			f.Add(method, path, "a=b", "id-1", "api.example.com", "192.0.2.1:1", "https://app.example.com", mine, "")
			f.Add(method, path, "\xff;\n", "\r\nX-Forged: 1", "\n", "\n", "https://app.example.com\r\nX: y", "", "Bearer x")
			f.Add(method, path, "", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "[::1]:80",
				"192.0.2.1:1, 203.0.113.9", "", "x", "")
		}
	}
	f.Fuzz(func(t *testing.T, method, path, query, id, host, remote, origin, credential, authorization string) {
		header := http.Header{
			"X-Request-Id": {
				id,
			}, "Traceparent": {id}, "X-Forwarded-For": {remote}, "X-Real-Ip": {remote}, "X-Forwarded-Proto": {host},
			"X-Forwarded-Host":              {host},
			"Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {id}, "Accept-Encoding": {id},
		}
		if credential == mine {
			credential = key
		}
		for name, value := range map[string]string{
			"Origin": origin, "X-Api-Key": credential, "Authorization": authorization,
		} {
			if value != "" {
				header[name] = []string{value}
			}
		}
		withFakeClock(t, func(t *testing.T) {
			a.with(t, nil)
			r := requestFor(method, &url.URL{Path: path, RawQuery: query}, header, "")
			r.Host, r.RemoteAddr = host, remote
			if w := a.ask(t, r); w.Code >= 500 && path != "/readyz" {
				t.Errorf("%+v: got %d %s", r, w.Code, w.Body)
			}
		})
	})
}
