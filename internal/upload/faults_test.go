package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
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

// TestChangedFile changes the file during the upload. That is an error, and the import is aborted.
func TestChangedFile(t *testing.T) {
	skipIfShort(t)
	changes := []struct {
		name   string
		change func(path string) error
	}{
		{"emptied", func(path string) error { return os.Truncate(path, 0) }},
		{"cut", func(path string) error { return os.Truncate(path, 2*mib) }},
		{"grown", func(path string) error { return os.Truncate(path, 30*mib) }},
		{"rewritten", func(path string) error {
			info, err := os.Stat(path)
			if err == nil {
				err = os.WriteFile(path, content(int(info.Size()), 9), 0o600)
			}
			return errors.Join(err, os.Chtimes(path, time.Now(), info.ModTime().Add(time.Second)))
		}},
	}
	w := start(t)
	for _, c := range changes {
		for _, a := range []Algorithm{CRC64NVME, None} {
			for _, size := range []int{3 * mib, 11 * mib} {
				path := file(t, content(size, 1))
				var once sync.Once
				_, _, events := w.useProxies(t, func(exchange) bool {
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
				if job, err := w.API.Read(t.Context(), events.id); err != nil || job.Status != client.ImportStatusAborted {
					t.Errorf("%s, %d bytes, %s: the import is %s, %v, want it aborted", c.name, size, a, job.Status, err)
				}
			}
		}
	}
	checkNoLeftovers(t)
}

// TestNotAborted rejects the DELETE of a useless import. The error names the import and the reason.
func TestNotAborted(t *testing.T) {
	skipIfShort(t)
	w := start(t)
	for _, stream := range []bool{false, true} {
		for _, size := range []int{100, 6 * mib} {
			body := content(size, 1)
			path := file(t, body)
			_, service, events := w.useProxies(t, func(x exchange) bool {
				if stream {
					return s3Error(400, "InvalidRequest")(x)
				}
				if err := os.Truncate(path, 1); err != nil {
					t.Error(err)
				}
				return false
			}, always("DELETE", respond(501, "text/plain", "")))
			var err error
			if d := (Options{Checksum: CRC64NVME, PartSize: 5 * mib}); stream {
				_, err = w.Stream(t.Context(), opens(bytes.NewReader(body)), "-", d)
			} else {
				_, err = w.File(t.Context(), path, d)
			}
			var failure *Error
			if !errors.As(err, &failure) || failure.ID == "" || failure.ID != events.id || failure.AbortErr == nil ||
				!strings.HasSuffix(err.Error(), "; import "+events.id+" could not be aborted: the service returned 501") {
				t.Errorf("%d bytes, stream %t: got %v, want it to name import %s and why it remains", size, stream, err, events.id)
			}
			if n := service.requests("DELETE /import/" + events.id); n != 1 || events.kinds[Retrying] > 0 {
				t.Errorf("%d bytes, stream %t: got %d DELETE requests and events %v, want one, and no retry of it", size, stream, n,
					events.kinds)
			}
		}
	}
}

// TestAbortMissingImport: an import that no longer exists needs no abort.
func TestAbortMissingImport(t *testing.T) {
	w := start(t)
	w.useProxies(t, always("PUT", s3Error(400, "InvalidRequest")),
		always("DELETE", respond(404, "application/problem+json", `{"code":"import-not-found"}`)))
	_, err := w.Stream(t.Context(), opens(bytes.NewReader(content(100, 1))), "-", Options{Checksum: CRC64NVME})
	var failure *Error
	if !errors.As(err, &failure) || failure.ID != "" || failure.AbortErr != nil {
		t.Errorf("got %+v, want no import left", failure)
	}
}

// TestStoreRetryEvents: each reported retry of a request to the store is followed by an attempt.
func TestStoreRetryEvents(t *testing.T) {
	w := start(t)
	for status, attempts := range map[int]int{501: 1, 503: minAttempts} {
		store, _, events := w.useProxies(t, always("PUT", s3Error(status, "No")), nil)
		w.retry.budget = 0
		_, err := w.File(t.Context(), file(t, content(100, 1)), Options{Checksum: CRC64NVME})
		if err == nil || store.all != attempts || len(events.errors) != attempts-1 {
			t.Errorf("%d: got %v after %d requests and %d retry events, want %d and %d", status, err, store.all,
				len(events.errors), attempts, attempts-1)
		}
	}
}

// TestLostUploadResponse drops the response to the upload and rejects all retries. The result comes from the import.
func TestLostUploadResponse(t *testing.T) {
	skipIfShort(t)
	w := start(t)
	for _, once := range []bool{false, true} {
		store, _, events := w.useProxies(t, func(x exchange) bool {
			if x.same == 1 {
				return dropResponse(x)
			}
			return cutRequest(x)
		}, nil)
		w.retry.budget = time.Millisecond
		body := content(3*mib, 1)
		r, err := w.File(t.Context(), file(t, body), Options{Checksum: CRC64NVME, WriteOnce: once})
		if err != nil || !bytes.Equal(w.stored(t, r), body) {
			t.Errorf("write once %v: got %+v, %v, want the file", once, r, err)
		}
		if events.bytes != 3*mib || events.kinds[Completed] != 1 || store.all < 2 {
			t.Errorf("write once %v: got events for %d bytes and %v, after %d requests", once, events.bytes, events.kinds,
				store.all)
		}
	}
	checkNoLeftovers(t)
}

// TestRemovedFile removes the file during the upload. The open file is uploaded.
func TestRemovedFile(t *testing.T) {
	w := start(t)
	body := content(11*mib, 1)
	path := file(t, body)
	w.useProxies(t, func(exchange) bool {
		os.Remove(path)
		return false
	}, nil)
	r, err := w.File(t.Context(), path, Options{Checksum: CRC64NVME, PartSize: 5 * mib})
	if err != nil || !bytes.Equal(w.stored(t, r), body) {
		t.Errorf("got %+v, %v, want the file as it was", r, err)
	}
}

// TestCanceled cancels an upload at each of its requests. It never panics, never succeeds wrongly, and leaves no
// goroutine.
func TestCanceled(t *testing.T) {
	skipIfShort(t)
	w := start(t)
	for at := 1; at <= 6; at++ { // create, sign, three parts, complete
		for _, stream := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			var mu sync.Mutex
			seen := 0
			count := func(exchange) bool {
				mu.Lock()
				defer mu.Unlock()
				if seen++; seen == at {
					cancel()
				}
				return false
			}
			w.useProxies(t, count, count)
			w.limiter = newLimiter(1)
			body, d := content(10*mib+1, 1), Options{Checksum: CRC64NVME, PartSize: 5 * mib}
			var err error
			if stream {
				_, err = w.Stream(ctx, opens(bytes.NewReader(body)), "-", d)
			} else {
				_, err = w.File(ctx, file(t, body), d)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("canceled at request %d, stream %v: got %v, want the cancellation", at, stream, err)
			}
			cancel()
		}
	}
	checkNoLeftovers(t)
}

// TestCanceledBeforeParts cancels an upload after its creation, before the first part.
func TestCanceledBeforeParts(t *testing.T) {
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

// TestInterruptedAfterSingle: a file sent in one request is uploaded, and the next run skips it, although the interrupt
// came before the response, or while the service was asked for the status.
func TestInterruptedAfterSingle(t *testing.T) {
	needsIdentity(t)
	w := start(t)
	for _, wait := range []bool{false, true} {
		path, o := file(t, content(3000, 1)), Options{Checksum: CRC64NVME}
		ctx, cancel := context.WithCancel(t.Context())
		w.useProxies(t, func(x exchange) bool {
			recorded := httptest.NewRecorder()
			x.next.ServeHTTP(recorded, x.r)
			if !wait {
				if err := os.Chmod(path, 0o400); err != nil { // the content is compared
					t.Error(err)
				}
				cancel()
			}
			maps.Copy(x.w.Header(), recorded.Header())
			return true
		}, func(x exchange) bool {
			if wait && x.r.Method == http.MethodGet {
				cancel()
			}
			return false
		})
		w.Wait = wait
		if r, err := w.File(ctx, path, o); (err == nil) == wait {
			t.Errorf("wait %t: got %+v, %v, want an error only if it waits", wait, r, err)
		}
		w.useProxies(t, nil, nil)
		if r, err := w.File(t.Context(), path, o); err != nil || !r.Skipped {
			t.Errorf("wait %t, again: got %+v, %v, want it skipped", wait, r, err)
		}
	}
}

// TestStreamEnds: a blocked reader does not block a failed or canceled stream.
func TestStreamEnds(t *testing.T) {
	w := start(t)
	rejected := always("PUT", s3Error(403, "AccessDenied"))
	for _, c := range []struct {
		name     string
		content  int // bytes before the reader blocks
		store    fault
		cancelAt Kind
	}{
		{"rejected by the store", 7 * mib, rejected, ""},
		{"canceled before anything was read", 0, nil, ""},
		{"canceled after the first part", 7 * mib, nil, Progress},
	} {
		w.useProxies(t, c.store, nil)
		ctx, cancel := context.WithCancel(t.Context())
		w.OnEvent = func(e Event) {
			if e.Kind == c.cancelAt {
				cancel()
			}
		}
		from, to := io.Pipe()
		go to.Write(content(c.content, 1))
		open := func() (io.ReadCloser, error) {
			if c.content == 0 {
				cancel()
			}
			return from, nil
		}
		r, err := w.Stream(ctx, open, "-", Options{Checksum: CRC64NVME, PartSize: 5 * mib})
		if err == nil {
			t.Errorf("%s: got %+v, want an error", c.name, r)
		}
		cancel()
		to.Close()
	}
	checkNoLeftovers(t)
}

// TestStreamOfWholeParts uploads a stream that ends at the end of a part.
func TestStreamOfWholeParts(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close a file that is left open
	w := start(t)
	body := content(10*mib, 1)
	r, err := w.Stream(t.Context(), opens(bytes.NewReader(body)), "-", Options{Checksum: CRC64NVME, PartSize: 5 * mib})
	if err != nil || !bytes.Equal(w.stored(t, r), body) {
		t.Errorf("got %+v, %v", r, err)
	}
	checkNoLeftovers(t)
}

// TestNames uploads files whose names are valid in a file system but not in a header.
func TestNames(t *testing.T) {
	w := start(t)
	for _, name := range []string{"naïve Größe.csv", "файл.txt", "文件.json", "😀", "a b;c\"d'e.csv", "two\nlines",
		`back\slash`, "not \xff UTF-8", strings.Repeat("ü", 127), "-", "%2e%2e"} {
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

// TestNotRegularFile: paths of other kinds fail at once.
func TestNotRegularFile(t *testing.T) {
	w := start(t)
	folder := t.TempDir()
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{folder: "a folder", pipe: "a pipe",
		filepath.Join(folder, "none"): "no such file"} {
		if r, err := w.File(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want %q", path, r, err, want)
		}
	}
}

// TestStall: a store that receives nothing has stalled. A rate limit that pauses longer has not.
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
				store := roundTripFunc(func(r *http.Request) (*http.Response, error) {
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
				if _, err := u.put(t.Context(), r, bytes.NewReader(body), int64(len(body)), func(int) {}); !errors.Is(err,
					c.want) || !bytes.Equal(got, body) {
					t.Errorf("put: got %v and %d bytes, want %v and %d bytes", err, len(got), c.want, len(body))
				}
			})
		})
	}
}

