package upload

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// roundTripFunc is a RoundTripper whose responses a function returns.
type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestCanceledDuringResponse: a call that is canceled during the response returns the cause of the cancellation.
func TestCanceledDuringResponse(t *testing.T) {
	cause := errors.New("interrupted")
	for name, body := range map[string]io.Reader{
		"empty response": strings.NewReader(""),
		"half response":  io.MultiReader(strings.NewReader(`{"id`), brokenReader{}),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			api, err := NewAPI("http://signpost.example", nil, roundTripFunc(func(*http.Request) (*http.Response, error) {
				cancel(cause)
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body)}, nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := api.Read(ctx, "01a22529-74d5-7f84-bc00-7bf3810bf0e7"); !errors.Is(err, cause) {
				t.Errorf("Read: got %v, want %v", err, cause)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
