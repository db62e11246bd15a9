package httpapi_test

import (
	"bytes"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestHead checks that HEAD has the status and the headers of GET, and no body.
func TestHead(t *testing.T) {
	s := start(t, settings{downloads: true})
	awaited, completed := s.create(t, client.ImportRequest{}), s.create(t, client.ImportRequest{})
	s.put(t, completed)
	tag := tagOf(t, s.get(t, awaited.ID, -1, ""))
	for _, c := range []struct {
		name, path, tag string
		status          int
	}{
		{"awaited", awaited.ID, "", 200},
		{"completed", completed.ID, "", 200},
		{"a known ETag", awaited.ID, tag, 304},
		{"another ETag", awaited.ID, `W/"other"`, 200},
		{"an unknown id", withID("{id}"), "", 404},
		{"no id", "x", "", 404},
		{"an invalid wait", awaited.ID + "?wait=26", "", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask := func(method string) (int, http.Header, string) {
				r := request(t, method, s.url+"/import/"+c.path, nil)
				if c.tag != "" {
					r.Header.Set("If-None-Match", c.tag)
				}
				status, header, body := do(t, r)
				for _, name := range []string{"Date", "X-Request-Id", "Content-Length"} {
					header.Del(name)
				}
				return status, header, body
			}
			_, want, _ := ask("GET")
			status, header, body := ask("HEAD")
			if status != c.status || body != "" {
				t.Errorf("HEAD: got %d %q, want %d without a body", status, body, c.status)
			}
			if !maps.EqualFunc(header, want, func(a, b []string) bool { return strings.Join(a, "") == strings.Join(b, "") }) {
				t.Errorf("HEAD: got headers %v, want those of GET: %v", header, want)
			}
		})
	}
	if audited := bytes.Count([]byte(s.log.String()), []byte(`"download"`)); audited != 1 {
		t.Errorf("the log has %d downloads, want 1: HEAD returns no URL\n%s", audited, s.log)
	}
}

// TestLocation checks that only the response to a tracked create names the import's path.
func TestLocation(t *testing.T) {
	s := start(t, settings{})
	for _, mode := range []client.ImportRequestMode{"auto", "single", "multipart", "form"} {
		r, err := s.CreateImportWithResponse(t.Context(), nil, client.ImportRequest{Mode: mode})
		if err != nil || r.JSON201 == nil {
			t.Fatalf("create: got %v %s", err, r.Body)
		}
		want := map[client.ImportRequestMode]client.ImportMode{"auto": "single"}[mode]
		if want == "" {
			want = client.ImportMode(mode)
		}
		if got, path := r.HTTPResponse.Header.Get("Location"), "/import/"+r.JSON201.ID; got != path {
			t.Errorf("mode %s: got Location %q, want %q", mode, got, path)
		}
		if read := s.read(t, r.JSON201.ID); r.JSON201.Mode != want || read.Mode != want {
			t.Errorf("mode %s: got %s, and %s when read, want %s", mode, r.JSON201.Mode, read.Mode, want)
		}
	}
	if _, header, _ := s.post(t, "", ""); header.Get("Location") != "" {
		t.Errorf("untracked: got Location %q, want none", header.Get("Location"))
	}
}
