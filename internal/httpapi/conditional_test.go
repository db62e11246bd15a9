package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
)

// get reads an import. It omits negative seconds and an empty tag.
func (s *service) get(t testing.TB, id string, seconds int32, tag string) *client.GetImportResponse {
	t.Helper()
	var params client.GetImportParams
	if seconds >= 0 {
		params.Wait = &seconds
	}
	if tag != "" {
		params.IfNoneMatch = &tag
	}
	r, err := s.GetImportWithResponse(t.Context(), id, &params)
	if err != nil {
		t.Fatalf("read %s: %v", id, err)
	}
	return r
}

func tagOf(t testing.TB, r *client.GetImportResponse) string {
	t.Helper()
	tag := r.HTTPResponse.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) {
		t.Fatalf("read: got %s with the ETag %q, want a weak one", r.Status(), tag)
	}
	return tag
}

// put stores the object of a single import.
func (s *service) put(t testing.TB, job client.Import) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &s.store.Bucket, Key: &job.Object.Key, Body: strings.NewReader("x")}
	if _, err := s.s3().PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// TestWaitForUpload checks that an upload wakes waiters at once, which receive the new status.
func TestWaitForUpload(t *testing.T) {
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprintf("with an ETag %t", known), func(t *testing.T) {
			inFakeTime(t, settings{}, func(t *testing.T, s *service) {
				job, tag := s.create(t, client.ImportRequest{}), ""
				if known {
					tag = tagOf(t, s.get(t, job.ID, -1, ""))
				}
				began, done := time.Now(), make(chan *client.GetImportResponse)
				go func() { done <- s.get(t, job.ID, 25, tag) }()
				synctest.Wait()
				s.put(t, job)
				s.imports.Waiters.Notify(imports.Public, job.ID)
				got := <-done
				if got.JSON200 == nil || got.JSON200.Status != client.ImportStatusCompleted || tagOf(t, got) == tag {
					t.Errorf("wait: got %s %s, want it completed", got.Status(), got.Body)
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("wait: took %s, want an answer at once", took)
				}
			})
		})
	}
}

// TestWaitTime checks which reads return after the whole wait, and which at once.
func TestWaitTime(t *testing.T) {
	inFakeTime(t, settings{}, testWaitTime)
}

func testWaitTime(t *testing.T, s *service) {
	awaited, job := s.create(t, client.ImportRequest{}).ID, s.create(t, client.ImportRequest{})
	completed := job.ID
	s.put(t, job)
	for _, c := range []struct {
		name, id string
		seconds  int32 // -1: omitted
		tag      func(string) string
		want     int
		waits    time.Duration
	}{
		{"no wait", awaited, -1, nil, 200, 0},
		{"0 seconds", awaited, 0, nil, 200, 0},
		{"25 seconds", awaited, 25, nil, 200, 25 * time.Second},
		{"completed", completed, 25, nil, 200, 0},
		{"known, no wait", awaited, -1, func(tag string) string { return tag }, 304, 0},
		{"known", awaited, 25, func(tag string) string { return tag }, 304, 25 * time.Second},
		{"known and completed", completed, 1, func(tag string) string { return tag }, 304, time.Second},
		{"known as a strong tag", awaited, 0, func(tag string) string { return strings.TrimPrefix(tag, "W/") }, 304, 0},
		{"one of several", awaited, 0, func(tag string) string { return `"a,b" ,, W/"c",` + tag }, 304, 0},
		{"another", awaited, 25, func(string) string { return `W/"another"` }, 200, 0},
		{"within another", awaited, 25, func(tag string) string { return `"` + strings.Trim(tag, `W/"`) + `,"` }, 200, 0},
		{"an asterisk", awaited, 25, func(string) string { return "*" }, 304, 0},
		{"an asterisk, unknown ID", "01890000-0000-7000-8000-000000000000", 25, func(string) string { return "*" }, 404, 0},
	} {
		tag := ""
		if c.tag != nil {
			tag = c.tag(s.get(t, c.id, -1, "").HTTPResponse.Header.Get("ETag"))
		}
		began := time.Now()
		got := s.get(t, c.id, c.seconds, tag)
		if got.StatusCode() != c.want || got.StatusCode() == 304 && len(got.Body) > 0 {
			t.Errorf("%s: If-None-Match: %s: got %s %s, want %d", c.name, tag, got.Status(), got.Body, c.want)
		}
		if got.StatusCode() < 400 && (tagOf(t, got) == "" || got.HTTPResponse.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: got the header %v, want no-store", c.name, got.HTTPResponse.Header)
		}
		if took := time.Since(began); took != c.waits {
			t.Errorf("%s: If-None-Match: %s: took %s, want %s", c.name, tag, took, c.waits)
		}
	}
}