// TestNotAService: the URL belongs to another server. The upload fails at once and does not send the key to redirects.
func TestNotAService(t *testing.T) {
	var mu sync.Mutex
	var redirected []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		redirected = append(redirected, r.Method+" "+r.Header.Get("X-Api-Key"))
	}))
	defer other.Close()
	untrusted := httptest.NewUnstartedServer(nil)
	untrusted.Config.ErrorLog = discardLog
	untrusted.StartTLS()
	defer untrusted.Close()
	for _, c := range []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"a page", "is not from a Signpost service",
			func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") }},
		{"another API", "is not from a Signpost service", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "[]")
		}},
		{"nothing", "the service returned 404", http.NotFound},
		{"no key", "Forbidden", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"Forbidden"}`)
		}},
		{"a redirect", "redirected", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusFound)
		}},
		{"a redirect that keeps the method", "redirected", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusPermanentRedirect)
		}},
		{"an unknown certificate", "certificate", nil},
	} {
		address := untrusted.URL
		if c.handler != nil {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			address = server.URL
		}
		api, err := NewAPI(address, func() (string, string, error) { return "X-Api-Key", "secret", nil },
			http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		u, events := New(api, http.DefaultClient, 1), &eventCounts{}
		u.OnEvent = events.add
		_, err = u.File(t.Context(), file(t, nil), Options{Checksum: CRC64NVME})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(events.errors) > 0 {
			t.Errorf("%s: got %v after retries because of %v, want %q at once", c.name, err, events.errors, c.want)
		}
	}
	if len(redirected) > 0 {
		t.Errorf("redirects were followed: %q", redirected)
	}
}

// TestNotAStore: an upload to another server does not count as uploaded.
func TestNotAStore(t *testing.T) {
	w := start(t)
	for _, size := range []int{0, 1, 3 * mib, 6 * mib} {
		w.useProxies(t, always("PUT", func(x exchange) bool {
			http.Redirect(x.w, x.r, "/login", http.StatusFound)
			return true
		}), nil)
		r, err := w.File(t.Context(), file(t, content(size, 1)), Options{Checksum: CRC64NVME, PartSize: 5 * mib})
		var response *ResponseError
		if !errors.As(err, &response) || response.Status != http.StatusFound {
			t.Errorf("%d bytes: got %+v, %v, want the store's 302", size, r, err)
		}
	}
}
