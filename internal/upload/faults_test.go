package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestChanged changes the file when its first bytes are on their way: that is an error, and nothing of it is kept.
func TestChanged(t *testing.T) {
	changes := []struct {
		name   string
		change func(path string) error
	}{
		{"emptied", func(path string) error { return os.Truncate(path, 0) }},
		{"cut", func(path string) error { return os.Truncate(path, 3*mib) }},
		{"grown", func(path string) error { return os.Truncate(path, 30*mib) }},
		{"rewritten", func(path string) error {
			info, err := os.Stat(path)
			if err == nil {
				err = os.WriteFile(path, content(int(info.Size()), 9), 0o600)
			}
			return errors.Join(err, os.Chtimes(path, time.Now(), info.ModTime().Add(time.Second)))
		}},
	}
	for _, c := range changes {
		for _, a := range []Algorithm{CRC64NVME, None} {
			for _, size := range []int{4 * mib, 17 * mib} {
				w := start(t)
				path := file(t, content(size, 1))
				var once sync.Once
				_, _, told := w.behind(t, func(_, _ int, _ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
					once.Do(func() {
						if err := c.change(path); err != nil {
							t.Error(err)
						}
					})
					return false
				}, nil)
				r, err := w.File(t.Context(), path, Options{Checksum: a, PartSize: 5 * mib})
				var failure *Error
				if !errors.Is(err, ErrChanged) || !errors.As(err, &failure) {
					t.Errorf("%s, %d bytes, %s: got %+v, %v, want ErrChanged", c.name, size, a, r, err)
					continue
				}
				if failure.ID != "" || failure.AbortErr != nil {
					t.Errorf("%s, %d bytes, %s: got %+v, want no import left", c.name, size, a, failure)
				}
				if job, err := w.API.Read(t.Context(), told.id); err != nil || statusOf(job) != client.JobStatusAborted {
					t.Errorf("%s, %d bytes, %s: the import is %s, %v, want it aborted", c.name, size, a, statusOf(job), err)
				}
			}
		}
	}
	noneLeft(t)
}

// TestNotAborted refuses the DELETE of an upload that is of no use: the failure names the import that remains, and why.
func TestNotAborted(t *testing.T) {
	for _, stream := range []bool{false, true} {
		for _, size := range []int{100, 11 * mib} {
			w := start(t)
			body := content(size, 1)
			path := file(t, body)
			_, service, told := w.behind(t, func(all, _ int, rw http.ResponseWriter, r *http.Request, onward http.Handler) bool {
				if stream {
					return s3Error(400, "InvalidRequest")(rw, r, onward)
				}
				if err := os.Truncate(path, 1); err != nil {
					t.Error(err)
				}
				return false
			}, always("DELETE", says(501, "text/plain", "")))
			var err error
			if d := (Options{Checksum: CRC64NVME, PartSize: 5 * mib}); stream {
				_, err = w.Stream(t.Context(), opens(bytes.NewReader(body)), "-", d)
			} else {
				_, err = w.File(t.Context(), path, d)
			}
			var failure *Error
			if !errors.As(err, &failure) || failure.ID == "" || failure.ID != told.id || failure.AbortErr == nil ||
				!strings.HasSuffix(err.Error(), "; import "+told.id+" could not be aborted: the service returned 501") {
				t.Errorf("%d bytes, stream %t: got %v, want it to name import %s and why it remains", size, stream, err, told.id)
			}
			if n := service.requests("DELETE /import/" + told.id); n != 1 || told.kinds[Retrying] > 0 {
				t.Errorf("%d bytes, stream %t: got %d DELETE requests and events %v, want one, and no retry of it", size, stream, n, told.kinds)
			}
		}
	}
}

// TestAbortedAlready: an import that is gone when it is to be aborted does not remain.
func TestAbortedAlready(t *testing.T) {
	w := start(t)
	w.behind(t, always("PUT", s3Error(400, "InvalidRequest")),
		always("DELETE", says(404, "application/problem+json", `{"code":"import-not-found"}`)))
	_, err := w.Stream(t.Context(), opens(bytes.NewReader(content(100, 1))), "-", Options{Checksum: CRC64NVME})
	var failure *Error
	if !errors.As(err, &failure) || failure.ID != "" || failure.AbortErr != nil {
		t.Errorf("got %+v, want no import left", failure)
	}
}

