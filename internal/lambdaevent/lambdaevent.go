// Package lambdaevent lets the service run in an AWS Lambda: it makes http.Requests of the events that API Gateway, function URLs
// and load balancers send, and events of the answers.
//
// A function takes events in one of two ways, which never mix. As Proxy it takes those of a proxy integration, which say who calls and
// what for, and those that tell of the bucket and of the time, where it is set up for them. As Direct it takes whatever a caller may
// have written, for a non-proxy integration hands the caller's body on as the event; so it is never looked at, and there is one answer:
// an upload_url.
package lambdaevent

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Proxy serves proxy events, and is told what arrived in the bucket.
type Proxy struct {
	Handler http.Handler

	Bucket          string                                      // of whose objects Notice is told
	OnObjectCreated func(ctx context.Context, key string) error // nil: the function takes no events of S3. It is called up to 8 at a time
	Sweep           func(ctx context.Context) error             // nil: the function takes no events of a schedule
}

// Invoke answers one event. An error is one of the event; the service's own are HTTP answers.
func (p Proxy) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, from, err := parseEvent(payload)
	if err != nil {
		return p.handleEvent(ctx, payload, err)
	}
	r, err := e.request(ctx, from)
	if err != nil {
		return nil, err
	}
	w := &recorder{header: http.Header{}}
	p.Handler.ServeHTTP(w, r)
	if r.Method == http.MethodHead {
		w.body.Reset()
	}
	return w.encode(&e, from)
}

// Direct answers every event with the URL of a bare upload, which Sign makes.
type Direct struct {
	Sign func(context.Context) (sigv4.SecretURL, error)
}

// Invoke ignores the event.
func (d Direct) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	url, err := d.Sign(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		UploadURL string `json:"upload_url"`
	}{url.Reveal()})
}
