package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// resumeTest is a completed import of 5 ranges of 8 MiB, and a proxy of the store that counts what it sends.
type resumeTest struct {
	store, service *process
	proxy          *httptest.Server
	file, id, dir  string

	mu sync.Mutex
	// fault may change a GET request and its response, or answer it: n counts from 1 since the last reset. It returns
	// nil if it answered.
	fault  func(n int, w http.ResponseWriter, r *http.Request) http.ResponseWriter
	ranges []string // of the requests since the last reset
	sent   int64    // bytes since the last reset
}

const resumeSize = 40 * mib

func newResumeTest(t *testing.T, flags ...string) *resumeTest {
	t.Helper()
	r := &resumeTest{store: startLocal(t, t.TempDir()), file: distinctParts(t, resumeSize), dir: t.TempDir()}
	to, err := url.Parse(r.store.store(t))
	if err != nil {
		t.Fatal(err)
	}
	onward := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = to.Scheme, to.Host, p.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	r.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodGet && strings.Contains(q.URL.Path, "/imports/public/") {
			w = r.pass(w, q)
		}
		if w != nil {
			onward.ServeHTTP(w, q)
		}
	}))
	t.Cleanup(r.proxy.Close)
	r.service = start(t, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3="+r.store.store(t), "AWS_SHARED_CREDENTIALS_FILE="+r.store.credentialsFile(),
		"SIGNPOST_PUBLIC_ENDPOINT="+r.proxy.URL, "SIGNPOST_DOWNLOADS=true")
	printed := signpost(t, append([]string{"upload", "--server", r.service.api, r.file}, flags...)...)
	r.id = regexp.MustCompile(`[0-9a-f-]{36}`).FindString(printed)
	return r
}

func (r *resumeTest) pass(w http.ResponseWriter, q *http.Request) http.ResponseWriter {
	r.mu.Lock()
	r.ranges = append(r.ranges, q.Header.Get("Range"))
	n, fault := len(r.ranges), r.fault
	r.mu.Unlock()
	w = &sender{w, r, -1}
	if fault != nil {
		w = fault(n, w, q)
	}
	return w
}

// reset sets the fault, and the counts to zero.
func (r *resumeTest) reset(fault func(n int, w http.ResponseWriter, q *http.Request) http.ResponseWriter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault, r.ranges, r.sent = fault, nil, 0
}

func (r *resumeTest) counts() (ranges []string, sent int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ranges), r.sent
}

// sender counts the bytes of a response. It breaks the connection after left bytes, if left is not negative.
type sender struct {
	http.ResponseWriter
	test *resumeTest
	left int
}

func (s *sender) Write(p []byte) (int, error) {
	broken := s.left >= 0 && len(p) > s.left
	if broken {
		p = p[:s.left]
	}
	n, err := s.ResponseWriter.Write(p)
	s.test.mu.Lock()
	s.test.sent += int64(n)
	s.test.mu.Unlock()
	if broken {
		s.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	if s.left >= 0 {
		s.left -= n
	}
	return n, err
}

// breaks breaks the connection of a response after some bytes.
func breaks(w http.ResponseWriter, after int) http.ResponseWriter {
	w.(*sender).left = after
	return w
}

// command returns the download to "out" in the test's folder, with these flags.
func (r *resumeTest) command(t *testing.T, flags ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), "signpost", append([]string{"download", r.id, "-o", "out"}, flags...)...)
	c.Dir, c.Env = r.dir, append(cleanEnv(t), "SIGNPOST_URL="+r.service.api)
	return c
}

// run downloads, and expects the exit status want.
func (r *resumeTest) run(t *testing.T, want int, flags ...string) (output string) {
	t.Helper()
	c := r.command(t, flags...)
	said, _ := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != want {
		t.Fatalf("download %q: got status %d, want %d: %s", flags, got, want, said)
	}
	return string(said)
}

// complete checks that the folder has the complete file and nothing else.
func (r *resumeTest) complete(t *testing.T) {
	t.Helper()
	sameFiles(t, filepath.Join(r.dir, "out"), r.file)
	if parts := r.parts(t); len(parts) > 0 {
		t.Errorf("temporary files: got %q, want none", parts)
	}
	if err := os.Remove(filepath.Join(r.dir, "out")); err != nil {
		t.Fatal(err)
	}
}