// TestRetryingTold: a retry is told only if one follows.
func TestRetryingTold(t *testing.T) {
	for _, c := range []struct {
		name       string
		status     int
		retryAfter string
		attempts   int
	}{
		{"not temporary", 501, "", 1},
		{"temporary, until the last attempt", 503, "", minAttempts},
		{"a wait beyond the budget", 429, "3600", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent, told := 0, 0
				api, err := NewAPI("http://signpost.example", nil, answering(func(*http.Request) (*http.Response, error) {
					sent++
					return &http.Response{StatusCode: c.status, Header: http.Header{"Retry-After": {c.retryAfter}}, Body: http.NoBody}, nil
				}))
				if err != nil {
					t.Fatal(err)
				}
				api.retryBudget = 0
				if err := api.OnRetry(func(error) { told++ }).Delete(t.Context(), "01a22529-74d5-7f84-bc00-7bf3810bf0e7"); err == nil {
					t.Error("Delete: got no error")
				}
				if sent != c.attempts || told != c.attempts-1 {
					t.Errorf("Delete: got %d requests and %d retries told, want %d and %d", sent, told, c.attempts, c.attempts-1)
				}
			})
		})
	}
}

// TestRetryingTheStoreTold: the same for requests to the store.
func TestRetryingTheStoreTold(t *testing.T) {
	for status, attempts := range map[int]int{501: 1, 503: minAttempts} {
		w := start(t)
		store, _, told := w.behind(t, always("PUT", s3Error(status, "No")), nil)
		w.retryBudget = 0
		_, err := w.File(t.Context(), file(t, content(100, 1)), Options{Checksum: CRC64NVME})
		if err == nil || store.all != attempts || len(told.complain) != attempts-1 {
			t.Errorf("%d: got %v after %d requests and %d retries told, want %d and %d", status, err, store.all, len(told.complain), attempts, attempts-1)
		}
	}
}

// TestLanded loses the answer to the request that carried the file, and lets none of the next through: the import says
// what came of it.
func TestLanded(t *testing.T) {
	for _, once := range []bool{false, true} {
		w := start(t)
		store, _, told := w.behind(t, func(all, this int, rw http.ResponseWriter, r *http.Request, onward http.Handler) bool {
			if this == 1 {
				return lost(rw, r, onward)
			}
			return cut(rw, r, onward)
		}, nil)
		w.retryBudget = time.Millisecond
		body := content(4*mib, 1)
		r, err := w.File(t.Context(), file(t, body), Options{Checksum: CRC64NVME, WriteOnce: once})
		if err != nil || !bytes.Equal(w.stored(t, r), body) {
			t.Errorf("write once %v: got %+v, %v, want the file", once, r, err)
		}
		if told.bytes != 4*mib || told.kinds[Completed] != 1 || store.all < 2 {
			t.Errorf("write once %v: told of %d bytes and %v, after %d requests", once, told.bytes, told.kinds, store.all)
		}
	}
	noneLeft(t)
}

// TestVanished removes the file when its upload has begun: what was opened is uploaded.
func TestVanished(t *testing.T) {
	w := start(t)
	body := content(11*mib, 1)
	path := file(t, body)
	w.behind(t, func(int, int, http.ResponseWriter, *http.Request, http.Handler) bool {
		os.Remove(path)
		return false
	}, nil)
	r, err := w.File(t.Context(), path, Options{Checksum: CRC64NVME, PartSize: 5 * mib})
	if err != nil || !bytes.Equal(w.stored(t, r), body) {
		t.Errorf("got %+v, %v, want the file as it was", r, err)
	}
}

// TestCancelled ends an upload at each of its requests: it never panics, never says that all is well, and leaves
// nothing running.
func TestCancelled(t *testing.T) {
	for at := 1; at <= 8; at++ {
		for _, stream := range []bool{false, true} {
			w := start(t)
			ctx, cancel := context.WithCancel(t.Context())
			var mu sync.Mutex
			seen := 0
			count := func(_, _ int, _ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				mu.Lock()
				defer mu.Unlock()
				if seen++; seen == at {
					cancel()
				}
				return false
			}
			w.behind(t, count, count)
			w.limiter = newLimiter(1)
			body, d := content(17*mib, 1), Options{Checksum: CRC64NVME, PartSize: 5 * mib}
			var err error
			if stream {
				_, err = w.Stream(ctx, opens(bytes.NewReader(body)), "-", d)
			} else {
				_, err = w.File(ctx, file(t, body), d)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled at request %d, stream %v: got %v, want the cancellation", at, stream, err)
			}
			cancel()
		}
	}
	noneLeft(t)
}

