package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestBodies sends bodies that a usual chain of validators accepts or answers badly.
func TestBodies(t *testing.T) {
	s := start(t, settings{})
	deep := func(n int) string { return strings.Repeat(`{"metadata":`, n) + "1" + strings.Repeat("}", n) }
	for _, c := range []struct {
		name, body string
		status     int
		code       string
		faults     string // pointer and detail of each field error, joined
	}{
		{"empty object", `{}`, 201, "", ""},
		{"white space around", " \n{}\t ", 201, "", ""},
		{"two documents", `{}{}`, 400, "invalid-json", ""},
		{"trailing garbage", `{} x`, 400, "invalid-json", ""},
		{"trailing comma", `{"size":1,}`, 400, "invalid-json", ""},
		{"cut short", `{"size":1`, 400, "invalid-json", ""},
		{"white space alone", " \n", 400, "invalid-json", ""},
		{"comment", `{/*c*/}`, 400, "invalid-json", ""},
		{"NaN", `{"size":NaN}`, 400, "invalid-json", ""},
		{"leading zero", `{"size":01}`, 400, "invalid-json", ""},
		{"single quotes", `{'size':1}`, 400, "invalid-json", ""},
		{"raw newline in a string", "{\"filename\":\"a\nb\"}", 400, "invalid-json", ""},
		{"duplicate member", `{"size":1,"size":2}`, 400, "invalid-json", "/size must appear only once"},
		{"duplicate member, escaped", `{"size":1,"s\u0069ze":2}`, 400, "invalid-json", "/size must appear only once"},
		{"duplicate nested", `{"metadata":{"a":"1","a":"2"}}`, 400, "invalid-json", "/metadata/a must appear only once"},
		{"invalid UTF-8", "{\"filename\":\"\xff\"}", 400, "invalid-json", ""},
		{"lone high surrogate", `{"filename":"\ud800"}`, 400, "invalid-json", ""},
		{"lone low surrogate", `{"filename":"x\udc00y"}`, 400, "invalid-json", ""},
		{"surrogate pair", `{"filename":"\ud83d\ude00"}`, 201, "", ""},
		{"byte-order mark", "\xef\xbb\xbf{}", 400, "invalid-json", ""},
		{"UTF-16", "\xff\xfe{\x00}\x00", 400, "invalid-json", ""},
		{"100,000 levels", strings.Repeat("[", 100_000), 400, "invalid-json", ""},
		{"17 levels", deep(17), 400, "invalid-json", ""},
		{"array", `[]`, 400, "invalid-request", " must be an object"},
		{"null", `null`, 400, "invalid-request", " must be an object"},
		{"string", `"x"`, 400, "invalid-request", " must be an object"},
		{
			"unknown member", `{"sise":1}`, 400, "invalid-request",
			"/sise is not a member of this request; its members are checksum, content_type, expires_in, filename, metadata, mode, " +
				"part_size, relative_path, size, webhook_url, write_once",
		},
		{"unknown member with odd name", `{"a/b~\"c":1}`, 400, "invalid-request", `/a~1b~0"c is not a member`},
		{"case matters", `{"Size":1}`, 400, "invalid-request", "/Size is not a member"},
		{"exponent", `{"size":1e3}`, 400, "invalid-request", "/size must be an integer in plain digits"},
		{"fraction of nothing", `{"size":1.0}`, 400, "invalid-request", "/size must be an integer in plain digits"},
		{"fraction", `{"size":1.5}`, 400, "invalid-request", "/size must be an integer"},
		{
			"beyond int64", `{"size":99999999999999999999}`, 400, "invalid-request",
			"/size must be from 0 to 53687091200000 bytes",
		},
		{"beyond float64", `{"size":1e999}`, 400, "invalid-request", "/size must be an integer"},
		{"number as string", `{"size":"1"}`, 400, "invalid-request", "/size must be an integer"},
		{"null member", `{"size":null}`, 400, "invalid-request", "/size must be an integer"},
		{"negative", `{"size":-1}`, 400, "invalid-request", "/size must be from 0 to"},
		{"minus zero", `{"size":-0}`, 201, "", ""},
		{"largest size", `{"size":53687091200001}`, 400, "invalid-request", "/size must be from 0 to 53687091200000 bytes"},
		{"expiry of nothing", `{"expires_in":0}`, 400, "invalid-request", "/expires_in must be from 1 to 604800"},
		{"expiry past a week", `{"expires_in":604801}`, 400, "invalid-request", "/expires_in must be from 1 to 604800"},
		{"mode", `{"mode":"double"}`, 400, "invalid-request", "/mode must be one of auto, single, multipart, form"},
		{"boolean", `{"write_once":"yes"}`, 400, "invalid-request", "/write_once must be true or false"},
		{
			"write-once form", `{"mode":"form","write_once":true}`, 400, "invalid-request",
			"/write_once is not possible with mode form",
		},
		{
			"name with path", `{"filename":"a/b"}`, 400, "invalid-request",
			"/filename must be a file name of 1 to 255 characters",
		},
		{
			"name with control character", `{"filename":"a\u000ab"}`, 400, "invalid-request",
			"/filename must be a file name",
		},
		{"empty name", `{"filename":""}`, 400, "invalid-request", "/filename must not be empty"},
		{
			"long name", `{"filename":"` + strings.Repeat("é", 256) + `"}`, 400, "invalid-request",
			"/filename must have at most 255 characters",
		},
		{
			"checksum in hexadecimal", `{"checksum":{"algorithm":"sha256","value":"` + strings.Repeat("a1", 32) + `"}}`, 400,
			"invalid-request", "/checksum/value must have at most 44 characters, in base64",
		},
		{"longest name", `{"filename":"` + strings.Repeat("é", 255) + `"}`, 201, "", ""},
		{
			"51 metadata", `{"metadata":{` + strings.TrimSuffix(manyMembers(51), ",") + `}}`, 400, "invalid-request",
			"/metadata must have at most 50 members",
		},
		{
			"checksum of bytes with size 0", `{"size":0,"checksum":{"algorithm":"crc32","value":"AAAAAQ=="}}`, 400,
			"invalid-request", "/checksum/value must be AAAAAA==",
		},
		{
			"type", `{"content_type":"text"}`, 400, "invalid-request",
			"/content_type must be a media type, such as `text/csv`",
		},
		{
			"type with newline", `{"content_type":"text/csv\r\nx: y"}`, 400, "invalid-request",
			"/content_type must be a media type, such",
		},
		{
			"type with two charsets", `{"content_type":"text/csv; a=1; a=2"}`, 400, "invalid-request",
			"/content_type must be a media type with each parameter only once",
		},
		{"metadata value", `{"metadata":{"a":1}}`, 400, "invalid-request", "/metadata/a must be a string"},
		{
			"metadata with newline", `{"metadata":{"a":"b\nc"}}`, 400, "invalid-request",
			"/metadata/a must be printable ASCII",
		},
		{
			"metadata beyond ASCII", `{"metadata":{"a":"é"}}`, 400, "invalid-request", "/metadata/a must be printable ASCII",
		},
		{"metadata empty", `{"metadata":{"a":""}}`, 400, "invalid-request", "/metadata/a must be printable ASCII"},
		{"metadata padded", `{"metadata":{"a":" b"}}`, 400, "invalid-request", "/metadata/a must be printable ASCII"},
		{"metadata name", `{"metadata":{"A b":"c"}}`, 400, "invalid-request", "/metadata/A b must have a name of"},
		{"metadata of 2048 bytes", `{"metadata":{"a":"` + strings.Repeat("x", 2047) + `"}}`, 201, "", ""},
		{
			"metadata of 2049 bytes", `{"metadata":{"ab":"` + strings.Repeat("x", 2047) + `"}}`, 400, "invalid-request",
			"/metadata must have at most 2048 bytes",
		},
		{
			"checksum without value", `{"checksum":{"algorithm":"sha256"}}`, 400, "invalid-request",
			"/checksum/value is missing",
		},
		{
			"checksum unknown", `{"checksum":{"algorithm":"md5","value":"AAAAAAAA"}}`, 400, "invalid-request",
			"/checksum/algorithm must be one of sha256, sha1, crc32, crc32c, crc64nvme",
		},
		{
			"checksum of wrong length", `{"checksum":{"algorithm":"sha256","value":"AAAAAAAA"}}`, 400, "invalid-request",
			"/checksum/value must be 32 bytes in standard base64",
		},
		{
			"checksum in hex", `{"checksum":{"algorithm":"crc32","value":"cbf43926"}}`, 400, "invalid-request",
			"/checksum/value must be 4 bytes in standard base64",
		},
		{
			"two faults", `{"size":-1,"mode":1}`, 400, "invalid-request",
			"/mode must be one of auto, single, multipart, form; /size must be from 0",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, answer := s.post(t, "application/json", c.body)
			if status != c.status {
				t.Fatalf("got %d %s, want %d", status, answer, c.status)
			}
			if status == 201 {
				return
			}
			p := problem(t, header, answer)
			if p.Code != c.code || int(p.Status) != status {
				t.Errorf("got %s, want code %s", answer, c.code)
			}
			if got := faults(p); !strings.HasPrefix(got, c.faults) || c.faults == "" && got != "" {
				t.Errorf("faults: got %q, want %q", got, c.faults)
			}
		})
	}
}

