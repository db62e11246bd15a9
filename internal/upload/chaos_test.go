package upload

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// tally adds up what is told of an upload.
type tally struct {
	mu       sync.Mutex
	id       string // of the import
	bytes    int64
	resumed  int64
	kinds    map[Kind]int
	complain []error
}

func (t *tally) notify(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.id = e.ID
	switch e.Kind {
	case Progress:
		t.bytes += e.Bytes
	case Resumed:
		t.resumed += e.Bytes
	case Retrying:
		t.complain = append(t.complain, e.Error)
	}
	if t.kinds == nil {
		t.kinds = map[Kind]int{}
	}
	t.kinds[e.Kind]++
}

// behind puts the world behind fronts with these faults, and bounds its retries.
func (w *world) behind(t *testing.T, store, service fault) (toStore, toService *proxy, told *tally) {
	t.Helper()
	if w.store.AWS.BaseEndpoint == nil || !strings.HasPrefix(*w.store.AWS.BaseEndpoint, "http://") {
		t.Skip("the store does not speak plain HTTP, so nothing can stand before it")
	}
	toStore, toService, told = newProxy(t, store), newProxy(t, service), &tally{}
	api, err := NewAPI(w.server, nil, toService.client(t).Transport)
	if err != nil {
		t.Fatal(err)
	}
	memory := w.ResumeStore
	w.Uploader = New(api, toStore.client(t), 4)
	w.ResumeStore, w.OnEvent, w.retryBudget = memory, told.notify, 10*time.Second
	return toStore, toService, told
}

// file writes content to a file of its own.
func file(t *testing.T, body []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.csv")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChaos uploads over bad lines, to a bad store, through a bad service: what arrives is the file, and what is told
// adds up.
func TestChaos(t *testing.T) {
	const html = "<html>Bad gateway</html>"
	cases := []struct {
		name           string
		store, service fault
	}{
		{"nothing", nil, nil},
		{"one connection to the store in five cut", oneIn(5, cut), nil},
		{"each request to the store cut once", first("PUT", cut), nil},
		{"answers of the store lost", first("PUT", lost), nil},
		{"answers of the store cut short", first("PUT", short), nil},
		{"bodies cut short by a proxy", first("PUT", halved), nil},
		{"a byte flipped", first("PUT", flipped), nil},
		{"everything slow", oneIn(1, slow), oneIn(1, slow)},
		{"503 SlowDown, one in two", oneIn(2, s3Error(503, "SlowDown")), nil},
		{"500 InternalError", first("PUT", s3Error(500, "InternalError")), nil},
		{"400 RequestTimeout", first("PUT", s3Error(400, "RequestTimeout")), nil},
		{"409 ConditionalRequestConflict", first("PUT", s3Error(409, "ConditionalRequestConflict")), nil},
		{"each URL refused once", first("PUT", s3Error(403, "AccessDenied")), nil},
		{"credentials of each URL ended", first("PUT", s3Error(400, "ExpiredToken")), nil},
		{"a URL refused, and its renewal", first("PUT", s3Error(403, "AccessDenied")), first("GET", says(503, "application/json", `{}`))},
		{"a URL refused again, later", inTurn(s3Error(403, "ExpiredToken"), s3Error(503, "SlowDown"), s3Error(403, "ExpiredToken")), nil},
		{"a page in the place of the store", first("PUT", says(502, "text/html", html)), nil},
		{"a page in the place of the store, as if all were well", first("PUT", says(200, "text/html", html)), nil},
		{"silence of the store", first("PUT", silent), nil},
		{"one connection to the service in five cut", nil, oneIn(5, cut)},
		{"answers of the service lost", nil, oneIn(3, lost)},
		{"first answers lost", nil, first("POST", lost)},
		{"answers of the service cut short", nil, oneIn(3, short)},
		{"503 of the service", nil, first("POST", says(503, "application/json", `{"message":"Service Unavailable"}`))},
		{"429 of the service", nil, first("POST", says(429, "application/json", `{"message":"Too Many Requests"}`))},
		{"a gateway's page", nil, first("POST", says(504, "text/html", html))},
		{"everything at once", oneIn(5, cut), oneIn(5, lost)},
	}
	t.Run("of", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for _, u := range []struct {
					name     string
					size     int
					checksum Algorithm
					stream   bool
				}{
					{"file in parts", 11*mib + 7, CRC64NVME, false},
					{"file in parts, without checksums", 6 * mib, None, false},
					{"file in one request", 4 * mib, CRC32C, false},
					{"stream", 6 * mib, CRC64NVME, true},
				} {
					if c.name == "a byte flipped" && u.checksum == None {
						continue // nobody could tell
					}
					w := start(t)
					_, _, told := w.behind(t, c.store, c.service)
					if c.name == "silence of the store" {
						w.stallTimeout, w.retryBudget = 500*time.Millisecond, partRetryBudget // a busy machine stalls more than once
					}
					body := content(u.size, 2)
					var r Result
					var err error
					d := Options{Checksum: u.checksum, PartSize: 5 * mib, WriteOnce: u.size < 5*mib}
					if u.stream {
						r, err = w.Stream(t.Context(), opens(bytes.NewReader(body)), "-", d)
					} else {
						r, err = w.File(t.Context(), file(t, body), d)
					}
					if err != nil {
						t.Errorf("%s: %v", u.name, err)
						continue
					}
					if got := w.stored(t, r); !bytes.Equal(got, body) {
						t.Errorf("%s: the store has %d others", u.name, len(got))
					}
					if told.bytes+told.resumed != int64(u.size) || told.kinds[Started] != 1 || told.kinds[Completed] != 1 {
						t.Errorf("%s: told of %d bytes and %d resumed, %v, want %d in all, started and completed once", u.name, told.bytes, told.resumed, told.kinds, u.size)
					}
					for _, e := range told.complain {
						if strings.Contains(strings.ToLower(e.Error()), "x-amz-") {
							t.Errorf("%s: a signature was told: %v", u.name, e)
						}
					}
				}
			})
		}
	})
	noneLeft(t)
}

// noneLeft waits until no goroutine of this package's own is left, and no file of it open.
func noneLeft(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		left := leftOver()
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left over:\n%s", left)
		}
		time.Sleep(10 * time.Millisecond) // nothing tells of a goroutine's end
	}
}

func leftOver() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "internal/upload.") && !strings.Contains(stack, "internal/upload.Test") {
			return stack
		}
	}
	open, _ := os.ReadDir("/proc/self/fd") // there is none elsewhere
	for _, fd := range open {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && (strings.Contains(name, "signpost-part-") || strings.HasSuffix(name, "file.csv") || strings.HasSuffix(name, ".lock")) {
			return name
		}
	}
	return ""
}
