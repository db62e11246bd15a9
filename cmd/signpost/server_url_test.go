package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPlainURLOfTLSServer: a URL with http:// of a port that requires TLS is explained, whether the server answers with
// an HTTP response, a TLS alert or a problem document.
func TestPlainURLOfTLSServer(t *testing.T) {
	withResponse := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(withResponse.Close)
	withAlert, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { withAlert.Close() })
	go func() {
		for {
			c, err := withAlert.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte("\x15\x03\x01\x00\x02\x02F"))
			c.Close()
		}
	}()
	signpost := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":"tls-required","detail":"this port requires TLS"}`))
	}))
	t.Cleanup(signpost.Close)
	for _, listener := range []net.Listener{withResponse.Listener, withAlert, signpost.Listener} {
		address := listener.Addr().String()
		var stdout, stderr bytes.Buffer
		err := run(t.Context(), []string{"--server", "http://" + address, "list"}, &stdout, &stderr)
		const want = "this port requires TLS"
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "https://") ||
			!strings.Contains(err.Error(), "\n  -> ") {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}