// TestCancelledBeforeParts ends an upload when it is created, and no part has had its turn.
func TestCancelledBeforeParts(t *testing.T) {
	w := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.OnEvent = func(e Event) {
		if e.Kind == Started {
			cancel()
		}
	}
	r, err := w.File(ctx, file(t, content(11*mib, 1)), Options{Checksum: CRC64NVME, PartSize: 5 * mib})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v, %v, want the cancellation", r, err)
	}
}

// TestStreamEnds: a reader that never gives anything again does not keep a stream that has failed, or is no longer
// wanted.
func TestStreamEnds(t *testing.T) {
	refused := always("PUT", s3Error(403, "AccessDenied"))
	for _, c := range []struct {
		name  string
		given int
		store fault
		after time.Duration // until it is cancelled; 0: it is not
	}{
		{"refused by the store", 7 * mib, refused, 0},
		{"cancelled before anything was read", 0, nil, 100 * time.Millisecond},
		{"cancelled in the middle", 7 * mib, nil, 100 * time.Millisecond},
	} {
		w := start(t)
		w.behind(t, c.store, nil)
		from, to := io.Pipe()
		go to.Write(content(c.given, 1))
		ctx, cancel := context.WithCancel(t.Context())
		if c.after > 0 {
			time.AfterFunc(c.after, cancel)
		}
		r, err := w.Stream(ctx, opens(from), "-", Options{Checksum: CRC64NVME, PartSize: 5 * mib})
		if err == nil {
			t.Errorf("%s: got %+v, want an error", c.name, r)
		}
		cancel()
		to.Close()
	}
	noneLeft(t)
}

// TestStreamOfWholeParts ends where a part does.
func TestStreamOfWholeParts(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close a file that is left open
	w := start(t)
	body := content(10*mib, 1)
	r, err := w.Stream(t.Context(), opens(bytes.NewReader(body)), "-", Options{Checksum: CRC64NVME, PartSize: 5 * mib})
	if err != nil || !bytes.Equal(w.stored(t, r), body) {
		t.Errorf("got %+v, %v", r, err)
	}
	noneLeft(t)
}

// TestNames uploads files by names that a file system takes and a header may not.
func TestNames(t *testing.T) {
	w := start(t)
	for _, name := range []string{"naïve Größe.csv", "файл.txt", "文件.json", "😀", "a b;c\"d'e.csv", "two\nlines", `back\slash`, "not \xff UTF-8", strings.Repeat("ü", 127), "-", "%2e%2e"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := w.File(t.Context(), path, Options{Checksum: CRC64NVME})
		if err != nil {
			t.Errorf("%q: %v", name, err)
		} else if got := w.stored(t, r); string(got) != name {
			t.Errorf("%q: the store has %q", name, got)
		}
	}
}

// TestNoFile names what is none, and is told so at once.
func TestNoFile(t *testing.T) {
	w := start(t)
	folder := t.TempDir()
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{folder: "a folder", pipe: "a pipe", filepath.Join(folder, "none"): "no such file"} {
		if r, err := w.File(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want %q", path, r, err, want)
		}
	}
}

// TestStall: a store that takes nothing for a while has stalled. A rate limit that lets nothing through for longer has
// not.
func TestStall(t *testing.T) {
	body := content(400<<10, 1)
	for _, c := range []struct {
		name   string
		silent bool
		want   error
	}{
		{"rate limit", false, nil},
		{"silent store", true, errStalled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []byte
				store := answering(func(r *http.Request) (*http.Response, error) {
					got, _ = io.ReadAll(r.Body)
					if c.silent {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Etag": {"x"}}, Body: http.NoBody}, nil
				})
				api, err := NewAPI("http://signpost.example", nil, store)
				if err != nil {
					t.Fatal(err)
				}
				u := New(api, &http.Client{Transport: store}, 1)
				u.stallTimeout, u.RateLimit = 100*time.Millisecond, rate.NewLimiter(256<<10, 64<<10) // 250 ms for each chunk
				r := signedRequest{method: http.MethodPut, url: "http://store.example"}
				if _, err := u.put(t.Context(), r, bytes.NewReader(body), int64(len(body)), func(int) {}); !errors.Is(err, c.want) || !bytes.Equal(got, body) {
					t.Errorf("put: got %v and %d bytes, want %v and %d bytes", err, len(got), c.want, len(body))
				}
			})
		})
	}
}

