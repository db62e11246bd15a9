package localstore_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// sendHead sends a request's header and returns once the server asks for the body.
func sendHead(t *testing.T, s *localstore.Store, req *http.Request, length int) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n",
		req.Method, req.URL.RequestURI(), req.URL.Host, length)
	for name := range req.Header {
		head += name + ": " + req.Header.Get(name) + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		t.Fatal(err)
	}
	want := []byte("HTTP/1.1 100 Continue\r\n\r\n")
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("answer to the head = %q, %v", got, err)
	}
	return conn.(*net.TCPConn)
}

// cutShort sends half of the announced body, closes its side, and returns the response.
func cutShort(t *testing.T, s *localstore.Store, req *http.Request, length int) (status int, code string) {
	t.Helper()
	return sendPart(t, s, req, length, make([]byte, length/2))
}

func sendPart(t *testing.T, s *localstore.Store, req *http.Request, length int, part []byte) (status int, code string) {
	t.Helper()
	conn := sendHead(t, s, req, length)
	defer conn.Close()
	if _, err := conn.Write(part); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatalf("answer to half a body: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, errorCode(body)
}

// cutOff sends half of the body and closes the connection. Closing the store waits for the server to process it.
func cutOff(t *testing.T, s *localstore.Store, req *http.Request, length int) {
	t.Helper()
	conn := sendHead(t, s, req, length)
	if _, err := conn.Write(make([]byte, length/2)); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// cutLengths are the lengths of bodies of which half is sent.
var cutLengths = []int{1000, 5_000_000}

func TestTruncatedPutStoresNothing(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	for _, length := range cutLengths {
		if _, code := cutShort(t, s, presign(t, s, "PUT", "short", time.Now()), length); code != "IncompleteBody" {
			t.Errorf("half of %d bytes = %q, want IncompleteBody", length, code)
		}
		if _, ok := stored(t, s, "short"); ok {
			t.Errorf("half of %d bytes was stored", length)
		}
		cutOff(t, s, presign(t, s, "PUT", "off", time.Now()), length)
		s = start(t, dir)
		if _, ok := stored(t, s, "off"); ok {
			t.Errorf("half of %d bytes was stored after the connection was lost", length)
		}
	}
}

func TestTruncatedPutKeepsTheOldObject(t *testing.T) {
	s := start(t, t.TempDir())
	put(t, s, "k", "old")
	cutShort(t, s, presign(t, s, "PUT", "k", time.Now()), 5_000_000)
	if got, _ := stored(t, s, "k"); got != "old" {
		t.Errorf("content = %.20q, want old", got)
	}
}

func TestTruncatedPartStoresNothing(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	created, err := client(s).CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String(s.Bucket()), Key: aws.String("k"),
	})
	if err != nil {
		t.Fatal(err)
	}
	part := func(n int) *http.Request {
		return presign(t, s, "PUT", fmt.Sprintf("k?partNumber=%d&uploadId=%s", n, *created.UploadId), time.Now())
	}
	for _, length := range cutLengths {
		if _, code := cutShort(t, s, part(1), length); code != "IncompleteBody" {
			t.Errorf("half of %d bytes = %q, want IncompleteBody", length, code)
		}
		cutOff(t, s, part(2), length)
		s = start(t, dir)
		parts, err := client(s).ListParts(t.Context(), &s3.ListPartsInput{
			Bucket: aws.String(s.Bucket()), Key: aws.String("k"), UploadId: created.UploadId,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(parts.Parts) != 0 {
			t.Errorf("after half of %d bytes there are %d parts", length, len(parts.Parts))
		}
	}
}

// TestTrailingChecksum checks that the length check keeps aws-chunked bodies and their trailing checksums working.
func TestTrailingChecksum(t *testing.T) {
	s := start(t, t.TempDir())
	content := strings.Repeat("content\n", 20_000)
	whole := fmt.Sprintf("%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n", len(content), content, sums(content)["crc32"])
	wrong := strings.Replace(whole, "content", "Content", 1)
	for name, row := range map[string]struct {
		body   string
		sent   int
		status int
		code   string
	}{
		"whole": {whole, len(whole), 200, ""},
		"wrong": {wrong, len(wrong), 400, "BadDigest"},
		"cut":   {whole, len(whole) / 2, 400, "IncompleteBody"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "PUT", s.Endpoint()+"/"+s.Bucket()+"/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = int64(len(row.body))
		req.Header = http.Header{
			"Content-Encoding":             {"aws-chunked"},
			"X-Amz-Content-Sha256":         {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
			"X-Amz-Decoded-Content-Length": {fmt.Sprint(len(content))},
			"X-Amz-Trailer":                {"x-amz-checksum-crc32"},
		}
		if err := v4.NewSigner().SignHTTP(t.Context(), s.Credentials(), req, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "s3",
			s.AWSConfig().Region, time.Now(), func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }); err != nil {
			t.Fatal(err)
		}
		status, code := sendPart(t, s, req, len(row.body), []byte(row.body[:row.sent]))
		if status != row.status || code != row.code {
			t.Errorf("%s = %d %q, want %d %q", name, status, code, row.status, row.code)
		}
		if _, ok := stored(t, s, name); ok != (row.status == 200) {
			t.Errorf("%s stored: %v", name, ok)
		}
	}
}
