package bucket

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// TestRequestID checks that all calls for a request have its id in their User-Agent, and no others.
func TestRequestID(t *testing.T) {
	const none = ""
	for _, c := range []struct{ id, want string }{
		{"0198c5a2-7f3e-7b52-9a3d-5f0e6a1b2c3d", "0198c5a2-7f3e-7b52-9a3d-5f0e6a1b2c3d"},
		{"Root=1-67891233-abcdef012345678912345678", "Root=1-67891233-abcdef012345678912345678"},
		{"a.b_c:d=e-F", "a.b_c:d=e-F"},
		{strings.Repeat("x", 128), strings.Repeat("x", 128)},
		{strings.Repeat("x", 129), none},
		{"", none},
		{"a\r\nX-Evil: 1", none},
		{"a\nb", none},
		{"a b", none},
		{"a\x00", none},
		{"a/b", none},
		{`a"b`, none},
		{"é", none},
	} {
		for _, op := range operations {
			w := &fakeStore{answer: respond(200, "")}
			b, _ := openFake(t, w, static())
			if err := op.call(WithRequestID(t.Context(), c.id), b); err != nil {
				t.Fatal(err)
			}
			expectAgent(t, op.name, w, c.want)
		}
		w := &fakeStore{answer: respond(500, "InternalError")} // makes the SDK write the record
		b, _ := openFake(t, w, static())
		_ = b.CreateRecord(WithRequestID(t.Context(), c.id), "k", nil)
		if len(w.requests) != 2 {
			t.Errorf("CreateRecord: got %d requests, want our own and the SDK's", len(w.requests))
		}
		expectAgent(t, "CreateRecord", w, c.want)
	}
}

// expectAgent checks the User-Agent of all calls to w.
func expectAgent(t *testing.T, operation string, w *fakeStore, id string) {
	t.Helper()
	for _, r := range w.requests {
		agent := r.Header.Get("User-Agent")
		product, got, _ := strings.Cut(agent, " signpost-request/")
		if got != id || product == "" || len(r.Header.Values("User-Agent")) != 1 || r.Header.Get("X-Evil") != "" {
			t.Errorf("%s with id %q: got headers %q", operation, id, r.Header)
		}
		if strings.Contains(r.Header.Get("Authorization")+r.URL.RawQuery, "user-agent") {
			t.Errorf("%s: the signature covers the User-Agent, which a proxy may change", operation)
		}
		var head strings.Builder
		if err := r.Header.Write(&head); err != nil || strings.Count(head.String(), "\r\n") != headerLines(r.Header) {
			t.Errorf("%s with id %q: on the wire %q, %v", operation, id, head.String(), err)
		}
	}
}

func headerLines(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// TestRequestIDWithin checks that a valid id replaces the outer one, and an invalid one does not.
func TestRequestIDWithin(t *testing.T) {
	outer := WithRequestID(context.Background(), "outer")
	for id, want := range map[string]string{"inner": " signpost-request/inner", "not sound": " signpost-request/outer"} {
		if got := userAgentSuffix(WithRequestID(outer, id)); got != want {
			t.Errorf("WithRequestID(outer, %q): got %q, want %q", id, got, want)
		}
	}
}
