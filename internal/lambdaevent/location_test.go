package lambdaevent

import (
	"net/http"
	"strings"
	"testing"
)

// TestLocation checks which prefix of the client's URL precedes the path in Location.
func TestLocation(t *testing.T) {
	const (
		rest = `{"resource":"/import","path":"/import/","httpMethod":"POST","requestContext":{"requestId":"x",` +
			`"stage":"v1","path":"/v1/import/"}}`
		older = `{"version":"1.0","resource":"$default","path":"/v1/import","httpMethod":"POST",` +
			`"requestContext":{"requestId":"x","stage":"v1","path":"/v1/import"}}`
		http2 = `{"version":"2.0","routeKey":"POST /import","rawPath":"/v1/import","requestContext":{"stage":"v1",` +
			`"apiId":"a1","domainName":"a1.execute-api.eu-west-1.amazonaws.com","http":{"method":"POST"}}}`
	)
	for _, c := range []struct{ name, event, location, want string }{
		{"REST API, trailing slash", rest, "/import/x", "/v1/import/x"},
		{"another path", strings.Replace(rest, "/v1/import/", "/v1/other", 1), "/import/x", "/import/x"},
		{"HTTP API, payload format 1.0", older, "/import/x", "/v1/import/x"},
		{"HTTP API", http2, "/import/x", "/v1/import/x"},
		// rawPath contains the stage instead of the mapping key, whether or not there is one.
		{"custom domain", strings.Replace(http2, "a1.execute-api.eu-west-1.amazonaws", "api.example", 1), "/import/x",
			"/import/x"},
		{"no path", http2, "https://example.com/x", "https://example.com/x"},
		{"no Location", http2, "", ""},
	} {
		_, answer, err := invoke(t, c.event, func(w http.ResponseWriter) {
			if c.location != "" {
				w.Header().Set("Location", c.location)
			}
			w.WriteHeader(http.StatusCreated)
		})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := ""
		if _, after, ok := strings.Cut(answer, `"Location":`); ok {
			got = strings.Split(after, `"`)[1]
		}
		if got != c.want {
			t.Errorf("%s: got Location %q, want %q", c.name, got, c.want)
		}
	}
}
