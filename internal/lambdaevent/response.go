package lambdaevent

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// answer is what a proxy event is answered with. A member more would be a 502.
type proxyResponse struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers,omitzero"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitzero"`
	Cookies           []string            `json:"cookies,omitzero"` // payload format 2.0 alone
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// recorder is the http.ResponseWriter of one request.
type recorder struct {
	header http.Header
	sent   http.Header // as it was when the status was
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // an informational one comes before the answer
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// answer is what was recorded, in the form that e's front takes.
func (w *recorder) encode(e *event, from integration) ([]byte, error) {
	w.WriteHeader(http.StatusOK)
	a := proxyResponse{StatusCode: w.status, Body: w.body.String()}
	if !utf8.Valid(w.body.Bytes()) {
		a.Body, a.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	// A load balancer is set up for one of the two forms, and sends events in it.
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
