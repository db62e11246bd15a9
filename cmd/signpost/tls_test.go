package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestTLS serves over TLS and reloads a renewed certificate.
func TestTLS(t *testing.T) {
	slowTest(t)
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	p := startLocal(t, t.TempDir(), "SIGNPOST_TLS_CERT="+filepath.Join(dir, "cert.pem"),
		"SIGNPOST_TLS_KEY="+filepath.Join(dir, "key.pem"))
	p.api = regexp.MustCompile(` at (https://\S+)`).FindStringSubmatch(p.stdout.String())[1]
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: limit}
	serial := func() any {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(p.api, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := p.call(t, client, ""); got != 200 {
		t.Errorf("over TLS: got %d, want 200", got)
	}
	if got := serial(); got != int64(1) {
		t.Errorf("certificate: got %v, want 1", got)
	}
	writeCertificate(t, dir, 2)
	eventually(t, "renewed certificate", serial, int64(2))
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.await(t, p.stderr, "complaint about the certificate",
		func(s string) bool { return strings.Contains(s, "certificate reload failed") })
	if got := serial(); got != int64(2) {
		t.Errorf("certificate after a broken file: got %v, want 2", got)
	}
	old := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}}}
	if _, err := old.Get(p.api + "/healthz"); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

// writeCertificate writes a self-signed certificate. It writes the key first, as a renewal may.
func writeCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []struct {
		name, kind string
		bytes      []byte
	}{{"key.pem", "PRIVATE KEY", private}, {"cert.pem", "CERTIFICATE", certificate}} {
		if err := os.WriteFile(filepath.Join(dir, file.name),
			pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