func TestFraming(t *testing.T) {
	s := start(t, settings{})
	big := strings.Repeat(" ", 128<<10-1) + "{}"
	for _, c := range []struct {
		name   string
		edit   func(*http.Request)
		body   io.Reader
		status int
		code   string
	}{
		{
			"no type", func(r *http.Request) { r.Header.Del("Content-Type") }, strings.NewReader("{}"), 415,
			"unsupported-media-type",
		},
		{"empty type", header("Content-Type", ""), strings.NewReader("{}"), 415, "unsupported-media-type"},
		{
			"curl's default type", header("Content-Type", "application/x-www-form-urlencoded"), strings.NewReader("{}"), 415,
			"unsupported-media-type",
		},
		{
			"a form with a file", header("Content-Type", "multipart/form-data; boundary=x"), strings.NewReader("--x--\r\n"), 415,
			"unsupported-media-type",
		},
		{"a file", header("Content-Type", "text/csv"), strings.NewReader("a,b\n"), 415, "unsupported-media-type"},
		{
			"another JSON", header("Content-Type", "application/json-patch+json"), strings.NewReader("{}"), 415,
			"unsupported-media-type",
		},
		{
			"charset", header("Content-Type", "application/json; charset=iso-8859-1"), strings.NewReader("{}"), 415,
			"unsupported-charset",
		},
		{"broken type", header("Content-Type", "application/json;;"), strings.NewReader("{}"), 415, "unsupported-media-type"},
		{
			"two types", func(r *http.Request) { r.Header["Content-Type"] = []string{"application/json", "text/plain"} },
			strings.NewReader("{}"), 415, "unsupported-media-type",
		},
		{"UTF-8 said", header("Content-Type", "Application/JSON; Charset=UTF-8"), strings.NewReader("{}"), 201, ""},
		{"gzip", header("Content-Encoding", "gzip"), strings.NewReader("\x1f\x8b"), 415, "unsupported-content-encoding"},
		{"identity", header("Content-Encoding", "identity"), strings.NewReader("{}"), 201, ""},
		{
			"identity, then gzip", func(r *http.Request) { r.Header["Content-Encoding"] = []string{"identity", "gzip"} },
			strings.NewReader("{}"), 415, "unsupported-content-encoding",
		},
		{"chunked", nil, io.MultiReader(strings.NewReader("{"), strings.NewReader("}")), 201, ""},
		{"exactly the limit", nil, strings.NewReader(big[1:]), 201, ""},
		{"one byte more", nil, strings.NewReader(big), 413, "body-too-large"},
		{"one byte more, chunked", nil, io.MultiReader(strings.NewReader(big)), 413, "body-too-large"},
		{"50 MB, chunked", nil, io.LimitReader(spaces{}, 50<<20), 413, "body-too-large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, large := c.body.(*io.LimitedReader); large && testing.Short() {
				t.Skip("sends 50 MB")
			}
			r := withType(request(t, "POST", s.url+"/import", c.body))
			if c.edit != nil {
				c.edit(r)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil && c.status == 413 {
				return // the connection was closed while the client sent: also an answer
			}
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			answer := string(read(t, response.Body))
			if response.StatusCode != c.status {
				t.Fatalf("got %d %s, want %d", response.StatusCode, answer, c.status)
			}
			if c.status == 201 {
				return
			}
			p := problem(t, response.Header, answer)
			if p.Code != c.code {
				t.Errorf("got %s, want code %s", answer, c.code)
			}
			if aboutFile := p.Code == "body-too-large" || p.Code == "unsupported-media-type"; aboutFile &&
				!strings.Contains(p.Detail, "upload_url") {
				t.Errorf("got %s, want a detail that says where files go", p.Detail)
			}
		})
	}
}

