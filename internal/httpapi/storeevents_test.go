package httpapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
)

const storeSecret = "correct horse+battery/staple="

// eventsDir contains events of stores. The local store changes the working directory when it starts.
var eventsDir, _ = filepath.Abs("../s3events/testdata")

// notifications collects the reported keys.
type notifications struct {
	mu   sync.Mutex
	keys []string
}

func (l *notifications) notice(_ context.Context, key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = append(l.keys, key)
	return nil
}

// take returns and clears the collected keys.
func (l *notifications) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := l.keys
	l.keys = nil
	slices.Sort(keys)
	return keys
}

// startStoreEvents starts a service that receives store events.
func startStoreEvents(t *testing.T, s settings, notice func(context.Context, string) error) *service {
	t.Helper()
	more := s.options
	s.options = func(o *httpapi.Options) {
		o.StoreEvents = httpapi.StoreEvents{Secret: storeSecret, OnObjectCreated: notice}
		if more != nil {
			more(o)
		}
	}
	started := start(t, s)
	t.Cleanup(func() {
		encoded := base64.StdEncoding.EncodeToString([]byte("user:" + storeSecret))
		if log := started.log.String(); strings.Contains(log, storeSecret) || strings.Contains(log, encoded) {
			t.Errorf("the store's secret in the log:\n%s", log)
		}
	})
	return started
}

