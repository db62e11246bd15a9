package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestRelativePath: a relative path is shown by each read, and is no part of the object and its key.
func TestRelativePath(t *testing.T) {
	s := start(t, settings{})
	for _, path := range []string{
		"a", "photos/2026/a b.jpg", "100 %/%2F/..%2e", "😀/👩‍👩‍👧.jpg", "é/Ångström", ".hidden/..a/.../a.", "C:/x", " /~/$(x)",
		"تقرير/文件", strings.Repeat("é", 512), strings.Repeat("x/", 511) + "xx", "b" + strings.Repeat("\u0316", 40),
	} {
		job := s.create(t, client.ImportRequest{RelativePath: path})
		if status, code := send(t, *job.Upload, []byte("x")); status != 200 {
			t.Fatalf("upload %q: got %d %s, want 200", path, status, code)
		}
		done := s.read(t, job.ID)
		page, err := s.ListImportsWithResponse(t.Context(), &client.ListImportsParams{Limit: new(int32(100))})
		if err != nil || page.JSON200 == nil {
			t.Fatalf("list: got %+v, %v, want imports", page, err)
		}
		// Other tests may have made newer ones in the same bucket.
		at := slices.IndexFunc(page.JSON200.Imports, func(listed client.Import) bool { return listed.ID == job.ID })
		if at < 0 {
			t.Fatalf("list: got %+v, want import %s", page.JSON200.Imports, job.ID)
		}
		for call, job := range map[string]client.Import{"create": job, "read": done, "list": page.JSON200.Imports[at]} {
			if job.RelativePath != path {
				t.Errorf("%s: got relative path %+v, want %q", call, job.RelativePath, path)
			}
		}
		object := s.stored(t, done.Object.Key)
		if len(object.Metadata) > 0 || object.ContentDisposition != nil || done.Object.Key != "imports/public/"+job.ID {
			t.Errorf("%q: stored as %s with metadata %v and Content-Disposition %v, want a key without it and none",
				path, done.Object.Key, object.Metadata, object.ContentDisposition)
		}
	}
	if job := s.create(t, client.ImportRequest{}); job.RelativePath != "" {
		t.Errorf("no relative path: got %q", job.RelativePath)
	}
}

// TestInvalidRelativePaths: an invalid relative path is refused, and the response says why.
func TestInvalidRelativePaths(t *testing.T) {
	s := start(t, settings{})
	const (
		form = "must be a path of the file in its folder, such as " +
			"`photos/2026/a.jpg`, without empty, `.` and `..` segments, backslashes and control characters"
		normalize = "must be in Unicode normalization form NFC; normalize it before the call"
	)
	cases := map[string]string{
		"":                             "must not be empty",
		strings.Repeat("x", 1025):      "must have at most 1024 characters",
		strings.Repeat("é", 512) + "x": "must have at most 1024 bytes in UTF-8, but has 1025",
		"e\u0301.jpg":                  normalize,
		norm.NFD.String("Größe/a"):     normalize,
	}
	for _, path := range []string{
		"/a", "a/", "a//b", "/", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", `a\b`, "a\x00", "a\nb", "a\x7f",
		"a\u0085b", "a\u009b",
	} {
		cases[path] = form
	}
	for path, want := range cases {
		body, err := json.Marshal(map[string]string{"relative_path": path})
		if err != nil {
			t.Fatal(err)
		}
		status, header, answer := s.post(t, "application/json", string(body))
		if status != http.StatusBadRequest {
			t.Errorf("%.20q: got %d %s, want 400", path, status, answer)
			continue
		}
		p := problem(t, header, answer)
		if len(p.Errors) == 0 || p.Errors[0].Pointer != "/relative_path" || p.Errors[0].Detail != want {
			t.Errorf("%.20q: got %s, want /relative_path %s", path, answer, want)
		}
	}
}

// TestRelativePathIdempotency: imports with different relative paths are different imports.
func TestRelativePathIdempotency(t *testing.T) {
	s := start(t, settings{})
	key := &client.CreateImportParams{IdempotencyKey: new(uuid.NewString())}
	create := func(path string) *client.CreateImportResponse {
		t.Helper()
		r, err := s.CreateImportWithResponse(t.Context(), key, client.ImportRequest{RelativePath: path})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, again := create("a/b"), create("a/b")
	if first.JSON201 == nil || again.JSON201 == nil || first.JSON201.ID != again.JSON201.ID {
		t.Errorf("the same path: got %s and %s, want one import", first.Body, again.Body)
	}
	for _, path := range []string{"a/c", ""} {
		if r := create(path); r.StatusCode() != http.StatusUnprocessableEntity {
			t.Errorf("another path: got %s %s, want 422", r.Status(), r.Body)
		}
	}
}
