package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// waiting is a service that reports its HEAD requests, which show that a caller waits.
type waiting struct {
	*service
	domain *imports.Service
	looks  chan struct{}
}

func startWaiting(t *testing.T, s settings) *waiting {
	t.Helper()
	w := &waiting{looks: make(chan struct{}, 100_000)}
	cfg := storetest.Open(t).AWS.Copy()
	cfg.HTTPClient = &http.Client{Transport: heads{w.looks}}
	s.aws = &cfg
	s.options = func(o *httpapi.Options) { w.domain = o.Service }
	w.service = start(t, s)
	return w
}

// heads reports each HEAD before it is answered.
type heads struct{ seen chan struct{} }

func (h heads) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.Method == http.MethodHead {
		h.seen <- struct{}{}
	}
	return http.DefaultTransport.RoundTrip(q)
}

// await waits for a HEAD request to the store.
func (w *waiting) await(t *testing.T) {
	t.Helper()
	select {
	case <-w.looks:
	case <-time.After(20 * time.Second):
		t.Fatal("no HEAD request")
	}
}

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

// TestWaitForNews checks that an upload wakes waiters, which receive the new status.
func TestWaitForNews(t *testing.T) {
	s := startWaiting(t, settings{})
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprintf("with a tag %t", known), func(t *testing.T) {
			job := s.create(t, client.ImportRequest{})
			tag := ""
			if known {
				tag = tagOf(t, s.get(t, *job.ID, -1, ""))
				s.await(t)
			}
			done := make(chan *client.GetImportResponse)
			go func() { done <- s.get(t, *job.ID, 25, tag) }()
			s.await(t)
			if status, code := send(t, *job.Upload, []byte("x")); status != http.StatusOK {
				t.Fatalf("upload: got %d %s", status, code)
			}
			s.domain.Waiters.Notify(imports.Public, *job.ID)
			got := <-done
			if got.JSON200 == nil || *got.JSON200.Status != client.JobStatusCompleted || tagOf(t, got) == tag {
				t.Errorf("wait: got %s %s, want it completed", got.Status(), got.Body)
			}
		})
	}
}

// TestWaitIsOver checks which reads return after the whole wait, and which at once.
func TestWaitIsOver(t *testing.T) {
	s := start(t, settings{})
	ended := func() string {
		job := s.create(t, client.ImportRequest{})
		if status, code := send(t, *job.Upload, []byte("x")); status != http.StatusOK {
			t.Fatalf("upload: got %d %s", status, code)
		}
		return *job.ID
	}()
	awaited := *s.create(t, client.ImportRequest{}).ID
	for _, c := range []struct {
		name, id string
		seconds  int32 // -1: omitted
		tag      func(string) string
		want     int
		waits    bool
	}{
		{"no wait", awaited, -1, nil, 200, false},
		{"no seconds", awaited, 0, nil, 200, false},
		{"a second", awaited, 1, nil, 200, true},
		{"ended", ended, 25, nil, 200, false},
		{"known, no wait", awaited, -1, func(tag string) string { return tag }, 304, false},
		{"known, a second", awaited, 1, func(tag string) string { return tag }, 304, true},
		{"known and ended", ended, 1, func(tag string) string { return tag }, 304, true},
		{"known as a strong tag", awaited, 0, func(tag string) string { return strings.TrimPrefix(tag, "W/") }, 304, false},
		{"one of several", awaited, 0, func(tag string) string { return `"a,b" ,, W/"c",` + tag }, 304, false},
		{"another", awaited, 25, func(string) string { return `W/"another"` }, 200, false},
		{"within another", awaited, 25, func(tag string) string { return `"` + strings.Trim(tag, `W/"`) + `,"` }, 200, false},
		{"an asterisk", awaited, 25, func(string) string { return "*" }, 304, false},
		{
			"an asterisk for nothing", "01890000-0000-7000-8000-000000000000", 25, func(string) string { return "*" }, 404,
			false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tag := ""
			if c.tag != nil {
				tag = c.tag(s.get(t, c.id, -1, "").HTTPResponse.Header.Get("ETag"))
			}
			began := time.Now()
			got := s.get(t, c.id, c.seconds, tag)
			if got.StatusCode() != c.want || got.StatusCode() == 304 && len(got.Body) > 0 {
				t.Errorf("wait=%d, If-None-Match: %s: got %s %s, want %d", c.seconds, tag, got.Status(), got.Body, c.want)
			}
			if got.StatusCode() < 400 && (tagOf(t, got) == "" || got.HTTPResponse.Header.Get("Cache-Control") != "no-store") {
				t.Errorf("got the header %v, want no-store", got.HTTPResponse.Header)
			}
			if took := time.Since(began); c.waits != (took >= time.Second) {
				t.Errorf("wait=%d, If-None-Match: %s: took %s, want to wait: %t", c.seconds, tag, took, c.waits)
			}
		})
	}
}

