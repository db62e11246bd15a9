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

// eventCounts counts the events of an upload.
type eventCounts struct {
	mu      sync.Mutex
	id      string // of the import
	bytes   int64
	resumed int64
	kinds   map[Kind]int
	errors  []error
}

func (t *eventCounts) add(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.id = e.ID
	switch e.Kind {
	case Progress:
		t.bytes += e.Bytes
	case Resumed:
		t.resumed += e.Bytes
	case Retrying:
		t.errors = append(t.errors, e.Error)
	}
	if t.kinds == nil {
		t.kinds = map[Kind]int{}
	}
	t.kinds[e.Kind]++
}

// useProxies puts proxies with these faults before the store and the service, and bounds the retries.
func (w *world) useProxies(t *testing.T, store, service fault) (toStore, toService *proxy, events *eventCounts) {
	t.Helper()
	if w.store.AWS.BaseEndpoint == nil || !strings.HasPrefix(*w.store.AWS.BaseEndpoint, "http://") {
		t.Skip("the store does not speak plain HTTP, so nothing can stand before it")
	}
	toStore, toService, events = newProxy(t, store), newProxy(t, service), &eventCounts{}
	api, err := NewAPI(w.server, nil, toService.client(t).Transport)
	if err != nil {
		t.Fatal(err)
	}
	memory := w.ResumeStore
	w.Uploader = New(api, toStore.client(t), 4)
	w.ResumeStore, w.OnEvent, w.retryBudget = memory, events.add, 10*time.Second
	return toStore, toService, events
}

// file writes body to a new file.
func file(t *testing.T, body []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.csv")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChaos uploads through faulty connections to a faulty store and service. The object is the file, and the events
// add up.
func TestChaos(t *testing.T) {
	const html = "<html>Bad gateway</html>"
	cases := []struct {
		name           string
		store, service fault
	}{
		{"nothing", nil, nil},
		{"one connection to the store in five cut", oneIn(5, cutRequest), nil},
		{"each request to the store cut once", first("PUT", cutRequest), nil},
		{"answers of the store lost", first("PUT", dropResponse), nil},
		{"answers of the store cut short", first("PUT", truncateResponse), nil},
		{"bodies cut short by a proxy", first("PUT", truncateBody), nil},
		{"a byte flipped", first("PUT", flipByte), nil},
		{"everything slow", oneIn(1, delay), oneIn(1, delay)},
		{"503 SlowDown, one in two", oneIn(2, s3Error(503, "SlowDown")), nil},
		{"500 InternalError", first("PUT", s3Error(500, "InternalError")), nil},
		{"400 RequestTimeout", first("PUT", s3Error(400, "RequestTimeout")), nil},
		{"409 ConditionalRequestConflict", first("PUT", s3Error(409, "ConditionalRequestConflict")), nil},
		{"each URL refused once", first("PUT", s3Error(403, "AccessDenied")), nil},
		{"credentials of each URL ended", first("PUT", s3Error(400, "ExpiredToken")), nil},
		{"a URL refused, and its renewal", first("PUT", s3Error(403, "AccessDenied")),
			first("GET", respond(503, "application/json", `{}`))},
		{"a URL refused again, later", inTurn(s3Error(403, "ExpiredToken"), s3Error(503, "SlowDown"),
			s3Error(403, "ExpiredToken")), nil},
		{"a page in the place of the store", first("PUT", respond(502, "text/html", html)), nil},
		{"a page in the place of the store, as if all were well", first("PUT", respond(200, "text/html", html)), nil},
		{"silence of the store", first("PUT", neverRespond), nil},
		{"one connection to the service in five cut", nil, oneIn(5, cutRequest)},
		{"answers of the service lost", nil, oneIn(3, dropResponse)},
		{"first answers lost", nil, first("POST", dropResponse)},
		{"answers of the service cut short", nil, oneIn(3, truncateResponse)},
		{"503 of the service", nil, first("POST", respond(503, "application/json", `{"message":"Service Unavailable"}`))},
		{"429 of the service", nil, first("POST", respond(429, "application/json", `{"message":"Too Many Requests"}`))},
		{"a gateway's page", nil, first("POST", respond(504, "text/html", html))},
		{"everything at once", oneIn(5, cutRequest), oneIn(5, dropResponse)},
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
						continue // undetectable
					}
					w := start(t)
					_, _, events := w.useProxies(t, c.store, c.service)
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
					if events.bytes+events.resumed != int64(u.size) || events.kinds[Started] != 1 || events.kinds[Completed] != 1 {
						t.Errorf("%s: got events for %d bytes and %d resumed, %v, want %d in all, started and completed once", u.name,
							events.bytes, events.resumed, events.kinds, u.size)
					}
					for _, e := range events.errors {
						if strings.Contains(strings.ToLower(e.Error()), "x-amz-") {
							t.Errorf("%s: an event holds a signature: %v", u.name, e)
						}
					}
				}
			})
		}
	})
	checkNoLeftovers(t)
}

// checkNoLeftovers waits until the package has no running goroutines and no open files.
func checkNoLeftovers(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		left := leftovers()
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left over:\n%s", left)
		}
		time.Sleep(10 * time.Millisecond) // goroutines do not report their end
	}
}

func leftovers() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "internal/upload.") && !strings.Contains(stack, "internal/upload.Test") {
			return stack
		}
	}
	open, _ := os.ReadDir("/proc/self/fd") // there is none elsewhere
	for _, fd := range open {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil &&
			(strings.Contains(name, "signpost-part-") || strings.HasSuffix(name, "file.csv") ||
				strings.HasSuffix(name, ".lock")) {
			return name
		}
	}
	return ""
}
