package server_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/config"
)

// startTLS runs a service that serves HTTPS.
func startTLS(t *testing.T) *service {
	t.Helper()
	dir := t.TempDir()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Config{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{c.TLSCert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		c.TLSKey: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return startAs(t, c, &service{key: "none"})
}

// open connects to s, over TLS or not.
func (s *service) open(t *testing.T, overTLS bool) net.Conn {
	t.Helper()
	conn := s.dial(t)
	conn.SetDeadline(time.Now().Add(limit))
	if overTLS {
		return tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return conn
}

// oneShot writes a whole request before it reads anything, as simple clients do. It returns the only response of the
// connection.
func oneShot(t *testing.T, conn net.Conn, head string, body io.Reader) (*http.Response, client.Problem) {
	t.Helper()
	if _, err := io.Copy(conn, io.MultiReader(strings.NewReader(head), body)); err != nil {
		t.Fatalf("write the request: %v", err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("read the response: %v", err)
	}
	var p client.Problem
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
		t.Fatalf("read the problem document: %v", err)
	}
	if response.ContentLength < 0 || !response.Close {
		t.Errorf("got length %d and Connection: close %t, want a length and close", response.ContentLength, response.Close)
	}
	if rest, err := io.ReadAll(reader); err != nil || strings.TrimSpace(string(rest)) != "" {
		t.Errorf("after the response: got %q, %v, want the end of the connection", rest, err)
	}
	return response, p
}

// spaces returns a reader of n spaces.
func spaces(n int64) io.Reader { return io.LimitReader(space{}, n) }

type space struct{}

func (space) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// inChunks returns a reader of n chunks of 1 MiB and the last chunk.
func inChunks(n int) io.Reader {
	var parts []io.Reader
	for range n {
		parts = append(parts, strings.NewReader("100000\r\n"), spaces(1<<20), strings.NewReader("\r\n"))
	}
	return io.MultiReader(append(parts, strings.NewReader("0\r\n\r\n"))...)
}

// TestEarlyResponse: a client that sends a large body before it reads receives the response of the service.
func TestEarlyResponse(t *testing.T) {
	if testing.Short() {
		t.Skip("sends large bodies")
	}
	const evil = "Origin: https://evil.example"
	open, guarded, overTLS := start(t), startWithKeys(t), startTLS(t)
	key := "X-Api-Key: " + guarded.key
	for _, c := range []struct {
		service *service
		line    string
		fields  []string
		want    string
	}{
		{open, "POST /import", nil, "413 body-too-large"},
		{overTLS, "POST /import", nil, "413 body-too-large"},
		{guarded, "POST /import", []string{"X-Api-Key: wrong"}, "401 unauthenticated"},
		{guarded, "POST /import", []string{"X-Api-Key: " + guarded.readKey}, "403 scope-missing"},
		{guarded, "POST /import", []string{key, evil}, "403 origin-not-allowed"},
		{overTLS, "POST /nothing", nil, "404 not-found"},
		{open, "POST /nothing", nil, "404 not-found"},
		{open, "PUT /import", nil, "405 method-not-allowed"},
		{overTLS, "POST /docs", nil, "405 method-not-allowed"},
		{open, "POST /healthz", nil, "405 method-not-allowed"},
	} {
		fields := append([]string{"Host: " + c.service.address, "Connection: close"}, c.fields...)
		t.Run(fmt.Sprint(c.want, " ", c.line, " TLS ", c.service == overTLS), func(t *testing.T) {
			conn := c.service.open(t, c.service == overTLS)
			response, p := oneShot(t, conn, bare(c.line+" HTTP/1.1", append(fields, chunked)...), inChunks(12))
			if got := fmt.Sprint(response.StatusCode, " ", p.Code); got != c.want {
				t.Errorf("chunks: got %s, want %s", got, c.want)
			}
			for _, size := range []int64{12e6, 60 << 20} {
				for _, version := range []string{" HTTP/1.1", " HTTP/1.0"} {
					conn := c.service.open(t, c.service == overTLS)
					head := bare(c.line+version, append(fields, fmt.Sprint("Content-Length: ", size))...)
					if response, p := oneShot(t, conn, head, spaces(size)); response.StatusCode != 413 || p.Code != "body-too-large" {
						t.Errorf("%d bytes,%s: got %d %s, want 413 body-too-large", size, version, response.StatusCode, p.Code)
					}
				}
			}
		})
	}
}

// TestEarlyResponseOverHTTP2: the service resets only the stream, after the response.
func TestEarlyResponseOverHTTP2(t *testing.T) {
	s := startTLS(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	for range 10 {
		response, err := (&http.Client{Transport: transport, Timeout: limit}).Post("https://"+s.address+"/import",
			"text/csv", spaces(60<<20))
		if err != nil {
			t.Fatal(err)
		}
		var p client.Problem
		err = json.NewDecoder(response.Body).Decode(&p)
		response.Body.Close()
		if err != nil || p.Code != "body-too-large" || response.ProtoMajor != 2 {
			t.Errorf("got HTTP/%d %s, %v, want HTTP/2 body-too-large", response.ProtoMajor, p.Code, err)
		}
	}
}

// TestPythonReadsEarlyResponse: Python's urllib sends the whole file before it reads.
func TestPythonReadsEarlyResponse(t *testing.T) {
	if testing.Short() {
		t.Skip("sends large bodies")
	}
	python, err := exec.LookPath("python3")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip("urllib is not tested: python3 is not installed")
	}
	const script = `
import json, ssl, sys, urllib.request, urllib.error
for _ in range(10):
    try:
        urllib.request.urlopen(sys.argv[1], data=b" " * 12_000_000, context=ssl._create_unverified_context())
    except urllib.error.HTTPError as e:
        print(e.code, json.load(e)["code"])
    except Exception as e:
        print(e)
`
	for base, s := range map[string]*service{"http://": start(t), "https://": startTLS(t)} {
		out, err := exec.Command(python, "-c", script, base+s.address+"/import").CombinedOutput()
		if want := strings.Repeat("413 body-too-large\n", 10); err != nil || string(out) != want {
			t.Errorf("%s: got %s, %v, want ten times 413 body-too-large", base, out, err)
		}
	}
}