// TestNotTheService: what is at the address is something else, and it is told at once, and not told the key of.
func TestNotTheService(t *testing.T) {
	var mu sync.Mutex
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		elsewhere = append(elsewhere, r.Method+" "+r.Header.Get("X-Api-Key"))
	}))
	defer other.Close()
	strange := httptest.NewUnstartedServer(nil)
	strange.Config.ErrorLog = quiet
	strange.StartTLS()
	defer strange.Close()
	for _, c := range []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"a page", "is there a Signpost service", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") }},
		{"another API", "is there a Signpost service", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "[]")
		}},
		{"nothing", "the service returned 404", http.NotFound},
		{"no key", "Forbidden", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"Forbidden"}`)
		}},
		{"a redirect", "redirected", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }},
		{"a redirect that keeps the method", "redirected", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusPermanentRedirect)
		}},
		{"a stranger's certificate", "certificate", nil},
	} {
		address := strange.URL
		if c.handler != nil {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			address = server.URL
		}
		api, err := NewAPI(address, func() (string, string, error) { return "X-Api-Key", "secret", nil }, http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		u, told := New(api, http.DefaultClient, 1), &tally{}
		u.OnEvent = told.notify
		_, err = u.File(t.Context(), file(t, nil), Options{Checksum: CRC64NVME})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(told.complain) > 0 {
			t.Errorf("%s: got %v after retries because of %v, want %q at once", c.name, err, told.complain, c.want)
		}
	}
	if len(elsewhere) > 0 {
		t.Errorf("redirects were followed: %q", elsewhere)
	}
}

// TestNotTheStore: an upload that is sent elsewhere has not arrived.
func TestNotTheStore(t *testing.T) {
	for _, size := range []int{0, 1, 4 * mib, 11 * mib} {
		w := start(t)
		w.behind(t, always("PUT", func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			http.Redirect(rw, r, "/login", http.StatusFound)
			return true
		}), nil)
		r, err := w.File(t.Context(), file(t, content(size, 1)), Options{Checksum: CRC64NVME, PartSize: 5 * mib})
		var said *ResponseError
		if !errors.As(err, &said) || said.Status != http.StatusFound {
			t.Errorf("%d bytes: got %+v, %v, want the store's 302", size, r, err)
		}
	}
}

// TestPatience is a table of how often and how long something is tried that always fails.
func TestPatience(t *testing.T) {
	failed, asked := errors.New("no"), &ResponseError{RetryAfter: time.Hour}
	for _, c := range []struct {
		name   string
		budget time.Duration
		err    error
		least  int
		most   int
	}{
		{"a budget that one attempt outlasts", 0, failed, minAttempts, minAttempts},
		{"a wait asked for that is beyond the budget", time.Minute, asked, 1, 1},
		{"time", time.Second, failed, minAttempts, 100},
	} {
		told := 0
		p := backoff{budget: c.budget, onRetry: func(error) { told++ }}
		var err error
		for err == nil {
			err = p.wait(t.Context(), c.err)
		}
		if !errors.Is(err, c.err) || p.attempts < c.least || p.attempts > c.most || told != p.attempts-1 {
			t.Errorf("%s: got %v after %d attempts and %d retries told, want %d to %d attempts", c.name, err, p.attempts, told, c.least, c.most)
		}
	}
}

// TestGate is a table of what is let in after complaints and successes.
func TestGate(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name       string
		complaints []time.Duration
		successes  int
		want       int
	}{
		{"calm", nil, 100, 8},
		{"one complaint", []time.Duration{0}, 0, 4},
		{"complaints about one crowd", []time.Duration{0, decreaseInterval - 1}, 0, 4},
		{"complaints about two", []time.Duration{0, decreaseInterval}, 0, 2},
		{"complaints without end", []time.Duration{0, decreaseInterval, 2 * decreaseInterval, 3 * decreaseInterval, 4 * decreaseInterval, 5 * decreaseInterval}, 0, 1},
		{"a little back", []time.Duration{0}, 5, 5},
		{"all back", []time.Duration{0}, 100, 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newLimiter(8)
			for _, after := range c.complaints {
				g.decrease(now.Add(after))
			}
			for range c.successes {
				g.increase()
			}
			let := 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // which is over when all wait
			defer cancel()
			for g.acquire(ctx) == nil {
				let++
			}
			if let != c.want {
				t.Errorf("%s: got %d let in, want %d", c.name, let, c.want)
			}
		})
	}
}
