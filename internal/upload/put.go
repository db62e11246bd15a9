package upload

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/internal/retryafter"
)

const (
	// stallTimeout is how long a request may transfer nothing before it is canceled and retried. A store may need a while
	// to respond after the last byte.
	stallTimeout = 60 * time.Second
	// chunkSize bounds one read, in bytes, and so the unit of the rate limit.
	chunkSize = 64 << 10
	// expectContinueSize is the request size, in bytes, above which the store's 100 Continue is requested. The AWS SDKs
	// use 2 MiB too.
	expectContinueSize = 2 << 20
	// maxErrorBody bounds how much of a store's error response is read, in bytes.
	maxErrorBody = 64 << 10
)

// put sends size bytes of body and returns the ETag of the result. It calls sent with the length of each chunk.
func (u *Uploader) put(
	ctx context.Context, r signedRequest, body io.Reader, size int64, sent func(int),
) (etag string, err error) {
	if err := u.API.check(http.MethodPut, r); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(u.stallTimeout, func() {
		cancel(fmt.Errorf("the store: %w for %s", errStalled, u.stallTimeout))
	})
	defer timer.Stop()
	reader := &meteredReader{ctx: ctx, from: body, limit: u.RateLimit, timer: timer, timeout: u.stallTimeout, sent: sent}
	defer reader.end()
	q, err := newPut(ctx, r, reader, size)
	if err != nil {
		return "", err
	}
	response, err := u.Store.Do(q)
	if err == nil {
		defer response.Body.Close()
	}
	if e := reader.readError(); e != nil {
		return "", e // the file could not be read, whatever the store's response
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("the store at %s: %w", q.URL.Host, Cause(err))
	}
	return putResult(response)
}

func newPut(ctx context.Context, r signedRequest, body io.Reader, size int64) (*http.Request, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, fmt.Errorf("%w: the signed URL is invalid", ErrInvalidResponse)
	}
	q.ContentLength = size
	if size == 0 {
		q.Body = http.NoBody // otherwise net/http sends it chunked, which S3 rejects
	}
	for name, value := range r.headers {
		q.Header.Set(name, value)
	}
	if size > expectContinueSize {
		q.Header.Set("Expect", "100-continue") // an error arrives before the body is sent, and is not lost
	}
	return q, nil
}

// putResult returns the ETag of a successful response, or the store's error.
func putResult(response *http.Response) (etag string, err error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	etag = response.Header.Get("ETag")
	switch ok := response.StatusCode == http.StatusOK; {
	case ok && err != nil:
		return "", fmt.Errorf("read the store's response: %w", Cause(err))
	case ok && etag == "": // a proxy responded
		return "", fmt.Errorf("%w: it has status 200 and no ETag", ErrNotFromStore)
	case ok:
		return etag, nil
	}
	e := StoreError(response.StatusCode, body)
	e.RetryAfter = retryafter.Parse(response.Header, maxRetryAfter)
	return "", e
}

// StoreError returns the error in an S3 response with this status and XML body. A proxy's error page leaves the code
// empty.
func StoreError(status int, body []byte) *ResponseError {
	var s3 struct{ Code, Message, RequestId string }
	_ = xml.Unmarshal(body, &s3)
	return &ResponseError{Source: FromStore, Status: status, Code: s3.Code, Detail: s3.Message, RequestID: s3.RequestId}
}

// meteredReader reads a request body in chunks, no faster than the limit. It resets the stall timer with each chunk.
type meteredReader struct {
	ctx     context.Context
	from    io.Reader
	limit   *rate.Limiter
	timer   *time.Timer
	timeout time.Duration
	sent    func(int)

	mu    sync.Mutex
	ended bool
	err   error
}

func (m *meteredReader) Read(p []byte) (int, error) {
	n, err := m.from.Read(p[:min(len(p), chunkSize)])
	if n > 0 && m.limit != nil {
		m.timer.Stop()
		if e := m.limit.WaitN(m.ctx, n); e != nil {
			return 0, e
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return 0, io.ErrClosedPipe
	}
	if n > 0 {
		m.timer.Reset(m.timeout)
		m.sent(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// end stops the calls of sent: net/http may read the body after Do has returned.
func (m *meteredReader) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
}

// readError returns the error that reading the body failed with.
func (m *meteredReader) readError() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}