// notify sends an event. An empty authorization means none.
func (s *service) notify(t *testing.T, authorization, body string) (int, http.Header, string) {
	t.Helper()
	r := request(t, "POST", s.url+"/events/s3", strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return do(t, r)
}

func bearer(secret string) string { return "Bearer " + secret }

// event returns the shortest event for keys.
func event(bucket string, keys ...string) string {
	var records []string
	for _, key := range keys {
		records = append(
			records,
			fmt.Sprintf(`{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q}}}`, bucket, key),
		)
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

// TestStoreEvents sends the events of each store, with each form of the secret.
func TestStoreEvents(t *testing.T) {
	var l notifications
	s := startStoreEvents(t, settings{}, l.notice)
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	secrets := map[string]string{
		"a token": bearer(storeSecret), "a token, in lower case": "bearer  " + storeSecret, "as it is": storeSecret,
		"a password": basic("user:" + storeSecret), "a password without a user": basic(":" + storeSecret),
	}
	const key = "imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
	shapes := map[string][]string{
		"s3-put": {key}, "s3-multipart": {key}, "s3-removed": nil, "s3-test": nil, "minio-put": {key}, "minio-read": nil,
		"ceph-put": {key}, "seaweedfs-create": {key}, "seaweedfs-delete": nil, "versitygw-multipart": {key},
		"versitygw-test": nil, "eventbridge-put": {key}, "eventbridge-scheduled": nil,
	}
	for shape, want := range shapes {
		content, err := os.ReadFile(filepath.Join(eventsDir, shape+".json"))
		if err != nil {
			t.Fatal(err)
		}
		body := strings.NewReplacer(`"uploads"`, `"`+s.store.Bucket+`"`, "/uploads/", "/"+s.store.Bucket+"/").
			Replace(string(content))
		for spelling, authorization := range secrets {
			status, _, answer := s.notify(t, authorization, body)
			if got := l.take(); status != 204 || answer != "" || !slices.Equal(got, want) {
				t.Errorf("%s with the secret as %s: got %d %s, noticed of %v, want 204 and %v", shape, spelling,
					status, answer, got, want)
			}
		}
	}
	if status, _, answer := s.notify(t, bearer(storeSecret), event("another-bucket", key)); status != 204 ||
		l.take() != nil {
		t.Errorf("of another bucket: got %d %s, want 204 and nothing noticed", status, answer)
	}
	if status, _, answer := s.notify(t, bearer(storeSecret), event(s.store.Bucket, "1", "2", "1", "3")); status != 204 ||
		!slices.Equal(l.take(), []string{"1", "2", "3"}) {
		t.Errorf("of three objects: got %d %s, want 204 and three noticed", status, answer)
	}
}

// TestStoreEventsRequireSecret checks that requests without the secret have no effect and learn nothing.
func TestStoreEventsRequireSecret(t *testing.T) {
	var l notifications
	authenticate, keys := newKeys(t, map[string]auth.Scope{"alice": auth.All})
	s := startStoreEvents(t, settings{options: func(o *httpapi.Options) { o.Authenticate = authenticate }}, l.notice)
	body := event(s.store.Bucket, "k")
	for name, authorization := range map[string]string{
		"none": "", "another": bearer("guessed"), "a part": bearer(storeSecret[:len(storeSecret)-1]),
		"more": bearer(storeSecret + "x"), "in upper case": bearer(strings.ToUpper(storeSecret)),
		"no token": "Bearer", "an empty token": "Bearer ", "another scheme": "Digest " + storeSecret,
		"twice": bearer(bearer(storeSecret)), "an API key": bearer(keys["alice"]),
		"no base64": "Basic " + storeSecret, "no password": "Basic " + base64.StdEncoding.EncodeToString([]byte(storeSecret)),
		"the user's name":   "Basic " + base64.StdEncoding.EncodeToString([]byte(storeSecret+":")),
		"an empty password": "Basic " + base64.StdEncoding.EncodeToString([]byte("user:")),
	} {
		status, header, answer := s.notify(t, authorization, body)
		if status != 401 || codeOf(answer) != "unauthenticated" || header.Get("WWW-Authenticate") == "" ||
			header.Get("X-Request-Id") == "" ||
			l.take() != nil {
			t.Errorf("%s: got %d %q %s, want 401 with a challenge", name, status, header.Get("WWW-Authenticate"), answer)
		}
	}
	two := request(t, "POST", s.url+"/events/s3", strings.NewReader(body))
	two.Header["Authorization"] = []string{bearer("guessed"), bearer(storeSecret)}
	if status, _, answer := do(t, two); status != 401 || l.take() != nil {
		t.Errorf("two credentials: got %d %s, want 401", status, answer)
	}
	if log := s.log.String(); !strings.Contains(log, `"reason":"unknown-secret"`) ||
		!strings.Contains(log, `"path":"/events/s3"`) {
		t.Errorf("log: got %s, want what was refused", log)
	}
	status, _, answer := s.notify(t, bearer(storeSecret), body)
	if status != 204 || !slices.Equal(l.take(), []string{"k"}) {
		t.Errorf("the store, which has no API key: got %d %s, want 204", status, answer)
	}
	if status, _, _ := s.as(t, storeSecret, "GET", "/import", ""); status != 401 {
		t.Errorf("the store's secret for an API key: got %d, want 401", status)
	}
}

// TestStoreEventsMalformed checks that the response to an invalid event names the reason.
func TestStoreEventsMalformed(t *testing.T) {
	var l notifications
	s := startStoreEvents(t, settings{}, l.notice)
	for body, want := range map[string]struct {
		status       int
		code, detail string
	}{
		``:                                  {400, "invalid-event", "invalid JSON"},
		`hello`:                             {400, "invalid-event", "invalid JSON at byte offset 0"},
		`{}`:                                {400, "invalid-event", "Records"},
		`{"Records":null}`:                  {400, "invalid-event", "Records"},
		`{"Records":[{}]}`:                  {400, "invalid-event", "Records/0: eventName is required"},
		event(s.store.Bucket, ""):           {400, "invalid-event", "object.key are required"},
		strings.Repeat(" ", 128<<10) + `{}`: {413, "body-too-large", "128 KiB"},
		`{"Records":` + strings.Repeat("[", 100_000): {400, "invalid-event", "invalid JSON"},
		`{"Records":[],"more":"` + "\xff\"}":         {400, "invalid-event", "invalid JSON"},
	} {
		status, _, answer := s.notify(t, storeSecret, body)
		if status != want.status || codeOf(answer) != want.code || !strings.Contains(answer, want.detail) {
			t.Errorf("%.40q: got %d %s, want %d %s with %q", body, status, answer, want.status, want.code, want.detail)
		}
	}
	chunked := request(t, "POST", s.url+"/events/s3", strings.NewReader(strings.Repeat(" ", 128<<10)+`{}`))
	chunked.ContentLength = -1
	chunked.Header.Set("Authorization", storeSecret)
	if status, _, answer := do(t, chunked); status != 413 {
		t.Errorf("too long, of a length not told: got %d %s, want 413", status, answer)
	}
	fits := event(s.store.Bucket, "k")
	if status, _, answer := s.notify(t, storeSecret, fits+strings.Repeat(" ", 128<<10-len(fits))); status != 204 ||
		!slices.Equal(l.take(), []string{"k"}) {
		t.Errorf("128 KiB: got %d %s, want 204", status, answer)
	}
}

// TestStoreEventsFail checks that a failed object causes an error, so that the store retries, and that the others are
// processed.
func TestStoreEventsFail(t *testing.T) {
	away := &imports.Error{Kind: imports.Unavailable, Code: imports.CodeStoreUnavailable, Detail: "Try again later."}
	for _, c := range []struct {
		name string
		fail func() error
		want int
		code string
	}{
		{"the store is away", func() error { return fmt.Errorf("look: %w", away) }, 503, "store-unavailable"},
		{"a fault of ours", func() error { return errors.New("fault") }, 500, "internal-error"},
		{"a panic", func() error { panic("at this key") }, 500, "internal-error"},
	} {
		var l notifications
		s := startStoreEvents(t, settings{}, func(ctx context.Context, key string) error {
			if key == "bad" {
				return c.fail()
			}
			return l.notice(ctx, key)
		})
		status, header, answer := s.notify(t, storeSecret, event(s.store.Bucket, "a", "bad", "b"))
		if status != c.want || codeOf(answer) != c.code || (header.Get("Retry-After") != "") != (c.want == 503) ||
			!slices.Equal(l.take(), []string{"a", "b"}) {
			t.Errorf("%s: got %d %s, Retry-After %q, want %d %s", c.name, status, answer,
				header.Get("Retry-After"), c.want, c.code)
		}
	}
}

// TestStoreEventsRateLimit checks that valid store events have no rate limit, and wrong secrets have that of a
// caller.
func TestStoreEventsRateLimit(t *testing.T) {
	var l notifications
	s := startStoreEvents(t, settings{options: func(o *httpapi.Options) { o.RateLimit = 1 }}, l.notice)
	for range 20 {
		if status, header, answer := s.notify(t, storeSecret, event(s.store.Bucket, "k")); status != 204 ||
			header.Get("RateLimit") != "" {
			t.Fatalf("got %d %s, RateLimit %q, want 204 without one", status, answer, header.Get("RateLimit"))
		}
	}
	guesses := map[int]int{}
	for range 20 {
		status, _, _ := s.notify(t, bearer("guessed"), event(s.store.Bucket, "k"))
		guesses[status]++
	}
	if guesses[401] == 0 || guesses[429] == 0 || len(guesses) != 2 {
		t.Errorf("20 guesses: got %v, want some 401, then 429", guesses)
	}
	if status, _, answer := s.notify(t, storeSecret, event(s.store.Bucket, "k")); status != 204 {
		t.Errorf("the store, from the same address: got %d %s, want 204", status, answer)
	}
}

// TestStoreEventsRejectPages checks that web pages of any origin are rejected.
func TestStoreEventsRejectPages(t *testing.T) {
	var l notifications
	s := startStoreEvents(t, settings{corsOrigins: []string{"https://app.example"}}, l.notice)
	for _, origin := range []string{"https://app.example", s.url, "https://evil.example", "null"} {
		for _, method := range []string{"POST", "GET", "OPTIONS"} {
			r := request(t, method, s.url+"/events/s3", strings.NewReader(event(s.store.Bucket, "k")))
			r.Header.Set("Origin", origin)
			r.Header.Set("Authorization", storeSecret)
			r.Header.Set("Access-Control-Request-Method", "POST")
			status, header, answer := do(t, r)
			if allowed := header.Get("Access-Control-Allow-Origin"); status != 403 || allowed != "" || l.take() != nil {
				t.Errorf("%s from %s: got %d %s, allowed %q, want 403", method, origin, status, answer, allowed)
			}
		}
	}
}

// TestStoreEventsProbe checks that a store can probe the path, and that it does not exist without a secret.
func TestStoreEventsProbe(t *testing.T) {
	hearing, deaf := startStoreEvents(t, settings{}, (&notifications{}).notice), start(t, settings{})
	want := map[string]int{"GET": 204, "HEAD": 204, "PUT": 405, "DELETE": 405}
	for _, method := range slices.Sorted(maps.Keys(want)) {
		if status, _, answer := do(t, request(t, method, hearing.url+"/events/s3", nil)); status != want[method] {
			t.Errorf("%s: got %d %s, want %d", method, status, answer, want[method])
		}
		if status, _, answer := do(t, request(t, method, deaf.url+"/events/s3", nil)); status != 404 {
			t.Errorf("%s without a secret set: got %d %s, want 404", method, status, answer)
		}
	}
	for _, authorization := range []string{"", "Bearer", "Bearer ", "Basic Og==", storeSecret} {
		if status, _, answer := deaf.notify(t, authorization, event(deaf.store.Bucket, "k")); status != 404 {
			t.Errorf("POST with %q without a secret set: got %d %s, want 404", authorization, status, answer)
		}
	}
}
