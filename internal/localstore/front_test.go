package localstore_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// large exceeds socket buffers: if a client can send all of it, the store has read from it.
const large = 128 << 20

// flood sends the request's header and start, then zeros until the store rejects more or has read a body of large
// bytes. It returns the response, and the number of bytes that were sent.
func flood(
	t *testing.T, s *localstore.Store, req *http.Request, head string, start []byte,
) (status int, code string, sent int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", req.Method, req.URL.RequestURI(), req.URL.Host, head)
	for name := range req.Header {
		fmt.Fprintf(conn, "%s: %s\r\n", name, req.Header.Get(name))
	}
	if _, err := conn.Write(append([]byte("\r\n"), start...)); err != nil {
		t.Fatal(err)
	}
	written := make(chan int, 1)
	go func() {
		total := len(start)
		for chunk := make([]byte, 64<<10); total < large; {
			n, err := conn.Write(chunk)
			if total += n; err != nil {
				break
			}
		}
		written <- total
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatalf("no response; the client could send %d bytes: %v", <-written, err)
	}
	body, _ := io.ReadAll(resp.Body) // a reset may follow it
	sent = <-written
	return resp.StatusCode, errorCode(body), sent
}

// TestInvalidFormIsRejectedEarly checks that an invalid form is rejected before its file is sent.
func TestInvalidFormIsRejectedEarly(t *testing.T) {
	const origin = "http://app.example"
	s := start(t, t.TempDir(), origin)
	length := fmt.Sprintf("Content-Length: %d\r\n", large+4096)
	for name, row := range map[string]struct {
		change func(*form)
		head   string
		status int
		code   string
	}{
		"foreign origin": {func(*form) {}, length + "Origin: http://evil.example\r\n", 403, "AccessDenied"},
		"opaque origin":  {func(*form) {}, length + "Origin: null\r\n", 403, "AccessDenied"},
		"no length":      {func(*form) {}, "Transfer-Encoding: chunked\r\n", 411, "MissingContentLength"},
		"too long": {
			func(*form) {}, fmt.Sprintf("Content-Length: %d\r\n", 5<<30+20<<10+1), 400, "EntityTooLarge",
		},
		"unsigned": {func(f *form) { f.unsigned = true }, length, 403, "AccessDenied"},
		"forged": {
			func(f *form) { f.secret = "guessed" }, length + "Origin: " + origin + "\r\n", 403, "SignatureDoesNotMatch",
		},
		"expired": {func(f *form) { f.expires = f.signed.Add(-time.Second) }, length, 403, "AccessDenied"},
		"for another key": {
			func(f *form) { f.extra = map[string]string{"key": "other"} }, length, 403, "AccessDenied",
		},
		"fields too long": {
			func(f *form) { f.extra = map[string]string{"x-ignore-a": strings.Repeat("x", 25<<10)} }, length,
			400, "MaxPostPreDataLengthExceeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // net/http waits half a second before it resets a connection
			f := newForm(s, strings.ReplaceAll(name, " ", "-"), "")
			f.most = 2 * large
			row.change(f)
			req := f.request(t, s)
			body, err := io.ReadAll(req.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = body[:bytes.LastIndex(body, []byte("\r\n--"))] // so that the file begins where the form ended
			status, code, sent := flood(t, s, req, row.head, body)
			if status != row.status || code != row.code {
				t.Errorf("POST = %d %q, want %d %q", status, code, row.status, row.code)
			}
			if sent >= large {
				t.Errorf("the client could send %d bytes", sent)
			}
			if _, ok := stored(t, s, f.fields["key"]); ok {
				t.Error("stored")
			}
		})
	}
}

// TestBufferedBodiesAreLimited checks that a long body is rejected if versitygw would hold it in memory, even if it
// resembles a form.
func TestBufferedBodiesAreLimited(t *testing.T) {
	s := start(t, t.TempDir())
	const file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	for _, row := range []struct{ method, key, head string }{
		{"POST", "?delete", ""},
		{"POST", "key?uploads", ""},
		{"POST", "key?uploadId=x", ""},
		{"POST", "", ""},
		{"PUT", "key?tagging", ""},
		{"PUT", "key", "X-Amz-Copy-Source: /uploads/other\r\n"},
		{"PUT", "?tagging", ""},
		{"PATCH", "key", ""},
	} {
		for _, chunked := range []bool{false, true} {
			for _, kind := range []string{"application/xml", "multipart/form-data; boundary=b"} {
				t.Run(fmt.Sprintf("%s %s%s %s %v", row.method, row.key, row.head, kind, chunked), func(t *testing.T) {
					t.Parallel() // net/http waits half a second before it resets a connection
					head, first := fmt.Sprintf("Content-Length: %d\r\n", large+len(file)), file
					if chunked {
						head, first = "Transfer-Encoding: chunked\r\n", "FFFFFFFF\r\n"+file
					}
					req := presign(t, s, row.method, row.key, time.Now())
					status, code, sent := flood(t, s, req, head+row.head+"Content-Type: "+kind+"\r\n", []byte(first))
					if sent >= large || status < 400 && !chunked {
						t.Errorf("response %d %s; the client could send %d bytes", status, code, sent)
					}
				})
			}
		}
	}
}

func startLimited(t *testing.T, limits localstore.Limits) *localstore.Store {
	t.Helper()
	s, err := localstore.StartWith(t.Context(), localstore.Options{
		Dir: t.TempDir(), Listen: "127.0.0.1:0", Bucket: "uploads",
	}, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	s := startLimited(t, localstore.Limits{Header: 100 * time.Millisecond, Idle: time.Minute, Body: time.Minute})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, "PUT /uploads/k HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection stays open: %q, %v", rest, err)
	}
}

