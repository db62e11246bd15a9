package httpapi_test

import (
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestDownload checks that a completed import has a URL that downloads the file, and nothing else, if the operator
// allows downloads.
func TestDownload(t *testing.T) {
	s := start(t, settings{downloads: true})
	const page = "<script>alert(1)</script>"
	for _, name := range []string{`Ζωή "1".html`, ""} {
		body := client.ImportRequest{ContentType: "text/html"}
		if name != "" {
			body.Filename = name
		}
		job := s.create(t, body)
		if job.DownloadURL != "" || s.read(t, job.ID).DownloadURL != "" {
			t.Errorf("before the upload: got a download_url")
		}
		if status, code := send(t, *job.Upload, []byte(page)); status != 200 {
			t.Fatalf("upload: got %d %s", status, code)
		}
		done := s.read(t, job.ID)
		if done.DownloadURL == "" {
			t.Fatalf("read: got %+v, want a download_url", done)
		}
		status, header, content := do(t, request(t, "GET", done.DownloadURL, nil))
		kind, params, err := mime.ParseMediaType(header.Get("Content-Disposition"))
		want := done.ID
		if name != "" {
			want = name
		}
		if params["filename"] != want {
			t.Errorf("download: got the name %q, want %q", params["filename"], want)
		}
		if status != 200 || content != page || err != nil || kind != "attachment" {
			t.Errorf("download: got %d %q %v, want the file as an attachment", status, content, header)
		}
		inline := strings.Replace(done.DownloadURL, "attachment", "inline", 1)
		if status, _, answer := do(t, request(t, "GET", inline, nil)); status != http.StatusForbidden {
			t.Errorf("download as a page: got %d %s, want 403", status, answer)
		}
	}
	if list, err := s.ListImportsWithResponse(t.Context(), nil); err != nil || list.JSON200 == nil ||
		strings.Contains(string(list.Body), "X-Amz-Signature") {
		t.Errorf("list: got %s, %v, want no signed URL", list.Body, err)
	}
	off := start(t, settings{})
	job := off.create(t, client.ImportRequest{})
	send(t, *job.Upload, []byte(page))
	if done := off.read(t, job.ID); done.Status != client.ImportStatusCompleted || done.DownloadURL != "" {
		t.Errorf("read where downloads are off: got %+v, want no download_url", done)
	}
}

// TestDownloadInParts checks that completing returns the same download URL as reading.
func TestDownloadInParts(t *testing.T) {
	s := start(t, settings{downloads: true})
	id := s.create(t, client.ImportRequest{Mode: multipartMode, Size: new(int64(5))}).ID
	s.sendParts(t, id, []byte("12345"), []int32{1})
	done := s.complete(t, id, client.CompleteRequest{})
	if done.DownloadURL == "" {
		t.Fatalf("complete: got %+v, want a download_url", done)
	}
	if status, _, content := do(t, request(t, "GET", done.DownloadURL, nil)); status != 200 || content != "12345" {
		t.Errorf("download: got %d %q, want the bytes", status, content)
	}
}
