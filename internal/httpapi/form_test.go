package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/imports"
)

const formMode = client.ImportRequestModeForm

// TestForm uploads like a browser's form, with all declarations and an unknown length.
func TestForm(t *testing.T) {
	s := start(t, settings{})
	content := []byte("from a form")
	for name, body := range map[string]client.ImportRequest{
		"nothing":  {},
		"size":     {Size: new(int64(len(content)))},
		"type":     {ContentType: "text/csv"},
		"filename": {Filename: "Ζωή.csv"},
		"metadata": {Metadata: map[string]string{"order": "42"}},
		"checksum": {Checksum: checksum("sha256", content)},
	} {
		t.Run(name, func(t *testing.T) {
			body.Mode = formMode
			job := s.create(t, body)
			if job.Upload.Method != "POST" || job.UploadURL != "" || strings.Contains(job.Upload.URL, "?") {
				t.Fatalf("create: got %+v, want a form to post to the bucket", job.Upload)
			}
			if status, answer := post(t, *job.Upload, content); status != 201 {
				t.Fatalf("upload: got %d %s, want 201", status, answer)
			}
			done := s.read(t, job.ID)
			if done.Status != client.ImportStatusCompleted || *done.Size != int64(len(content)) {
				t.Fatalf("read: got %+v, want completed", done)
			}
			if done.Checksum != nil && !done.Checksum.Verified {
				t.Errorf("checksum: got %+v, want it verified", done.Checksum)
			}
			object := s.stored(t, done.Object.Key)
			if got := read(t, object.Body); !bytes.Equal(got, content) {
				t.Errorf("stored: got %q, want %q", got, content)
			}
			if body.ContentType != "" && *object.ContentType != body.ContentType ||
				body.Metadata != nil && object.Metadata["order"] != "42" {
				t.Errorf("stored: got %s %v, want what was declared", *object.ContentType, object.Metadata)
			}
		})
	}
}

// TestTamperedForm is TestTamperedUpload for forms.
func TestTamperedForm(t *testing.T) {
	content := []byte("exactly these bytes")
	s := start(t, settings{limits: imports.Limits{MaxSize: int64(len(content))}})
	field := func(name, value string) func(map[string]string) {
		return func(f map[string]string) { f[name] = value }
	}
	for _, c := range []struct {
		name string
		edit func(map[string]string)
		body []byte
	}{
		{"another key", field("key", "imports/public/mine"), content},
		{"another type", field("Content-Type", "text/html"), content},
		{"no type", func(f map[string]string) { delete(f, "Content-Type") }, content},
		{"other metadata", field("x-amz-meta-order", "43"), content},
		{"more metadata", field("x-amz-meta-admin", "true"), content},
		{"redirect", field("success_action_redirect", "https://example.com"), content},
		{"public to all", field("acl", "public-read"), content},
		{"no signature", func(f map[string]string) { delete(f, "x-amz-signature") }, content},
		{"another signature", field("x-amz-signature", strings.Repeat("0", 64)), content},
		{"no policy", func(f map[string]string) { delete(f, "policy") }, content},
		{"longer life", func(f map[string]string) { f["policy"] = extended(t, f["policy"]) }, content},
		{"one byte more", nil, append(bytes.Clone(content), '!')},
		{"other bytes", nil, bytes.ToUpper(content)},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := s.create(
				t,
				client.ImportRequest{
					Mode:        formMode,
					ContentType: "text/plain",
					Metadata:    map[string]string{"order": "42"},
					Checksum:    checksum("sha256", content),
				},
			)
			if c.edit != nil {
				c.edit(job.Upload.Fields)
			}
			if status, answer := post(t, *job.Upload, c.body); status < 400 || status >= 500 {
				t.Errorf("got %d %s, want a refusal", status, answer)
			}
			if s.stored(t, job.Object.Key) != nil || s.stored(t, "imports/public/mine") != nil {
				t.Error("the store kept an object")
			}
		})
	}
}

// TestFormLength checks that the policy limits the length: exactly to a declared size, otherwise to the service's
// limit.
func TestFormLength(t *testing.T) {
	s := start(t, settings{limits: imports.Limits{MaxSize: 10}})
	for _, c := range []struct {
		size   *int64
		length int
		status int
		code   string
	}{
		{nil, 0, 201, ""},
		{nil, 10, 201, ""},
		{nil, 11, 400, "EntityTooLarge"},
		{new(int64(7)), 6, 400, "EntityTooSmall"},
		{new(int64(7)), 7, 201, ""},
		{new(int64(7)), 8, 400, "EntityTooLarge"},
		{new(int64(0)), 0, 201, ""},
		{new(int64(0)), 1, 400, "EntityTooLarge"},
	} {
		job := s.create(t, client.ImportRequest{Mode: formMode, Size: c.size})
		status, answer := post(t, *job.Upload, bytes.Repeat([]byte("x"), c.length))
		if status != c.status || storeCode(answer) != c.code {
			t.Errorf("size %v, %d bytes: got %d %s, want %d %s", job.Size, c.length, status, answer, c.status, c.code)
		}
		if (s.stored(t, job.Object.Key) != nil) != (c.status == 201) {
			t.Errorf("size %v, %d bytes: stored or not, contrary to the answer", job.Size, c.length)
		}
	}
}

// post sends u as a multipart form whose last field is content as the file.
func post(t *testing.T, u client.UploadRequest, content []byte) (int, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range maps.All(u.Fields) {
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	file, err := form.CreateFormFile("file", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(content)
	form.Close()
	r := request(t, http.MethodPost, u.URL, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	status, _, answer := do(t, r)
	return status, answer
}

// extended returns a policy that expires a hundred years later.
func extended(t *testing.T, policy string) string {
	t.Helper()
	document, err := base64.StdEncoding.DecodeString(policy)
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := json.Unmarshal(document, &p); err != nil {
		t.Fatal(err)
	}
	p["expiration"] = "2126-01-01T00:00:00.000Z"
	if document, err = json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(document)
}