func TestIdleConnectionsAreCutOff(t *testing.T) {
	s := startLimited(t, localstore.Limits{Header: time.Minute, Idle: 100 * time.Millisecond, Body: time.Minute})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, "HEAD /uploads/k HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(rest, []byte("HTTP/1.1 403 ")) {
		t.Errorf("response = %q, %v, want one and the connection's end", rest, err)
	}
}

// TestStalledBodiesAreCutOff checks that a stalled client receives S3's error, and that nothing is stored.
func TestStalledBodiesAreCutOff(t *testing.T) {
	s := startLimited(t, localstore.Limits{Header: time.Minute, Idle: time.Minute, Body: 200 * time.Millisecond})
	post := newForm(s, "form", strings.Repeat("x", 1000)).request(t, s)
	part, err := io.ReadAll(io.LimitReader(post.Body, post.ContentLength-500))
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := http.NewRequestWithContext(t.Context(), "PUT", s.Endpoint()+"/uploads/unsigned", nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, row := range map[string]struct {
		req  *http.Request
		sent []byte
		code string
	}{
		"put":      {presign(t, s, "PUT", "put", time.Now()), make([]byte, 10_000), "RequestTimeout"},
		"form":     {post, part, "RequestTimeout"},
		"unsigned": {unsigned, nil, "AccessDenied"},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n", row.req.Method, row.req.URL.RequestURI(), row.req.URL.Host)
		fmt.Fprintf(conn, "Content-Length: %d\r\nContent-Type: %s\r\n\r\n%s",
			len(row.sent)+500, row.req.Header.Get("Content-Type"), row.sent)
		resp, err := http.ReadResponse(bufio.NewReader(conn), row.req)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		body, err := io.ReadAll(resp.Body)
		if code := errorCode(body); err != nil || code != row.code {
			t.Errorf("%s = %d %q, %v, want %s", key, resp.StatusCode, code, err, row.code)
		}
		if _, ok := stored(t, s, key); ok {
			t.Errorf("%s: half of it was stored", key)
		}
	}
}

// TestFormNeedsNoTemporaryFile checks that forms are not written to temporary files, as versitygw's HTTP server does.
func TestFormNeedsNoTemporaryFile(t *testing.T) {
	s := start(t, t.TempDir())
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	content := strings.Repeat("0123456789abcdef", 40<<20/16)
	if status, code, _ := send(t, newForm(s, "large", content).request(t, s)); status != 204 {
		t.Fatalf("POST = %d %s", status, code)
	}
	if got, _ := stored(t, s, "large"); got != content {
		t.Errorf("stored %d bytes that differ from the %d sent", len(got), len(content))
	}
}

// TestFormTypedObject checks that an object may have the content type of a form.
func TestFormTypedObject(t *testing.T) {
	s := start(t, t.TempDir())
	typed := http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}
	req := presignWith(t, s, s.Credentials(), "PUT", "typed", time.Now(), "900", typed)
	const content = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--b--\r\n"
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(content)), int64(len(content))
	if status, code, _ := send(t, req); status != 200 {
		t.Fatalf("PUT = %d %s", status, code)
	}
	if got, _ := stored(t, s, "typed"); got != content {
		t.Errorf("stored %q, want %q", got, content)
	}
}

// TestResponsesWithoutBody checks HEAD, ranges and responses without a body.
func TestResponsesWithoutBody(t *testing.T) {
	s := start(t, t.TempDir())
	put(t, s, "k", "0123456789")
	_, _, head := send(t, presign(t, s, "HEAD", "k", time.Now()))
	for _, row := range []struct {
		method       string
		header, from string
		status       int
		length, body string
	}{
		{"HEAD", "", "", 200, "10", ""},
		{"GET", "", "", 200, "10", "0123456789"},
		{"GET", "Range", "bytes=2-4", 206, "3", "234"},
		{"HEAD", "Range", "bytes=2-4", 206, "3", ""},
		{"GET", "If-None-Match", head.Get("ETag"), 304, "", ""},
		{"DELETE", "", "", 204, "", ""},
	} {
		req := presign(t, s, row.method, "k", time.Now())
		if row.header != "" {
			req.Header.Set(row.header, row.from)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		got := fmt.Sprintf("%d, length %q, %q, %v", resp.StatusCode, resp.Header.Get("Content-Length"), body, err)
		want := fmt.Sprintf("%d, length %q, %q, <nil>", row.status, row.length, row.body)
		if got != want {
			t.Errorf("%s with %s %s = %s, want %s", row.method, row.header, row.from, got, want)
		}
	}
}

// TestResponseHeaderNames checks that names of metadata are in lower case, as S3 sends them and clients such as boto3
// show them, and that each header is sent once.
func TestResponseHeaderNames(t *testing.T) {
	s := start(t, t.TempDir())
	_, err := client(s).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(s.Bucket()), Key: aws.String("k"), Body: strings.NewReader("x"),
		Metadata: map[string]string{"Order-ID": "42"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "HEAD"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		req := presign(t, s, method, "k", time.Now())
		fmt.Fprintf(
			conn,
			"%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
			method,
			req.URL.RequestURI(),
			req.URL.Host,
		)
		response, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(response), "\r\n\r\n")
		if !strings.Contains(head, "\r\nx-amz-meta-order-id: 42") {
			t.Errorf("%s: no x-amz-meta-order-id: 42 in\n%s", method, head)
		}
		seen := map[string]bool{}
		for _, line := range strings.Split(head, "\r\n")[1:] {
			name, _, _ := strings.Cut(strings.ToLower(line), ":")
			if seen[name] {
				t.Errorf("%s: more than one %s in\n%s", method, name, head)
			}
			seen[name] = true
		}
	}
}
