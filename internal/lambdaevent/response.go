package lambdaevent

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// proxyResponse is the response to a proxy event. An unknown member would cause a 502.
type proxyResponse struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers,omitzero"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitzero"`
	Cookies           []string            `json:"cookies,omitzero"` // payload format 2.0 only
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// recorder is the http.ResponseWriter of one request.
type recorder struct {
	header http.Header
	sent   http.Header // copy of header at the time of WriteHeader
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // ignores informational responses
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// encode returns the response in the format of the integration. A path in Location becomes that of the client's URL.
func (w *recorder) encode(e *event, from integration) ([]byte, error) {
	w.WriteHeader(http.StatusOK)
	if location := w.sent.Get("Location"); strings.HasPrefix(location, "/") {
		w.sent.Set("Location", e.basePath(from)+location)
	}
	a := proxyResponse{StatusCode: w.status, Body: w.body.String()}
	if !utf8.Valid(w.body.Bytes()) {
		a.Body, a.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	// A load balancer uses one of the two forms, for both requests and responses.
	if from == rest || from == loadBalancer && e.MultiValueHeaders != nil {
		a.MultiValueHeaders = w.sent
		return json.Marshal(a)
	}
	a.Headers = make(map[string]string, len(w.sent))
	for name, values := range w.sent {
		if from == http2 && name == "Set-Cookie" {
			a.Cookies = values
			continue
		}
		a.Headers[name] = strings.Join(values, ", ")
	}
	return json.Marshal(a)
}
