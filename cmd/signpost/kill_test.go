package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// storeProxy forwards requests to the store, and records those that carry parts.
type storeProxy struct {
	*httptest.Server
	bad bool // of ten requests, it cuts two, rejects one, cuts the response of one and delays one

	mu       sync.Mutex
	requests []*partRequest
	ended    chan struct{} // closed and replaced when a request ends
	allowed  int           // number of requests that are forwarded
	blocked  chan struct{} // further requests wait until it is closed
	pid      int           // of the upload, or 0
	peak     int           // of its memory, in kB
}

// partRequest is a request that carries a part.
type partRequest struct {
	part         string
	ended        bool
	stored, lost bool
}

func newStoreProxy(t *testing.T, store string) *storeProxy {
	t.Helper()
	to, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0)
	onward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     quiet,
	}
	s := &storeProxy{ended: make(chan struct{})}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/imports/doctor/") { // the service probes the store at its start
			onward.ServeHTTP(w, r)
			return
		}
		s.pass(w, r, onward)
	}))
	s.Config.ErrorLog = quiet
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *storeProxy) pass(w http.ResponseWriter, r *http.Request, onward http.Handler) {
	s.mu.Lock()
	p := &partRequest{part: r.URL.Query().Get("partNumber")}
	s.requests = append(s.requests, p)
	n := len(s.requests)
	s.allowed--
	blocked := s.blocked
	if s.allowed >= 0 {
		blocked = nil
	}
	s.mu.Unlock()
	response := &statusRecorder{ResponseWriter: w}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.ended = true
		p.stored = response.status == http.StatusOK && !p.lost
		p.lost = !p.stored
		s.recordMemory()
		close(s.ended)
		s.ended = make(chan struct{})
	}()
	if blocked != nil {
		io.CopyN(io.Discard, r.Body, rand.Int64N(r.ContentLength))
		<-blocked
		panic(http.ErrAbortHandler)
	}
	if !s.bad {
		onward.ServeHTTP(response, r)
		return
	}
	switch n % 10 {
	case 2, 7:
		io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case 4:
		response.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
		return
	case 6:
		onward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case 8:
		time.Sleep(20 * time.Millisecond) // a slow network
	}
	onward.ServeHTTP(response, r)
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	if status >= 200 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

var peakMemory = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// recordMemory records the peak memory of the upload.
func (s *storeProxy) recordMemory() {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid)) // only on Linux
	if found := peakMemory.FindSubmatch(status); found != nil {
		kilobytes, _ := strconv.Atoi(string(found[1]))
		s.peak = max(s.peak, kilobytes)
	}
}

// admit forwards the next n requests. Further ones wait until the next call.
func (s *storeProxy) admit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocked != nil {
		close(s.blocked)
	}
	s.blocked, s.allowed = make(chan struct{}), n
}

// await waits until wanted requests have ended after the first ones, or stop is closed.
func (s *storeProxy) await(first, wanted int, stop <-chan struct{}) {
	for {
		s.mu.Lock()
		n, ended := 0, s.ended
		for _, p := range s.requests[first:] {
			if p.ended {
				n++
			}
		}
		s.mu.Unlock()
		if n >= wanted {
			return
		}
		select {
		case <-ended:
		case <-stop:
			return
		}
	}
}

// lose marks requests in progress as lost: their sender receives no response. It returns the number of all requests.
func (s *storeProxy) lose() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.requests {
		p.lost = p.lost || !p.stored
	}
	return len(s.requests)
}

// sum checks that a part is sent again only if the previous request was lost.
func (s *storeProxy) sum(t *testing.T, parts int) (sent, stored int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	have := map[string]bool{}
	for _, p := range s.requests {
		if have[p.part] {
			t.Errorf("part %s was sent again after the store had it", p.part)
		}
		have[p.part] = have[p.part] || p.stored
		if p.stored {
			stored++
		}
	}
	if sent = len(s.requests); stored > parts {
		t.Errorf("%d parts stored, there are %d", stored, parts)
	}
	return sent, stored
}

// distinctParts creates a sparse file whose parts all differ.
func distinctParts(t *testing.T, size int64) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for offset := int64(0); offset < size; offset += 1 << 20 {
		if _, err := fmt.Fprintf(io.NewOffsetWriter(f, offset), "%d", min(offset, size)); err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

// sameFiles compares the files at two paths.
func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	g, err := os.Open(got)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	w, err := os.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := int64(0); ; at += 1 << 20 {
		n, errG := io.ReadFull(g, a)
		m, errW := io.ReadFull(w, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			t.Fatalf("stored: differs from the file after %d bytes", at)
		}
		if errG != nil || errW != nil {
			return
		}
	}
}

