package bucket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// TestBrokenAnswer checks that an incomplete 200 is ErrUnavailable.
func TestBrokenAnswer(t *testing.T) {
	for _, cause := range []error{io.ErrUnexpectedEOF, context.DeadlineExceeded, syscall.ECONNRESET} {
		b, _ := wired(t, &wire{answer: func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{},
				ContentLength: -1,
				Body:          io.NopCloser(io.MultiReader(strings.NewReader("<Result><Key>"), iotest.ErrReader(cause))),
			}, nil
		}}, static())
		m := Multipart{Key: "k", UploadID: "u"}
		for name, call := range map[string]func() error{
			"ListObjectsV2":         func() error { _, _, err := b.List(t.Context(), "p", "", 1); return err },
			"ListParts":             func() error { _, _, err := b.ListParts(t.Context(), m, 0); return err },
			"CreateMultipartUpload": func() error { _, err := b.CreateMultipart(t.Context(), Upload{Key: "k"}); return err },
			"CompleteMultipartUpload": func() error {
				return b.CompleteMultipart(
					t.Context(), m, []Part{{Number: 1, ETag: `"1"`}}, "",
				)
			},
			"GetObject": func() error { _, err := b.ReadRecord(t.Context(), "k"); return err },
		} {
			if err := call(); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s, answer cut by %v: got %v, want %v", name, cause, err, ErrUnavailable)
			}
		}
	}
}