func TestRouting(t *testing.T) {
	s := start(t, settings{})
	for _, c := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/", 404, "not-found", ""},
		{"GET", "/imports", 404, "not-found", ""},
		{"GET", "/import/x/y", 404, "not-found", ""},
		{"PUT", "/import", 405, "method-not-allowed", "OPTIONS, GET, POST"},
		{"PUT", "/import/", 405, "method-not-allowed", "OPTIONS, GET, POST"},
		{"BREW", "/import", 405, "method-not-allowed", "OPTIONS, GET, POST"},
		{"POST", "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", 405, "method-not-allowed", "OPTIONS, DELETE, GET, HEAD"},
		{"POST", "/healthz", 405, "method-not-allowed", "OPTIONS, GET, HEAD"},
	} {
		status, header, answer := do(t, request(t, c.method, s.url+c.path, nil))
		if status != c.status || problem(t, header, answer).Code != c.code || header.Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d Allow %q %s, want %d %s Allow %q", c.method, c.path, status,
				header.Get("Allow"), answer, c.status, c.code, c.allow)
		}
	}
}

// TestBrokenBodies sends bodies that differ from their announced length, over a raw connection.
func TestBrokenBodies(t *testing.T) {
	s := start(t, settings{})
	for _, c := range []struct{ name, head, body string }{
		{"ends early", "Content-Length: 10", "{}"},
		{"bad chunk", "Transfer-Encoding: chunked", "x\r\n{}\r\n"},
		{"no last chunk", "Transfer-Encoding: chunked", "2\r\n{}\r\n"},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn,
			"POST /import HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\n\r\n%s",
			c.head, c.body)
		conn.(*net.TCPConn).CloseWrite()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v, want an answer", c.name, err)
			continue
		}
		answer := string(read(t, response.Body))
		if response.StatusCode != 400 || problem(t, response.Header, answer).Code != "body-incomplete" {
			t.Errorf("%s: got %d %s, want 400 body-incomplete", c.name, response.StatusCode, answer)
		}
	}
}

