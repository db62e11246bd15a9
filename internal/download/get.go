package download

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/retryafter"
	"github.com/signpost-s3/signpost/internal/upload"
)

const (
	// stallTimeout is how long a download may receive nothing.
	stallTimeout = time.Minute
	// chunkSize bounds one read, in bytes, and so the unit of the rate limit.
	chunkSize = 64 << 10
	// restartRetries is how many bytes an attempt must receive to begin the budget of retries again.
	restartRetries = 1 << 20
)

// errReplaced reports that the object is not the one that the download began with.
var errReplaced = errors.New("the object was replaced during the download: run the same command again to download the new one")

// section is a range of bytes. to is -1 if the size of the object is unknown.
type section struct{ from, to int64 }

// fetch writes a section to w, and returns how many bytes it wrote. A failed request is retried, and continues after
// the last byte. part is the number in events.
func (t *transfer) fetch(ctx context.Context, part int32, s section, w io.Writer) (n int64, err error) {
	onRetry := func(err error) { t.emit(upload.Event{Kind: upload.Retrying, Part: part, Error: err}) }
	url := ""
	for done := false; !done && err == nil; {
		attempts := 0
		attempts, err = upload.Retry(ctx, onRetry, func(renew bool) (err error) {
			rejected := ""
			if renew {
				rejected = url
			}
			if url, err = t.signedURL(ctx, rejected); err != nil {
				return upload.PermanentError{Err: err}
			}
			received, err := t.get(ctx, url, section{s.from + n, s.to}, w, part)
			n += received
			switch {
			case err == nil:
				done = true
			case n > 0 && t.etag == "", errors.As(err, new(upload.PermanentError)):
				return upload.PermanentError{Err: err}
			case received >= restartRetries && ctx.Err() == nil:
				onRetry(err)
				return nil
			}
			return err
		})
		if err != nil && attempts > 1 && ctx.Err() == nil {
			err = fmt.Errorf("%w; tried %d times", err, attempts)
		}
	}
	return n, err
}

// signedURL returns a signed URL other than rejected.
func (t *transfer) signedURL(ctx context.Context, rejected string) (url string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.url == rejected {
		if url, err = t.Renew(ctx); err != nil {
			return "", err
		}
		t.url = url
	}
	return t.url, nil
}

// get requests a section once, and writes it to w.
func (t *transfer) get(ctx context.Context, url string, s section, w io.Writer, part int32) (n int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("the store sent nothing for %s", stallTimeout)) })
	defer stall.Stop()
	q, err := t.newRequest(ctx, url, s)
	if err != nil {
		return 0, err
	}
	response, err := t.Client.Do(q)
	if err != nil {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return 0, fmt.Errorf("the store at %s cannot be reached: %w", q.URL.Host, upload.Cause(err))
	}
	defer response.Body.Close()
	body := &pacedReader{ctx, response.Body, t.RateLimit, stall}
	skip, err := t.checkResponse(response, &s)
	if err == nil {
		_, err = io.CopyN(io.Discard, body, skip)
	}
	if err == nil {
		n, err = t.receive(body, s, w, part)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return n, context.Cause(ctx)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("download stopped after %s: unexpected EOF", format.Bytes(s.from+n))
	}
	return n, err
}

func (t *transfer) newRequest(ctx context.Context, url string, s section) (*http.Request, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, upload.PermanentError{Err: errors.New("the download URL is invalid")}
	}
	q.Header.Set("Accept-Encoding", "identity") // net/http would decompress objects stored with Content-Encoding: gzip
	switch {
	case !t.isRest(s):
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.from, s.to-1))
	case s.from > 0:
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", s.from))
	}
	if t.etag != "" && !strings.HasPrefix(t.etag, "W/") { // weak ones of a proxy match nothing (RFC 9110, 13.1.1)
		q.Header.Set("If-Match", t.etag)
	}
	return q, nil
}

// isRest reports whether a section ends with the object.
func (t *transfer) isRest(s section) bool { return s.to < 0 || t.Size != nil && s.to == *t.Size }

// checkResponse returns how many bytes of the body precede the section: a server may ignore Range, and a proxy may
// ignore If-Match. It completes the section if the size of the object was unknown.
func (t *transfer) checkResponse(r *http.Response, s *section) (skip int64, err error) {
	start, total := int64(0), r.ContentLength
	switch r.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		n, _ := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &start, new(int64), &total)
		if n != 3 || start < 0 {
			return 0, upload.PermanentError{Err: errors.New("the store sent an invalid Content-Range")}
		}
	case http.StatusPreconditionFailed:
		return 0, upload.PermanentError{Err: errReplaced}
	default:
		body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10)) // the status is the error, whatever the body
		e := upload.StoreError(r.StatusCode, body)
		e.RetryAfter = retryafter.Parse(r.Header, time.Hour)
		return 0, e
	}
	etag := r.Header.Get("ETag")
	switch {
	case t.etag != "" && etag != t.etag:
		return 0, upload.PermanentError{Err: errReplaced}
	case t.Size != nil && total >= 0 && total != *t.Size:
		return 0, upload.PermanentError{Err: fmt.Errorf("the object has %d bytes, the import has %d", total, *t.Size)}
	case start > s.from:
		return 0, upload.PermanentError{Err: errors.New("the store sent another range than was requested")}
	case t.etag == "": // the first response
		t.etag, t.ranged = etag, r.StatusCode == http.StatusPartialContent
	}
	if s.to < 0 {
		s.to = total
	}
	return s.from - start, nil
}

// receive writes a section to w.
func (t *transfer) receive(body io.Reader, s section, w io.Writer, part int32) (n int64, err error) {
	length := int64(math.MaxInt64)
	if s.to >= 0 {
		length = s.to - s.from
	}
	n, err = io.CopyN(&reportingWriter{t, part, w}, body, length)
	switch {
	case !errors.Is(err, io.EOF):
		return n, upload.Cause(err)
	case s.to < 0:
		return n, nil
	}
	return n, io.ErrUnexpectedEOF
}

// pacedReader reads a response no faster than the limit. The stall timer stops between reads, because the receiver of
// the bytes may be slow.
type pacedReader struct {
	ctx   context.Context
	from  io.Reader
	limit *rate.Limiter
	stall *time.Timer
}

func (r *pacedReader) Read(p []byte) (int, error) {
	r.stall.Reset(stallTimeout)
	n, err := r.from.Read(p[:min(len(p), chunkSize)])
	r.stall.Stop()
	if n > 0 && r.limit != nil {
		err = cmp.Or(r.limit.WaitN(r.ctx, n), err)
	}
	return n, err
}

// reportingWriter emits an event for each write. Its errors are permanent.
type reportingWriter struct {
	*transfer
	part int32
	to   io.Writer
}

func (w *reportingWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil {
		return n, upload.PermanentError{Err: err}
	}
	w.emit(upload.Event{Kind: upload.Progress, Part: w.part, Bytes: int64(n)})
	return n, nil
}
