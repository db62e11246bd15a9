package main

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestEmbeddedCertificates runs itself as on a system without CA certificates. The embedded ones are used there.
func TestEmbeddedCertificates(t *testing.T) {
	t.Parallel()
	const none = "SSL_CERT_FILE=/nonexistent"
	if !strings.HasSuffix(none, "="+os.Getenv("SSL_CERT_FILE")) {
		command := exec.Command(os.Args[0], "-test.run", "^TestEmbeddedCertificates$")
		command.Env = append(os.Environ(), none, "SSL_CERT_DIR=/nonexistent")
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("without CA certificates: %v:\n%s", err, out)
		}
		return
	}
	pool, err := x509.SystemCertPool()
	if err != nil || pool.Equal(x509.NewCertPool()) {
		t.Errorf("CA certificates: got none, %v, want the embedded ones", err)
	}
}

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