func (r *resumeTest) parts(t *testing.T) []string {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(r.dir, ".signpost-*"))
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// interrupt downloads one range at a time, sends the signal when three have arrived and the fourth was requested, and
// returns the exit status.
func (r *resumeTest) interrupt(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	requested, gone := make(chan struct{}), make(chan struct{})
	r.reset(func(n int, w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
		if n < 5 { // one request for the version precedes the ranges
			return w
		}
		close(requested)
		<-gone
		return nil
	})
	c := r.command(t, "--concurrency", "1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-requested
	if err := c.Process.Signal(signal); err != nil {
		t.Error(err)
	}
	_ = c.Wait()
	close(gone)
	r.reset(nil)
	return c.ProcessState.ExitCode()
}

// TestDownloadResumes: after a kill and after Ctrl-C, the same command fetches only what has not arrived.
func TestDownloadResumes(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t)
	for signal, status := range map[syscall.Signal]int{syscall.SIGKILL: -1, syscall.SIGINT: 130} {
		if got := r.interrupt(t, signal); got != status {
			t.Errorf("%v: got status %d, want %d", signal, got, status)
		}
		if _, err := os.Lstat(filepath.Join(r.dir, "out")); err == nil {
			t.Errorf("%v: the file exists before it is complete", signal)
		}
		said := r.run(t, 0)
		if want := "resumed out: 24 MiB of 40 MiB already downloaded\n"; !strings.Contains(said, want) {
			t.Errorf("%v: got %s, want %s", signal, said, want)
		}
		if ranges, sent := r.counts(); sent != 16*mib+1 || len(ranges) != 3 {
			t.Errorf("%v: the store sent %d bytes for %q, want 16 MiB and one byte", signal, sent, ranges)
		}
		r.complete(t)
	}
}

// TestDownloadReadsKeptBytesAgain: a range that changed since it arrived is fetched again, and an unreadable state is
// not used.
func TestDownloadReadsKeptBytesAgain(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t)
	for name, c := range map[string]struct{ at, sent int64 }{
		"a range": {9 * mib, 24*mib + 1}, "the state": {resumeSize, 40*mib + 1},
	} {
		r.interrupt(t, syscall.SIGKILL)
		f, err := os.OpenFile(r.parts(t)[0], os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("changed"), c.at); err != nil {
			t.Fatal(err)
		}
		f.Close()
		r.run(t, 0, "--json")
		if ranges, sent := r.counts(); sent != c.sent {
			t.Errorf("%s changed: the store sent %d bytes for %q, want %d", name, sent, ranges, c.sent)
		}
		r.complete(t)
	}
}

// TestDownloadOverBrokenConnections: a request continues after the last byte, in ranges and in a stream.
func TestDownloadOverBrokenConnections(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t)
	r.reset(func(n int, w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
		switch n {
		case 3:
			return breaks(w, 3*mib)
		case 6:
			return breaks(w, 9999)
		}
		return w
	})
	r.run(t, 0, "--concurrency", "2")
	if ranges, sent := r.counts(); sent != resumeSize+1 || len(ranges) != 8 {
		t.Errorf("the store sent %d bytes for %q, want each byte once in 8 requests", sent, ranges)
	}
	r.complete(t)

	r.reset(func(n int, w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
		if n == 1 {
			return breaks(w, 3*mib)
		}
		return w
	})
	c := r.command(t, "-o", "-")
	var warnings bytes.Buffer
	c.Stderr = &warnings
	got, err := c.Output()
	if err != nil {
		t.Fatalf("to standard output: %v: %s", err, &warnings)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "out"), got, 0o600); err != nil {
		t.Fatal(err)
	}
	r.complete(t)
	want := []string{"", fmt.Sprintf("bytes=%d-", 3*mib)}
	if ranges, sent := r.counts(); !slices.Equal(ranges, want) || sent != resumeSize {
		t.Errorf("the store sent %d bytes for %q, want each byte once for %q", sent, ranges, want)
	}
	if !strings.Contains(warnings.String(), "retrying -: download stopped after 3 MiB: unexpected EOF\n") {
		t.Errorf("stderr: got %s", &warnings)
	}
}