// TestKilled kills the upload, the service and the store at random points. The stored object is the file, and only
// parts in progress at a kill are sent again.
func TestKilled(t *testing.T) {
	slowTest(t)
	size, partSize := int64(100<<20), int64(5<<20)
	if gibibytes, _ := strconv.ParseInt(os.Getenv("SIGNPOST_TEST_LARGE"), 10, 64); gibibytes >= 10 {
		size, partSize = gibibytes<<30, 16<<20
	}
	parts := int((size + partSize - 1) / partSize)
	const most = 64 << 10 // kB
	for _, c := range []struct {
		name   string
		victim string
		kills  int
		bad    bool
	}{
		{"upload", "upload", 8, false},
		{"upload, over a bad network", "upload", 6, true},
		{"service", "service", 3, false},
		{"store", "store", 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, begun := distinctParts(t, size), time.Now()
			store := startLocal(t, t.TempDir())
			storeAgain := store.sameAddresses(t)
			proxy := newStoreProxy(t, store.store(t))
			proxy.bad = c.bad
			settings := []string{"SIGNPOST_BUCKET=" + localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
				"AWS_ENDPOINT_URL_S3=" + store.store(t), "AWS_SHARED_CREDENTIALS_FILE=" + store.credentialsFile(),
				"SIGNPOST_PUBLIC_ENDPOINT=" + proxy.URL}
			service := start(t, settings...)
			settings = append(settings, "SIGNPOST_LISTEN="+hostOf(t, service.api))
			env := append(cleanEnv(t), "XDG_CACHE_HOME="+t.TempDir(), "SIGNPOST_URL="+service.api)

			var upload *exec.Cmd
			var ended chan struct{}
			var output bytes.Buffer
			run := func() {
				output.Reset()
				upload, ended = exec.Command("signpost", "upload", "--quiet", "--part-size", strconv.FormatInt(partSize, 10), path),
					make(chan struct{})
				upload.Env, upload.Stdout, upload.Stderr = env, &output, &output
				if err := upload.Start(); err != nil {
					t.Fatal(err)
				}
				proxy.mu.Lock()
				proxy.pid = upload.Process.Pid
				proxy.mu.Unlock()
				go func() {
					upload.Wait()
					close(ended)
				}()
			}
			proxy.admit(math.MaxInt)
			first, share := 0, parts/(c.kills+1)
			if c.victim == "upload" {
				proxy.admit(share)
			}
			run()
			defer func() {
				proxy.admit(0)
				upload.Process.Kill()
				<-ended
			}()
			for kill := range c.kills {
				switch n := rand.IntN(share + 1); {
				case c.victim != "upload":
					proxy.await(0, kill*share+n, ended)
				case n > 0:
					proxy.await(first, n, ended)
				default: // before the first request, or during it
					time.Sleep(rand.N(50 * time.Millisecond))
				}
				select {
				case <-ended:
					t.Fatalf("the upload ended before kill %d: %v\n%s", kill+1, upload.ProcessState, &output)
				default:
				}
				switch c.victim {
				case "upload":
					upload.Process.Kill()
					<-ended
					first = proxy.lose()
					if proxy.admit(share); kill == c.kills-1 {
						proxy.admit(math.MaxInt)
					}
					run()
				case "service":
					service.signal(t, syscall.SIGKILL)
					service.wait(t)
					service = start(t, settings...)
				case "store":
					store.signal(t, syscall.SIGKILL)
					store.wait(t)
					store = startLocal(t, store.dir, storeAgain...)
				}
			}
			<-ended
			if !upload.ProcessState.Success() {
				t.Fatalf("the last run: %v\n%s", upload.ProcessState, &output)
			}
			stored, err := filepath.Glob(filepath.Join(store.dir, "store", localBucket, "imports", "public", "*"))
			if err != nil || len(stored) != 1 {
				t.Fatalf("stored: got %q, %v, want one file", stored, err)
			}
			sameFiles(t, stored[0], path)
			sent, _ := proxy.sum(t, parts)
			if !raceEnabled && proxy.peak > most {
				t.Errorf("memory: got a peak of %d kB, want at most %d", proxy.peak, most)
			}
			t.Logf("%d kills, %d parts, sent %d, peak memory %d kB, %v", c.kills, parts, sent, proxy.peak,
				time.Since(begun).Round(time.Millisecond))
		})
	}
}
