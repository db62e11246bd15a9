// Package lambdaevent runs the HTTP API in an AWS Lambda function. It converts events of API Gateway, function URLs
// and load balancers to HTTP requests, and HTTP responses to their format.
//
// A function has one of two handlers, which never mix. Proxy receives events of a proxy integration, which name the
// caller and the request, and optionally notifications of S3 and scheduled events. Direct is for non-proxy
// integrations. Their event is the client's body, so Direct ignores it and always returns an upload_url.
package lambdaevent

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Proxy handles proxy events, S3 notifications and scheduled events.
type Proxy struct {
	Handler http.Handler

	// Bucket is the bucket whose created objects are reported.
	Bucket string
	// OnObjectCreated is called for each created object, up to 8 at a time. If it is nil, S3 notifications are rejected.
	OnObjectCreated func(ctx context.Context, key string) error
	// Sweep is called for each scheduled event. If it is nil, they are rejected.
	Sweep func(ctx context.Context) error
	// Hint follows the error of an event that is none of these: what else the caller can do.
	Hint string
}

// Invoke handles an event. Its errors concern the event; errors of the API are HTTP responses.
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

// Direct returns the upload URL of an untracked import, which Sign creates, for every event.
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
