package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUntrustedCertificate calls a service whose certificate has an unknown authority.
func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	err := run(t.Context(), []string{"list", "--server", server.URL}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") ||
		!strings.HasSuffix(err.Error(), "\n  -> install the certificate authority on this machine; on Linux, SSL_CERT_FILE can name its file instead") {
		t.Errorf("list from a service with an unknown certificate: got %v, want advice about its authority", err)
	}
}