// TestBadWait checks that wait must be 0 to 25 seconds, and If-None-Match a list of entity tags.
func TestBadWait(t *testing.T) {
	s := start(t, settings{})
	id := *s.create(t, client.ImportRequest{}).ID
	for _, c := range []struct{ query, header, parameter, detail string }{
		{"wait=abc", "", "wait", "must be an integer"},
		{"wait=26", "", "wait", "must be at most 25"},
		{"wait=-1", "", "wait", "must be at least 0"},
		{"wait=1.5", "", "wait", "must be an integer"},
		{"wait=", "", "wait", "must be an integer"},
		{"wait=1&wait=2", "", "wait", "must be given once"},
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
		if status != http.StatusBadRequest || len(p.Errors) != 1 || *p.Errors[0].Parameter != c.parameter ||
			!strings.Contains(p.Errors[0].Detail, c.detail) {
			t.Errorf(
				"GET ?%s, If-None-Match %.20q: got %d %s, want 400, %s %s",
				c.query,
				c.header,
				status,
				body,
				c.parameter,
				c.detail,
			)
		}
	}
}

// TestManyWaiters checks that a thousand waiters for one import cost the store as much as one, and all are notified.
func TestManyWaiters(t *testing.T) {
	const callers = 1000
	s := startWaiting(t, settings{})
	job := s.create(t, client.ImportRequest{})
	tag := tagOf(t, s.get(t, *job.ID, -1, ""))
	var arrived, answered sync.WaitGroup
	arrived.Add(callers)
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var mu sync.Mutex
	got := map[string]int{}
	for range callers {
		answered.Go(func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/import/"+*job.ID+"?wait=25", nil)
			if err != nil {
				t.Error(err)
			}
			request.Header.Set("If-None-Match", tag)
			arrived.Done()
			response, err := web.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			var answer client.Job
			err = json.NewDecoder(response.Body).Decode(&answer)
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprint(response.StatusCode, *answer.Status, err)]++
		})
	}
	arrived.Wait()
	if status, code := send(t, *job.Upload, []byte("x")); status != http.StatusOK {
		t.Fatalf("upload: got %d %s", status, code)
	}
	s.domain.Waiters.Notify(imports.Public, *job.ID)
	answered.Wait()
	if want := fmt.Sprint(200, client.JobStatusCompleted, error(nil)); got[want] != callers {
		t.Errorf("%d calls with wait: got %v, want all %q", callers, got, want)
	}
	if looks := len(s.looks); looks > callers/2 {
		t.Errorf("%d calls with wait: %d looks at the store, want most of them shared", callers, looks)
	}
}

// TestWaiterLeaves checks that the service stops polling for a client that has gone, and logs it.
func TestWaiterLeaves(t *testing.T) {
	s := startWaiting(t, settings{})
	job := s.create(t, client.ImportRequest{})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.GetImportWithResponse(ctx, *job.ID, &client.GetImportParams{Wait: ptr(int32(25))})
		done <- err
	}()
	s.await(t)
	leave()
	if err := <-done; err == nil {
		t.Error("the caller left and was answered")
	}
	logged := func() bool { return strings.Contains(s.log.String(), "client-closed-request") }
	for deadline := time.Now().Add(10 * time.Second); !logged(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the service waits on:\n%s", s.log)
		}
	}
}

