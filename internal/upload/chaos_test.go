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
	sending int64
	resumed int64 // without the parts that proved different
	kinds   map[Kind]int
	errors  []error
}

func (c *eventCounts) add(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = e.ID
	switch e.Kind {
	case Progress:
		c.bytes += max(e.Bytes, 0)
		c.resumed += min(e.Bytes, 0)
		c.sending += e.Sending
	case Resumed:
		c.resumed += e.Bytes
	case Retrying:
		c.errors = append(c.errors, e.Error)
	}
	if c.kinds == nil {
		c.kinds = map[Kind]int{}
	}
	c.kinds[e.Kind]++
}

// useProxies puts proxies with these faults before the store and the service, and shortens the retries.
func (w *world) useProxies(
	t *testing.T, storeFault, serviceFault fault,
) (toStore, toService *proxy, events *eventCounts) {
	t.Helper()
	if w.store.AWS.BaseEndpoint == nil || !strings.HasPrefix(*w.store.AWS.BaseEndpoint, "http://") {
		t.Skip("the store does not speak plain HTTP, so nothing can stand before it")
	}
	toStore, toService, events = newProxy(t, storeFault), newProxy(t, serviceFault), &eventCounts{}
	api, err := NewAPI(w.server, nil, toService.client(t).Transport)
	if err != nil {
		t.Fatal(err)
	}
	api.baseDelay = time.Millisecond
	store := w.ResumeStore
	w.Uploader = New(api, toStore.client(t), 4)
	w.ResumeStore, w.OnEvent, w.retry = store, events.add, retrier{baseDelay: time.Millisecond, budget: 10 * time.Second}
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
	const html, stalled = "<html>Bad gateway</html>", "a stalled store"
	temporaryStoreErrors := inTurn(s3Error(500, "InternalError"), s3Error(400, "RequestTimeout"),
		s3Error(409, "ConditionalRequestConflict"), respond(502, "text/html", html))
	temporaryServiceErrors := inTurn(respond(503, "application/json", `{"message":"Service Unavailable"}`),
		respond(429, "application/json", `{"message":"Too Many Requests"}`), respond(504, "text/html", html))
	cases := []struct {
		name           string
		store, service fault
	}{
		{"everything at once", oneIn(5, cutRequest), oneIn(5, dropResponse)},
		{"no fault", nil, nil},
		{"each request to the store cut once", first("PUT", cutRequest), nil},
		{"store responses lost", first("PUT", dropResponse), nil},
		{"store responses truncated", first("PUT", truncateResponse), nil},
		{"request bodies truncated by a proxy", first("PUT", truncateBody), nil},
		{"a byte flipped", first("PUT", flipByte), nil},
		{"503 SlowDown, one in two", oneIn(2, s3Error(503, "SlowDown")), nil},
		{"temporary store errors", temporaryStoreErrors, nil},
		{"expired credentials", first("PUT", s3Error(400, "ExpiredToken")), nil},
		{"rejected URL, failed renewal", first("PUT", s3Error(403, "AccessDenied")),
			first("GET", respond(503, "application/json", `{}`))},
		{"URL rejected again, later", inTurn(s3Error(403, "ExpiredToken"), s3Error(503, "SlowDown"),
			s3Error(403, "ExpiredToken")), nil},
		{"status 200 of a proxy instead of the store", first("PUT", respond(200, "text/html", html)), nil},
		{stalled, first("PUT", neverRespond), nil},
		{"one connection to the service in five cut", nil, oneIn(5, cutRequest)},
		{"first service responses lost", nil, first("POST", dropResponse)},
		{"service responses truncated", nil, oneIn(3, truncateResponse)},
		{"temporary service errors", nil, temporaryServiceErrors},
	}
	if testing.Short() {
		cases = cases[:1]
	}
	t.Run("with", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				w := start(t)
				for _, u := range []struct {
					name     string
					size     int
					checksum Algorithm
					stream   bool
				}{
					{"file in parts", 5*mib + 7, CRC64NVME, false},
					{"file in parts, without checksums", 5*mib + 1, None, false},
					{"file in one request", mib, CRC32C, false},
					{"stream", 5*mib + 1, CRC64NVME, true},
				} {
					if c.name == "a byte flipped" && u.checksum == None {
						continue // undetectable
					}
					_, _, events := w.useProxies(t, c.store, c.service)
					if c.name == stalled {
						w.stallTimeout, w.retry.budget = 250*time.Millisecond, partRetryBudget // a busy machine stalls more than once
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
						t.Errorf("%s: the store has other content of %d bytes", u.name, len(got))
					}
					if events.bytes+events.resumed != int64(u.size) || events.sending != 0 ||
						events.kinds[Started] != 1 || events.kinds[Completed] != 1 {
						t.Errorf("%s: got events for %d bytes, %d resumed and %d in flight, %v, want %d in all, none in flight, started "+
							"and completed once", u.name, events.bytes, events.resumed, events.sending, events.kinds, u.size)
					}
					for _, e := range events.errors {
						if strings.Contains(strings.ToLower(e.Error()), "x-amz-signature") {
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
