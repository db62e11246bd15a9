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

// storeProxy stands before the store and counts the parts on their way there.
type storeProxy struct {
	*httptest.Server
	bad bool // cuts one request in five, refuses one, cuts one's answer and delays one

	mu      sync.Mutex
	passing []*partRequest
	moved   chan struct{} // closed when one has passed
	places  int           // how many more may pass
	shut    chan struct{} // what has no place waits until this is closed
	pid     int           // of the upload, or 0
	peak    int           // of its memory, kB
}

// partRequest is one request that carries a part.
type partRequest struct {
	part         string
	over         bool
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
	s := &storeProxy{moved: make(chan struct{})}
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
	s.passing = append(s.passing, p)
	n := len(s.passing)
	s.places--
	shut := s.shut
	if s.places >= 0 {
		shut = nil
	}
	s.mu.Unlock()
	answer := &statused{ResponseWriter: w}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.over = true
		p.stored = answer.status == http.StatusOK && !p.lost
		p.lost = !p.stored
		s.weigh()
		close(s.moved)
		s.moved = make(chan struct{})
	}()
	if shut != nil {
		io.CopyN(io.Discard, r.Body, rand.Int64N(r.ContentLength))
		<-shut
		panic(http.ErrAbortHandler)
	}
	if !s.bad {
		onward.ServeHTTP(answer, r)
		return
	}
	switch n % 10 {
	case 2, 7:
		io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case 4:
		answer.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
		return
	case 6:
		onward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case 8:
		time.Sleep(20 * time.Millisecond) // the line's
	}
	onward.ServeHTTP(answer, r)
}

type statused struct {
	http.ResponseWriter
	status int
}

func (s *statused) WriteHeader(status int) {
	if status >= 200 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statused) Unwrap() http.ResponseWriter { return s.ResponseWriter }

var peakMemory = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// weigh looks at the most memory that the upload had so far.
func (s *storeProxy) weigh() {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid)) // there is none elsewhere
	if found := peakMemory.FindSubmatch(status); found != nil {
		kilobytes, _ := strconv.Atoi(string(found[1]))
		s.peak = max(s.peak, kilobytes)
	}
}

// admit lets so many more requests pass, and has those after them wait until the next call.
func (s *storeProxy) admit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut != nil {
		close(s.shut)
	}
	s.shut, s.places = make(chan struct{}), n
}

// await waits until so many requests have passed since the first so many, or ended is closed.
func (s *storeProxy) await(first, wanted int, ended <-chan struct{}) {
	for {
		s.mu.Lock()
		n, moved := 0, s.moved
		for _, p := range s.passing[first:] {
			if p.over {
				n++
			}
		}
		s.mu.Unlock()
		if n >= wanted {
			return
		}
		select {
		case <-moved:
		case <-ended:
			return
		}
	}
}

// lose marks what is on its way as lost: who sent it does not hear any more what became of it. It returns how many
// requests there were.
func (s *storeProxy) lose() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.passing {
		p.lost = p.lost || !p.stored
	}
	return len(s.passing)
}

// sum holds what was sent to the rule that no part is sent again but where the request before was lost.
func (s *storeProxy) sum(t *testing.T, parts int) (sent, stored int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	have := map[string]bool{}
	for _, p := range s.passing {
		if have[p.part] {
			t.Errorf("part %s was sent again after the store had it", p.part)
		}
		have[p.part] = have[p.part] || p.stored
		if p.stored {
			stored++
		}
	}
	if sent = len(s.passing); stored > parts {
		t.Errorf("%d parts stored, there are %d", stored, parts)
	}
	return sent, stored
}

// patchwork makes a sparse file of which no two parts are the same.
func patchwork(t *testing.T, size int64) string {
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

// TestKilled kills the upload, the service and the store at random points: what is stored in the end is the file, and
// no part was sent again but those on their way at a kill.
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
		{"upload, over a bad line", "upload", 6, true},
		{"service", "service", 3, false},
		{"store", "store", 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, begun := patchwork(t, size), time.Now()
			store := startLocal(t, t.TempDir())
			storeAgain := store.sameAddresses(t)
			line := newStoreProxy(t, store.store(t))
			line.bad = c.bad
			settings := []string{"SIGNPOST_BUCKET=" + localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
				"AWS_ENDPOINT_URL_S3=" + store.store(t), "AWS_SHARED_CREDENTIALS_FILE=" + store.credentialsFile(),
				"SIGNPOST_PUBLIC_ENDPOINT=" + line.URL}
			service := start(t, settings...)
			settings = append(settings, "SIGNPOST_LISTEN="+hostOf(t, service.api))
			env := append(cleanEnv(t), "XDG_CACHE_HOME="+t.TempDir(), "SIGNPOST_URL="+service.api)

			var upload *exec.Cmd
			var ended chan struct{}
			var said bytes.Buffer
			run := func() {
				said.Reset()
				upload, ended = exec.Command("signpost", "upload", "--quiet", "--part-size", strconv.FormatInt(partSize, 10), path),
					make(chan struct{})
				upload.Env, upload.Stdout, upload.Stderr = env, &said, &said
				if err := upload.Start(); err != nil {
					t.Fatal(err)
				}
				line.mu.Lock()
				line.pid = upload.Process.Pid
				line.mu.Unlock()
				go func() {
					upload.Wait()
					close(ended)
				}()
			}
			line.admit(math.MaxInt)
			first, share := 0, parts/(c.kills+1)
			if c.victim == "upload" {
				line.admit(share)
			}
			run()
			defer func() {
				line.admit(0)
				upload.Process.Kill()
				<-ended
			}()
			for kill := range c.kills {
				switch n := rand.IntN(share + 1); {
				case c.victim != "upload":
					line.await(0, kill*share+n, ended)
				case n > 0:
					line.await(first, n, ended)
				default: // before it sends anything, or as it begins to
					time.Sleep(rand.N(50 * time.Millisecond))
				}
				select {
				case <-ended:
					t.Fatalf("it ended before kill %d: %v\n%s", kill+1, upload.ProcessState, &said)
				default:
				}
				switch c.victim {
				case "upload":
					upload.Process.Kill()
					<-ended
					first = line.lose()
					if line.admit(share); kill == c.kills-1 {
						line.admit(math.MaxInt)
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
				t.Fatalf("the last run: %v\n%s", upload.ProcessState, &said)
			}
			stored, err := filepath.Glob(filepath.Join(store.dir, "store", localBucket, "imports", "public", "*"))
			if err != nil || len(stored) != 1 {
				t.Fatalf("stored: got %q, %v, want one file", stored, err)
			}
			sameFiles(t, stored[0], path)
			sent, _ := line.sum(t, parts)
			if !raceEnabled && line.peak > most {
				t.Errorf("memory: got a peak of %d kB, want at most %d", line.peak, most)
			}
			t.Logf("%d kills, %d parts, sent %d, peak memory %d kB, %v", c.kills, parts, sent, line.peak,
				time.Since(begun).Round(time.Millisecond))
		})
	}
}