// TestDownloadWithoutRanges: a store or proxy that ignores Range serves one stream, and a broken one is read again up
// to the last byte.
func TestDownloadWithoutRanges(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t)
	r.reset(func(n int, w http.ResponseWriter, q *http.Request) http.ResponseWriter {
		q.Header.Del("Range")
		if n == 2 {
			return breaks(w, 20*mib)
		}
		return w
	})
	r.run(t, 0)
	if ranges, _ := r.counts(); len(ranges) != 3 {
		t.Errorf("requests: got %q, want one for the version, and two streams", ranges)
	}
	r.complete(t)
}

// TestDownloadOfReplacedObject: an object that is replaced meanwhile is an error, whether or not the store honours
// If-Match, and the bytes of the earlier one are not kept.
func TestDownloadOfReplacedObject(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t, "--checksum", "none")
	id, secret := r.store.credentials(t)
	store := s3.New(s3.Options{Region: "us-east-1", UsePathStyle: true, BaseEndpoint: new(r.store.store(t)),
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
	version := byte('a')
	replace := func() {
		if err := os.WriteFile(r.file, bytes.Repeat([]byte{version}, resumeSize), 0o600); err != nil {
			t.Error(err)
		}
		version++
		body, err := os.Open(r.file)
		if err != nil {
			t.Error(err)
		}
		defer body.Close()
		if _, err := store.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: new(localBucket), Key: new("imports/public/" + r.id), Body: body}); err != nil {
			t.Error(err)
		}
	}
	for name, honours := range map[string]bool{"honours If-Match": true, "ignores If-Match": false} {
		r.reset(func(n int, w http.ResponseWriter, q *http.Request) http.ResponseWriter {
			if !honours {
				q.Header.Del("If-Match")
			}
			if n == 4 {
				replace()
			}
			return w
		})
		if said := r.run(t, 1, "--concurrency", "1"); !strings.Contains(said, "the object was replaced during the download") {
			t.Errorf("%s: got %s", name, said)
		}
		if parts := r.parts(t); len(parts) > 0 {
			t.Errorf("%s: got temporary files %q, want none", name, parts)
		}
	}
	r.interrupt(t, syscall.SIGKILL)
	replace()
	if said := r.run(t, 0); strings.Contains(said, "resumed") {
		t.Errorf("replaced between two runs: got %s", said)
	}
	r.complete(t)
}

// TestDownloadRenewsURL: a signed URL that the store rejects meanwhile is renewed by reading the import.
func TestDownloadRenewsURL(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t, "--checksum", "sha256")
	r.reset(func(n int, w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
		if n != 4 {
			return w
		}
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
		return nil
	})
	reads := func() int { return strings.Count(r.service.stderr.String(), `"audit":"download"`) }
	before := reads()
	r.run(t, 0, "--concurrency", "1")
	if got := reads() - before; got != 2 {
		t.Errorf("reads of the import: got %d, want 2", got)
	}
	r.complete(t)
	r.reset(func(_ int, w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
		w.WriteHeader(http.StatusForbidden)
		return nil
	})
	if said := r.run(t, 1); !strings.Contains(said, "the store returned 403") {
		t.Errorf("a store that rejects every URL: got %s", said)
	}
}

// flipped changes the first byte of a response.
type flipped struct {
	http.ResponseWriter
	done bool
}

func (f *flipped) Write(p []byte) (int, error) {
	if !f.done && len(p) > 0 {
		f.done = true
		p = append([]byte{p[0] ^ 1}, p[1:]...)
	}
	return f.ResponseWriter.Write(p)
}

// TestDownloadVerifiesRanges: a wrong byte in a range is found by any checksum, and nothing is kept.
func TestDownloadVerifiesRanges(t *testing.T) {
	slowTest(t)
	for _, algorithm := range []string{"crc64nvme", "crc32c", "sha256"} {
		r := newResumeTest(t, "--checksum", algorithm)
		r.reset(func(n int, w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
			if n == 3 {
				return &flipped{ResponseWriter: w}
			}
			return w
		})
		if said := r.run(t, 1); !strings.Contains(said, "the "+algorithm+" of the download differs from that of the import") {
			t.Errorf("%s: got %s", algorithm, said)
		}
		if parts := r.parts(t); len(parts) > 0 {
			t.Errorf("%s: got temporary files %q, want none", algorithm, parts)
		}
		r.reset(nil)
		r.run(t, 0, "--limit-rate", "400MiB")
		r.complete(t)
	}
}

