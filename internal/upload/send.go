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
	// stall is how long nothing may move before a request is given up and tried again. A store may need a while for the answer
	// after the last byte.
	stall = 60 * time.Second
	// chunk is the most that is read at a time, and so what the rate limit counts in.
	chunk = 64 << 10
	// worthAsking is above how many bytes a request waits for the store's word to go on. The AWS SDKs begin at 2 MiB too.
	worthAsking = 2 << 20
	// maxComplaint bounds what is read of a store's error, in bytes.
	maxComplaint = 64 << 10
)

// request is one signed request: its URL is a credential, and is never shown.
type request struct {
	method, url string
	headers     map[string]string
}

// put sends size bytes of body as r says and returns the ETag of what the store made of them. Sent is told of each piece.
func (u *Uploader) put(ctx context.Context, r request, body io.Reader, size int64, sent func(int)) (etag string, err error) {
	if err := u.API.check(http.MethodPut, r); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(u.stall, func() { cancel(fmt.Errorf("the store: %w for %s", errStalled, u.stall)) })
	defer watch.Stop()
	moving := &meter{ctx: ctx, from: body, limit: u.Limit, waits: func() { watch.Stop() }, moved: func(n int) {
		watch.Reset(u.stall)
		sent(n)
	}}
	defer moving.end()
	q, err := http.NewRequestWithContext(ctx, r.method, r.url, moving)
	if err != nil {
		return "", fmt.Errorf("%w: the signed URL cannot be used", errBadAnswer)
	}
	q.ContentLength = size
	if size == 0 {
		q.Body = http.NoBody // otherwise it would be sent chunked, which S3 does not take
	}
	for name, value := range r.headers {
		q.Header.Set(name, value)
	}
	if size > worthAsking {
		q.Header.Set("Expect", "100-continue") // a refusal comes before the bytes, and is not lost among them
	}
	response, err := u.Store.Do(q)
	if err == nil {
		defer response.Body.Close()
	}
	if e := moving.failed(); e != nil {
		return "", e // the file's own fault, whatever the store made of it
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("the store: %w", plain(err))
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxComplaint))
	etag = response.Header.Get("ETag")
	switch ok := response.StatusCode == http.StatusOK; {
	case ok && err != nil:
		return "", fmt.Errorf("the store's answer was cut short: %w", plain(err))
	case ok && etag == "": // of a proxy, which has kept nothing
		return "", errors.New("what answered is not the store: it said 200 and gave no ETag")
	case ok:
		return etag, nil
	}
	var said struct{ Code, Message, RequestId string }
	_ = xml.Unmarshal(answer, &said) // a proxy's page says nothing
	return "", &Refusal{By: theStore, Status: response.StatusCode, Code: said.Code, Detail: said.Message, ID: said.RequestId, After: retryafter.Parse(response.Header, maxRetryAfter)}
}

// meter reads a body bit by bit, no faster than the limit allows.
type meter struct {
	ctx   context.Context
	from  io.Reader
	limit *rate.Limiter
	waits func() // before it waits for the limit
	moved func(int)

	mu    sync.Mutex
	ended bool
	fault error
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p[:min(len(p), chunk)])
	if n > 0 && m.limit != nil {
		m.waits()
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
		m.moved(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m.fault = err
	}
	return n, err
}

// end ends what is told of the body: net/http goes on reading it for a while after it has returned.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
}

// failed is what kept the body from being read.
func (m *meter) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fault
}