// TestStoppingEndsWaiting checks that a stopping server answers all waiters, and admits no new ones.
func TestStoppingEndsWaiting(t *testing.T) {
	s := startWaiting(t, settings{})
	job := s.create(t, client.ImportRequest{})
	tag := tagOf(t, s.get(t, *job.ID, -1, ""))
	s.await(t)
	done := make(chan *client.GetImportResponse)
	go func() { done <- s.get(t, *job.ID, 25, tag) }()
	s.await(t)
	began := time.Now()
	s.domain.Waiters.Release()
	for _, got := range []*client.GetImportResponse{<-done, s.get(t, *job.ID, 25, tag)} {
		if got.StatusCode() != http.StatusNotModified {
			t.Errorf("wait: got %s %s, want 304", got.Status(), got.Body)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("wait: took %s after Release, want no wait", took)
	}
}

// TestTag checks what changes an ETag and what does not.
func TestTag(t *testing.T) {
	const life = 40 * time.Minute
	// The clock is at most half a lifetime behind, so that downloads are first signed at the beginning of a half.
	clock := &hands{at: time.Now().Add(life).Truncate(life / 2).Add(-life)}
	everything := auth.Read | auth.Create | auth.Delete
	caller := &calling{scope: everything}
	s := start(t, settings{downloads: true, limits: imports.Limits{URLTTL: life, JobTTL: 48 * time.Hour}, now: clock.now,
		options: func(o *httpapi.Options) { o.Authenticate = caller.authenticate }})
	one := s.create(t, client.ImportRequest{Metadata: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}})
	form := s.create(t, client.ImportRequest{Mode: ptr(client.ImportRequestModeForm)})
	parts := s.create(
		t,
		client.ImportRequest{Mode: multipartMode, Size: ptr(int64(6 * mib)), PartSize: ptr(int64(5 * mib))},
	)
	gone := s.create(t, client.ImportRequest{})
	for _, c := range []struct {
		name  string
		job   client.Job
		do    func()
		other bool // another ETag
	}{
		{"nothing", one, func() {}, false},
		{"another signature", one, func() { clock.pass(time.Minute) }, false},
		{"another signature of a form", form, func() { clock.pass(time.Minute) }, false},
		{"time for parts", parts, func() { clock.pass(time.Minute) }, false},
		{"a key that may not upload", one, func() { caller.may(auth.Read) }, false},
		{"one that may", one, func() { caller.may(everything) }, false},
		{"a part", parts, func() { s.sendPart(t, *parts.ID, 1, make([]byte, 5*mib), nil) }, true},
		{"the object", one, func() { send(t, *one.Upload, []byte("x")) }, true},
		{"a download signed anew", one, func() { clock.pass(time.Minute) }, false},
		{"another object", one, func() { send(t, *one.Upload, []byte("y")) }, true},
		{"a download signed in the other half", one, func() { clock.pass(life / 2) }, true},
		{"its removal", gone, func() { s.remove(t, *gone.ID) }, true},
		{"the end of its time", form, func() { clock.pass(life) }, true},
	} {
		before := tagOf(t, s.get(t, *c.job.ID, -1, ""))
		c.do()
		if after := tagOf(t, s.get(t, *c.job.ID, -1, "")); (after != before) != c.other {
			t.Errorf("%s: got the tags %s and %s, want another: %t", c.name, before, after, c.other)
		}
	}
}

// hands is a settable clock.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// calling authenticates one caller, whose scope changes.
type calling struct {
	mu    sync.Mutex
	scope auth.Scope
}

func (c *calling) may(scope auth.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scope = scope
}

func (c *calling) authenticate(*http.Request) (auth.Caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return auth.Caller{Owner: "key-a", Scope: c.scope}, nil
}