// TestLocalNames checks that a loopback service only answers to loopback host names.
func TestLocalNames(t *testing.T) {
	local, public := start(t, settings{local: true}), start(t, settings{})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1": 200, "127.9.9.9:1": 200, "[::1]": 200, "[::1]:8080": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:8080": 421, "10.0.0.1": 421,
		"localhost.": 421,
	} {
		for s, want := range map[*service]int{local: want, public: 200} {
			r := request(t, "POST", s.url+"/import", nil)
			r.Host = host
			if status, _, answer := do(t, r); status != want {
				t.Errorf("Host %s: got %d %s, want %d", host, status, answer, want)
			}
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":"v",`, i)
	}
	return b.String()
}

// problem parses a problem document. It checks RFC 9457, and that no internals are shown.
func problem(t *testing.T, h http.Header, body string) client.Problem {
	t.Helper()
	if h.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("Content-Type: got %q, want a problem document, not %s", h.Get("Content-Type"), body)
	}
	var p client.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if p.Type != "about:blank" || p.Title == "" || p.Detail == "" || p.RequestID == "" ||
		p.RequestID != h.Get("X-Request-Id") ||
		p.Instance == "" {
		t.Errorf("got %s, want every member of a problem", body)
	}
	for _, inner := range []string{
		"openapi3", "schema", "json:", "jsontext", "strconv", "echo", "goroutine", "0x", "EOF", "X-Amz",
	} {
		if strings.Contains(body, inner) {
			t.Errorf("got %s, which shows %q", body, inner)
		}
	}
	return p
}

// faults joins the field errors of a problem.
func faults(p client.Problem) string {
	var lines []string
	for _, f := range p.Errors {
		lines = append(lines, fmt.Sprint(f.Pointer, " ", f.Detail))
	}
	return strings.Join(lines, "; ")
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// spaces is an endless stream of white space.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