// TestDownloadTwice: a second process does not write to the temporary file of the first.
func TestDownloadTwice(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t)
	requested, admitted := make(chan struct{}), make(chan struct{})
	r.reset(func(n int, w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
		if n == 2 {
			close(requested)
			<-admitted
		}
		return w
	})
	first := r.command(t)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	<-requested
	if said := r.run(t, 1); !strings.Contains(said, "another process is downloading to this file") {
		t.Errorf("got %s", said)
	}
	close(admitted)
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
	r.complete(t)
}

// TestDownloadEvents: --json prints the events of an upload.
func TestDownloadEvents(t *testing.T) {
	slowTest(t)
	r := newResumeTest(t)
	r.interrupt(t, syscall.SIGINT)
	var kinds []string
	for line := range strings.Lines(r.run(t, 0, "--json")) {
		var e struct {
			Event, File, ID, ETag string
			Bytes, Total          int64
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.File != "out" || e.ID != r.id || e.Total != resumeSize {
			t.Errorf("got %s, %v", line, err)
		}
		if e.Event == "resumed" && e.Bytes != 24*mib || e.Event == "completed" && (e.Bytes != resumeSize || e.ETag == "") {
			t.Errorf("got %s", line)
		}
		if e.Event != "progress" {
			kinds = append(kinds, e.Event)
		}
	}
	if want := []string{"started", "resumed", "finishing", "completed"}; !slices.Equal(kinds, want) {
		t.Errorf("events: got %q, want %q", kinds, want)
	}
	r.complete(t)
	if said := r.run(t, 0, "--quiet"); said != "" {
		t.Errorf("--quiet: got %s", said)
	}
	r.complete(t)
	r.run(t, 2, "-o", "-", "--json")
	r.run(t, 2, "--concurrency", "0")
	r.run(t, 2, "--limit-rate", "1KiB")
}

// TestDownloadPart: the temporary file keeps the rules for modes and owners, and a planted one is not written to.
func TestDownloadPart(t *testing.T) {
	slowTest(t)
	const name = ".signpost-" + anID + "-11507a0e.part" // of "new"
	asEach(t, func(t *testing.T, d *downloadTest) {
		d.object = strings.Repeat("0123456789abcdef", mib)
		d.service.update(func() {
			d.service.answer = func(*http.Request) (int, any) {
				return 200, map[string]any{"id": anID, "status": "completed", "filename": "new", "size": len(d.object),
					"download_url": d.store.URL + "/get"}
			}
		})
		d.write(t, "secret", "before", 0o600)
		d.link(t, "secret", name)
		d.run(t, 0)
		d.has(t, "secret", "before", 0o600)
		d.has(t, "new", d.object, 0o644)
		d.write(t, "new", "before", 0o640)
		if err := os.Link(d.path("secret"), d.path(name)); err != nil {
			t.Fatal(err)
		}
		d.run(t, 0, "--force")
		d.has(t, "new", d.object, 0o640)
		d.has(t, "secret", "before", 0o600)
		d.holds(t, "new", "secret")
		if os.Getuid() != 0 {
			return
		}
		attacker := &downloadTest{dir: d.dir, uid: 1234}
		attacker.write(t, name, "planted", 0o666)
		d.run(t, 0, "--force")
		d.has(t, "new", d.object, 0o640)
		if err := os.Chmod(d.dir, 0o777|fs.ModeSticky); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(d.dir, 0, 0); err != nil {
			t.Fatal(err)
		}
		attacker.write(t, name, "planted", 0o666)
		if said := d.run(t, 1, "--force"); !strings.Contains(said, "belongs to another user") {
			t.Errorf("in a shared folder: got %s", said)
		}
		attacker.has(t, name, "planted", 0o666)
	})
}
