package bucket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// TestFaults checks that a fault has the same error for all calls, and that hooks receive it.
func TestFaults(t *testing.T) {
	type answer = func(*http.Request) (*http.Response, error)
	for _, fault := range []struct {
		name    string
		answer  answer
		want    error
		outcome string
		head    string // the outcome of a HEAD, if it differs
	}{
		{"all is well", respond(200, ""), nil, "ok", ""},
		{"overload", respond(503, "SlowDown"), ErrUnavailable, "unavailable", ""},
		{"fault of the store", respond(500, "InternalError"), ErrUnavailable, "unavailable", ""},
		{"a proxy without its store", respond(502, ""), ErrUnavailable, "unavailable", ""},
		{"reset", failWith(syscall.ECONNRESET), ErrUnavailable, "unavailable", ""},
		{"refused", failWith(syscall.ECONNREFUSED), ErrUnavailable, "unavailable", ""},
		{"nothing there", respond(404, "NoSuchKey"), ErrNotFound, "not-found", ""},
		{"no upload", respond(404, "NoSuchUpload"), ErrNotFound, "not-found", ""},
		{"a condition failed", respond(412, "PreconditionFailed"), ErrChanged, "changed", ""},
		{"denied", respond(403, "AccessDenied"), ErrForbidden, "forbidden", ""},
		{"another call is in progress", respond(409, "ConditionalRequestConflict"), ErrBusy, "busy", ""},
		{"token expired", respond(400, "ExpiredToken"), ErrCredentialsExpired, "credentials", "error"},
		{"bad part", respond(400, "InvalidPart"), ErrBadPart, "bad-part", "error"},
		{"bad checksum", respond(400, "BadDigest"), ErrBadChecksum, "bad-checksum", "error"},
		{"fault of ours", respond(400, "InvalidRequest"), nil, "error", ""},
		{"canceled by the caller", failWith(context.Canceled), context.Canceled, "cancelled", ""},
	} {
		for _, op := range operations {
			if op.name == "CompleteMultipartUpload" && fault.name == "fault of the store" {
				continue // see TestCompleteOnce
			}
			w := &fakeStore{answer: fault.answer}
			b, outcomes := openFake(t, w, static())
			err := op.call(t.Context(), b)
			outcome := fault.outcome
			if strings.HasPrefix(op.name, "Head") && fault.head != "" {
				outcome = fault.head
			}
			if got, want := outcomes(), []string{op.name + " " + outcome}; !slices.Equal(got, want) {
				t.Errorf("%s, %s: hooks received %q, want %q", op.name, fault.name, got, want)
			}
			nothing := []string{"DeleteObject", "AbortMultipartUpload", "ListMultipartUploads"} // is no error for these
			if outcome == "ok" || outcome == "not-found" && slices.Contains(nothing, op.name) {
				if err != nil {
					t.Errorf("%s, %s: got %v, want nil", op.name, fault.name, err)
				}
				continue
			}
			if outcome == fault.outcome && !errors.Is(err, fault.want) && fault.want != nil || err == nil {
				t.Errorf("%s, %s: got %v, want %v", op.name, fault.name, err, fault.want)
			}
			if sdk, ok := strings.CutPrefix(errorText(err), op.name); !ok ||
				strings.Contains(sdk, "operation error S3") && !strings.Contains(sdk, "operation error S3: "+op.name+",") {
				t.Errorf("%s, %s: got %q, want S3's name for the call", op.name, fault.name, err)
			}
		}
	}
}

// TestIncompleteResponses checks that an incomplete 200 is ErrUnavailable for all calls.
func TestIncompleteResponses(t *testing.T) {
	for _, cause := range []error{io.ErrUnexpectedEOF, context.DeadlineExceeded, syscall.ECONNRESET} {
		incomplete := func(r *http.Request) (*http.Response, error) {
			response, err := respond(200, "")(r)
			response.ContentLength, response.Body = -1, io.NopCloser(
				io.MultiReader(strings.NewReader("<Result><Key>"), iotest.ErrReader(cause)),
			)
			return response, err
		}
		for _, op := range operations {
			switch op.name {
			case "GetObject", "ListObjectsV2", "ListParts", "ListMultipartUploads", "CreateMultipartUpload",
				"CompleteMultipartUpload":
				b, outcomes := openFake(t, &fakeStore{answer: incomplete}, static())
				if err := op.call(t.Context(), b); !errors.Is(err, ErrUnavailable) {
					t.Errorf("%s, response ended by %v: got %v, want ErrUnavailable", op.name, cause, err)
				}
				if got := outcomes(); !slices.Equal(got, []string{op.name + " unavailable"}) {
					t.Errorf("%s: hooks received %q, want unavailable", op.name, got)
				}
			}
		}
	}
}

// TestDeadlines checks each call's timeout with a store that never answers, and that cancellation ends it.
func TestDeadlines(t *testing.T) {
	for _, op := range operations {
		for _, patience := range []time.Duration{time.Second, time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				b, outcomes := openFake(t, &fakeStore{answer: hang}, static())
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				want := patience
				if op.limit > 0 {
					want = min(want, op.limit)
				}
				began := time.Now()
				if err := op.call(ctx, b); !errors.Is(err, ErrUnavailable) || time.Since(began) != want {
					t.Errorf("%s: got %v after %s, want ErrUnavailable after %s", op.name, err, time.Since(began), want)
				}
				if got := outcomes(); !slices.Equal(got, []string{op.name + " unavailable"}) {
					t.Errorf("%s: hooks received %q, want unavailable", op.name, got)
				}
			})
		}
	}
}
