package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/openapi"
)

// newKeys returns an authenticator of callers by name, and the key of each.
func newKeys(t *testing.T, scopes map[string]auth.Scope) (authenticate auth.Authenticator, keys map[string]string) {
	t.Helper()
	var lines strings.Builder
	keys = map[string]string{}
	for name, scope := range scopes {
		key, line, err := auth.NewKey(name, scope)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = key
		fmt.Fprintln(&lines, line)
	}
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	opened, err := auth.OpenKeys(path, path)
	if err != nil {
		t.Fatal(err)
	}
	return auth.New(opened, nil, false), keys
}

// startAuthenticated starts a service that requires API keys, and returns the keys.
func startAuthenticated(t *testing.T, scopes map[string]auth.Scope) (*service, map[string]string) {
	authenticate, keys := newKeys(t, scopes)
	options := func(o *httpapi.Options) { o.Authenticate = authenticate }
	return start(t, settings{remoteClient: true, options: options}), keys
}

// as sends a request with a key. An empty body means none.
func (s *service) as(t *testing.T, key, method, path, body string) (int, http.Header, string) {
	t.Helper()
	r := request(t, method, s.url+path, nil)
	if body != "" {
		r = request(t, method, s.url+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	return do(t, r)
}

// withID returns an operation's path with an unknown id.
func withID(path string) string {
	return strings.ReplaceAll(path, "{id}", "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55")
}

// TestOperationsRequireScopes checks that every operation requires a key with its scope, and that other paths need
// none.
func TestOperationsRequireScopes(t *testing.T) {
	scopes := map[string]auth.Scope{"create": auth.Create, "read": auth.Read, "delete": auth.Delete}
	s, keys := startAuthenticated(t, scopes)
	for _, o := range openapi.Operations {
		hasCode := func(body, code string) bool { return codeOf(body) == code || o.Method == "HEAD" && body == "" }
		status, header, body := s.as(t, "", o.Method, withID(o.Path), "")
		if status != 401 || header.Get("WWW-Authenticate") == "" || !hasCode(body, "unauthenticated") {
			t.Errorf("%s without a key: got %d %q %s, want 401", o.ID, status, header.Get("WWW-Authenticate"), body)
		}
		if status, _, body := s.as(t, "signpost_"+strings.Repeat("A", 43), o.Method, withID(o.Path), ""); status != 401 {
			t.Errorf("%s with an unknown key: got %d %s, want 401", o.ID, status, body)
		}
		for name, key := range keys {
			status, _, body := s.as(t, key, o.Method, withID(o.Path), "")
			if allowed := name == o.Scope; allowed == (status == 403 || status == 401) ||
				!allowed && !hasCode(body, "scope-missing") {
				t.Errorf("%s with the scope %s: got %d %s; it needs %s", o.ID, name, status, body, o.Scope)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/openapi.yaml", "/docs"} {
		if status, _, body := s.as(t, "", "GET", path, ""); status != 200 {
			t.Errorf("GET %s without a key: got %d %s, want 200", path, status, body)
		}
	}
	if log := s.log.String(); strings.Contains(log, "signpost_") {
		t.Error("a key is in the log")
	}
}

// TestOwners checks that another owner's import does not exist for any operation, and causes the same store calls as
// an unknown id.
func TestOwners(t *testing.T) {
	s, keys := startAuthenticated(t, map[string]auth.Scope{"alice": auth.All, "mallory": auth.All})
	_, _, created := s.as(t, keys["alice"], "POST", "/import", `{"mode":"multipart","size":10485760,"part_size":5242880}`)
	var job client.Import
	if err := json.Unmarshal([]byte(created), &job); err != nil || job.ID == "" {
		t.Fatalf("create: %v %s", err, created)
	}
	if want := "imports/key-alice/" + job.ID; job.Object.Key != want {
		t.Errorf("key: got %s, want %s", job.Object.Key, want)
	}
	for _, o := range openapi.Operations {
		if !strings.Contains(o.Path, "{id}") || o.Method == "HEAD" { // see TestHead
			continue
		}
		body := ""
		if o.ID == "signParts" {
			body = `{"part_numbers":[1]}`
		}
		status, header, theirs := s.as(t, keys["mallory"], o.Method, strings.ReplaceAll(o.Path, "{id}", job.ID), body)
		_, _, unknown := s.as(t, keys["mallory"], o.Method, withID(o.Path), body)
		same := func(body string) string {
			var p client.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Errorf("%s: %v %s", o.ID, err, body)
			}
			p.RequestID, p.Instance = "", ""
			text, _ := json.Marshal(p)
			return string(text)
		}
		if status != 404 || same(theirs) != same(unknown) || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s on another's import: got %d %s, want the same as for an unknown id: %s", o.ID, status, theirs, unknown)
		}
	}
	if _, _, list := s.as(t, keys["mallory"], "GET", "/import?cursor="+job.ID, ""); strings.Contains(list, `"id"`) {
		t.Errorf("another's list: got %s, want nothing", list)
	}
	if status, _, list := s.as(t, keys["alice"], "GET", "/import", ""); status != 200 || !strings.Contains(list, job.ID) {
		t.Errorf("her own list: got %d %s, want her import", status, list)
	}
	if status, _, body := s.as(t, keys["alice"], "DELETE", "/import/"+job.ID, ""); status != 204 {
		t.Errorf("delete: got %d %s, want 204", status, body)
	}
}

// TestAudit checks the audit log lines of operations that create, change or hand out something, and of rejected
// callers.
func TestAudit(t *testing.T) {
	authenticate, keys := newKeys(t, map[string]auth.Scope{"alice": auth.All, "reader": auth.Read})
	s := start(
		t,
		settings{remoteClient: true, downloads: true, options: func(o *httpapi.Options) { o.Authenticate = authenticate }},
	)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	_, _, created := s.as(t, keys["alice"], "POST", "/import", `{"size":5}`)
	var job client.Import
	if err := json.Unmarshal([]byte(created), &job); err != nil || job.Upload == nil {
		t.Fatalf("create: %v %s", err, created)
	}
	if status, code := send(t, *job.Upload, []byte("12345")); status != 200 {
		t.Fatalf("upload: got %d %s", status, code)
	}
	id := job.ID
	s.as(t, keys["alice"], "POST", "/import", "")
	s.as(t, keys["alice"], "POST", "/import", `{"size":5,"expires_in":604800}`)
	s.as(t, keys["alice"], "GET", "/import/"+id, "")
	s.as(t, keys["alice"], "POST", "/import/"+id+"/complete", "")
	s.as(t, keys["alice"], "DELETE", "/import/"+id, "")
	s.as(t, keys["reader"], "DELETE", "/import/"+id, "")
	s.as(t, "wrong", "DELETE", "/import/"+id, "")
	r := request(t, "GET", s.url+"/import/"+id, nil)
	r.Header.Set("Traceparent", trace)
	do(t, r)

	type line struct {
		Owner   string `json:"owner"`
		TraceID string `json:"trace_id"`
		Parent  string `json:"parent_id"`
		ID      string `json:"request_id"`

		Audit, Outcome, Import, Reason string
		Size                           *int64
	}
	var got []string
	var last line
	for text := range strings.Lines(s.log.String()) {
		last = line{}
		if err := json.Unmarshal([]byte(text), &last); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if a := last; a.Audit != "" {
			size := "-"
			if a.Size != nil {
				size = fmt.Sprint(*a.Size)
			}
			if last.ID == "" {
				t.Errorf("no request_id: %s", text)
			}
			got = append(
				got,
				strings.Join([]string{last.Owner, a.Audit, strings.ReplaceAll(a.Import, id, "ID"), size, a.Outcome, a.Reason}, " "),
			)
		}
	}
	want := []string{
		"key-alice create ID 5 done ",
		"key-alice create  - done ", // with an id of its own
		"key-alice create  - expiry-too-long ",
		"key-alice download ID 5 done ",
		"key-alice complete ID 5 done ",
		"key-alice abort ID - done ",
		"key-reader authorize  - scope-missing scope-missing",
		" authenticate  - unauthenticated unknown-key",
		" authenticate  - unauthenticated none",
	}
	for i := range min(len(got), len(want)) {
		if i == 1 && strings.HasPrefix(got[i], "key-alice create 0") {
			continue // an untracked import's id
		}
		if got[i] != want[i] {
			t.Errorf("line %d: got %q, want %q", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d audit lines, want %d: %q", len(got), len(want), got)
	}
	if last.TraceID != "4bf92f3577b34da6a3ce929d0e0e4736" || last.Parent != "00f067aa0ba902b7" {
		t.Errorf("trace: got %s %s, want that of %s", last.TraceID, last.Parent, trace)
	}
}

// TestIdentityUnavailable checks that a caller whose identity cannot be checked receives a 503.
func TestIdentityUnavailable(t *testing.T) {
	away := func(*http.Request) (auth.Caller, error) {
		return auth.Caller{}, fmt.Errorf("%w: %w", auth.ErrUnavailable, errors.New("no route to host"))
	}
	s := start(t, settings{options: func(o *httpapi.Options) { o.Authenticate = away }})
	status, header, body := s.post(t, "", "")
	if status != 503 || codeOf(body) != "identity-unavailable" || header.Get("Retry-After") == "" ||
		strings.Contains(body, "route") {
		t.Errorf("got %d %v %s, want 503 identity-unavailable with Retry-After", status, header, body)
	}
}

// codeOf returns the code of a problem document.
func codeOf(body string) string {
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(body), &p)
	return p.Code
}

// TestSignedRequestsNeedScopes checks that no response contains a signed request that the caller's scopes do not
// permit.
func TestSignedRequestsNeedScopes(t *testing.T) {
	authenticate, keys := owned(t, "alice", auth.All, auth.Create, auth.Read)
	key := uuid.NewString() // tests that run twice share a bucket
	s := start(
		t,
		settings{remoteClient: true, downloads: true, options: func(o *httpapi.Options) { o.Authenticate = authenticate }},
	)
	ask := func(scope auth.Scope, method, path string, uploads, downloads bool) (job client.Import) {
		t.Helper()
		r, want := request(t, method, s.url+path, nil), 200
		if path == "/import" {
			want = 201
			r = request(t, method, s.url+path, strings.NewReader(`{"size":5}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", key)
		}
		r.Header.Set("X-Api-Key", keys[scope])
		status, _, body := do(t, r)
		if err := json.Unmarshal([]byte(body), &job); err != nil || status != want {
			t.Fatalf("%s %s with the scope %s: got %d %s, want %d", method, path, scope, status, body, want)
		}
		if (job.Upload != nil) != uploads || (job.UploadURL != "") != uploads || (job.DownloadURL != "") != downloads {
			t.Errorf("%s %s with the scope %s: got %s, want an upload: %t, a download: %t", method, path, scope,
				body, uploads, downloads)
		}
		return job
	}
	job := ask(auth.Create, "POST", "/import", true, false)
	one := "/import/" + job.ID
	ask(auth.Read, "GET", one, false, false)
	ask(auth.All, "GET", one, true, false)
	if status, code := send(t, *job.Upload, []byte("12345")); status != 200 {
		t.Fatalf("upload: got %d %s", status, code)
	}
	ask(auth.Create, "POST", "/import", false, false)
	ask(auth.Create, "POST", one+"/complete", false, false)
	ask(auth.All, "POST", one+"/complete", false, true)
	ask(auth.Read, "GET", one, false, true)
}

// owned returns keys of one owner, by their scopes.
func owned(t *testing.T, owner string, scopes ...auth.Scope) (auth.Authenticator, map[auth.Scope]string) {
	t.Helper()
	path, keys := filepath.Join(t.TempDir(), "keys"), map[auth.Scope]string{}
	for _, scope := range scopes {
		key, line, err := auth.NewKey(owner, scope)
		if err != nil {
			t.Fatal(err)
		}
		if err := auth.AppendKey(path, line); err != nil {
			t.Fatal(err)
		}
		keys[scope] = key
	}
	opened, err := auth.OpenKeys(path, path)
	if err != nil {
		t.Fatal(err)
	}
	return auth.New(opened, nil, false), keys
}
