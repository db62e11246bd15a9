package download

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-s3/signpost/internal/upload"
)

const text = "0123456789abcdefghij"

// body sends text, a byte every 10 s, and then blocks until the request ends or breaks after some bytes.
type body struct {
	ctx    context.Context
	sent   int
	breaks int
}

func (b *body) Read(p []byte) (int, error) {
	if b.sent == b.breaks {
		return 0, io.ErrUnexpectedEOF
	}
	next := time.After(10 * time.Second)
	if b.sent == len(text) {
		next = nil
	}
	select {
	case <-next:
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
	n := copy(p[:1], text[b.sent:])
	b.sent += n
	return n, nil
}

func (*body) Close() error { return nil }

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestSlowStore: a store that sends little at a time has not stalled, also while it sends again what was received, and
// nothing is read after the last byte. Its ETag may be weak.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		store := roundTripFunc(func(r *http.Request) (*http.Response, error) { // ignores Range
			if r.Header.Get("If-Match") != "" { // a weak ETag never matches
				return &http.Response{StatusCode: http.StatusPreconditionFailed, Body: http.NoBody}, nil
			}
			requests++
			from := &body{ctx: r.Context(), breaks: -1}
			if requests == 1 {
				from.breaks = len(text) - 1
			}
			return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: from,
				Header: http.Header{"Etag": {`W/"e"`}}}, nil
		})
		o := Object{URL: "http://store.example/", Size: new(int64(len(text))), Client: &http.Client{Transport: store},
			OnEvent: func(upload.Event) {}}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		var got bytes.Buffer
		if err := o.Copy(ctx, &got, "-"); err != nil || got.String() != text || requests != 2 {
			t.Errorf("got %q, %v after %d requests, want all by 2", &got, err, requests)
		}
	})
}

// TestInvalidContentRange: the bytes of a response that begins before the object are not written.
func TestInvalidContentRange(t *testing.T) {
	store := roundTripFunc(func(*http.Request) (*http.Response, error) {
		body := io.NopCloser(strings.NewReader("123456789"))
		return &http.Response{StatusCode: http.StatusPartialContent, ContentLength: 9, Body: body,
			Header: http.Header{"Content-Range": {"bytes -4-4/5"}}}, nil
	})
	o := Object{URL: "http://store.example/", Size: new(int64(5)), Client: &http.Client{Transport: store},
		OnEvent: func(upload.Event) {}}
	var got bytes.Buffer
	err := o.Copy(t.Context(), &got, "-")
	if err == nil || !strings.Contains(err.Error(), "Content-Range") || got.Len() > 0 {
		t.Errorf("got %q, %v, want an error about Content-Range", &got, err)
	}
}