// TestBadWait checks that wait must be 0 to 25 seconds, and If-None-Match a list of entity tags.
func TestBadWait(t *testing.T) {
	s := start(t, settings{})
	id := s.create(t, client.ImportRequest{}).ID
	for _, c := range []struct{ query, header, parameter, detail string }{
		{"wait=abc", "", "wait", "must be an integer"},
		{"wait=26", "", "wait", "must be from 0 to 25 seconds"},
		{"wait=-1", "", "wait", "must be from 0 to 25 seconds"},
		{"wait=1.5", "", "wait", "must be an integer"},
		{"wait=", "", "wait", "must be an integer"},
		{"wait=1&wait=2", "", "wait", "must appear only once"},
		{"", "abc", "If-None-Match", ""},
		{"", `w/"a"`, "If-None-Match", ""},
		{"", `"a" "b"`, "If-None-Match", ""},
		{"", `"a", *`, "If-None-Match", ""},
		{"", `"` + strings.Repeat("a", 1023) + `"`, "If-None-Match", ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/import/"+id+"?"+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.header != "" {
			request.Header.Set("If-None-Match", c.header)
		}
		status, _, body := do(t, request)
		var p client.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		if status != http.StatusBadRequest || len(p.Errors) != 1 || p.Errors[0].Parameter != c.parameter ||
			!strings.Contains(p.Errors[0].Detail, c.detail) {
			t.Errorf("GET ?%s, If-None-Match %.20q: got %d %s, want 400, %s %s", c.query, c.header, status,
				body, c.parameter, c.detail)
		}
	}
}

// TestWaiterDisconnects checks that the service stops polling for a client that has gone, and logs it.
func TestWaiterDisconnects(t *testing.T) {
	inFakeTime(t, settings{}, func(t *testing.T, s *service) {
		job := s.create(t, client.ImportRequest{})
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := s.GetImportWithResponse(ctx, job.ID, &client.GetImportParams{Wait: new(int32(25))})
			done <- err
		}()
		synctest.Wait()
		leave()
		if err := <-done; err == nil {
			t.Error("the caller left and was answered")
		}
		if !strings.Contains(s.log.String(), "client-closed-request") {
			t.Errorf("got the log %s, want client-closed-request", s.log)
		}
	})
}

// TestETag checks what changes an ETag and what does not.
func TestETag(t *testing.T) {
	const life = 40 * time.Minute
	// The clock is at most half a lifetime behind, so that downloads are first signed at the beginning of a half.
	clock := &testClock{at: time.Now().Add(life).Truncate(life / 2).Add(-life)}
	everything := auth.Read | auth.Create | auth.Delete
	caller := &scopedCaller{scope: everything}
	s := start(t, settings{downloads: true, limits: imports.Limits{URLTTL: life, JobTTL: 48 * time.Hour}, now: clock.now,
		options: func(o *httpapi.Options) { o.Authenticate = caller.authenticate }})
	one := s.create(t, client.ImportRequest{Metadata: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}})
	form := s.create(t, client.ImportRequest{Mode: client.ImportRequestModeForm})
	parts := s.create(t,
		client.ImportRequest{Mode: multipartMode, Size: new(int64(6 * mib)), PartSize: 5 * mib})
	gone := s.create(t, client.ImportRequest{})
	for _, c := range []struct {
		name  string
		job   client.Import
		do    func()
		other bool // another ETag
	}{
		{"nothing", one, func() {}, false},
		{"another signature", one, func() { clock.advance(time.Minute) }, false},
		{"another signature of a form", form, func() { clock.advance(time.Minute) }, false},
		{"time for parts", parts, func() { clock.advance(time.Minute) }, false},
		{"a key that may not upload", one, func() { caller.setScope(auth.Read) }, false},
		{"one that may", one, func() { caller.setScope(everything) }, false},
		{"a part", parts, func() { s.sendPart(t, parts.ID, 1, make([]byte, 5*mib), nil) }, true},
		{"the object", one, func() { send(t, *one.Upload, []byte("x")) }, true},
		{"a download signed again", one, func() { clock.advance(time.Minute) }, false},
		{"another object", one, func() { send(t, *one.Upload, []byte("y")) }, true},
		{"a download signed in the other half", one, func() { clock.advance(life / 2) }, true},
		{"its removal", gone, func() { s.remove(t, gone.ID) }, true},
		{"the end of its time", form, func() { clock.advance(life) }, true},
	} {
		before := tagOf(t, s.get(t, c.job.ID, -1, ""))
		c.do()
		if after := tagOf(t, s.get(t, c.job.ID, -1, "")); (after != before) != c.other {
			t.Errorf("%s: got the tags %s and %s, want another: %t", c.name, before, after, c.other)
		}
	}
}

// testClock is a settable clock.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func (h *testClock) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *testClock) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// scopedCaller authenticates one caller, whose scope changes.
type scopedCaller struct {
	mu    sync.Mutex
	scope auth.Scope
}

func (c *scopedCaller) setScope(scope auth.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scope = scope
}

func (c *scopedCaller) authenticate(*http.Request) (auth.Caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return auth.Caller{Owner: "key-a", Scope: c.scope}, nil
}
