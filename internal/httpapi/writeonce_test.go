package httpapi_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/imports"
)

// TestReplacedAfterCompletion checks that the URL of a completed single upload can replace the object, unless the
// operator made uploads write-once. A receiver that fetches with If-Match and the completion's ETag never gets the
// replacement.
func TestReplacedAfterCompletion(t *testing.T) {
	for _, once := range []bool{false, true} {
		s := start(t, settings{limits: imports.Limits{WriteOnce: once}})
		job := s.create(t, client.ImportRequest{})
		header := map[string]string(job.Upload.Headers)["if-none-match"]
		if (header == "*") != once {
			t.Errorf("WriteOnce %t: got If-None-Match %q", once, header)
		}
		if status, code := send(t, *job.Upload, []byte("declared")); status != 200 {
			t.Fatalf("WriteOnce %t: upload: got %d %s, want 200", once, status, code)
		}
		done := s.read(t, job.ID)
		if done.Status != client.ImportStatusCompleted {
			t.Fatalf("WriteOnce %t: got %s, want completed", once, done.Status)
		}
		stripped := *job.Upload
		stripped.Headers = map[string]string{}
		for _, again := range []client.UploadRequest{*job.Upload, stripped} {
			if status, code := send(t, again, []byte("replaced")); (status == 200) == once {
				t.Errorf("WriteOnce %t: second upload with %v: got %d %s", once, again.Headers, status, code)
			}
		}
		_, err := s.s3().GetObject(t.Context(), &s3.GetObjectInput{
			Bucket: &s.store.Bucket, Key: &done.Object.Key, IfMatch: &done.Object.ETag,
		})
		if replaced := err != nil && strings.Contains(err.Error(), "PreconditionFailed"); replaced == once ||
			err != nil && !replaced {
			t.Errorf("WriteOnce %t: fetch with If-Match: got %v", once, err)
		}
	}
}

// TestWriteOnceOfOthers checks that forms and multipart uploads work if the operator made single uploads write-once.
func TestWriteOnceOfOthers(t *testing.T) {
	s := start(t, settings{limits: imports.Limits{WriteOnce: true}})
	form := s.create(t, client.ImportRequest{Mode: formMode})
	multipart := s.create(t, client.ImportRequest{Mode: multipartMode})
	if form.Upload == nil || form.Upload.Method != "POST" || multipart.Multipart == nil {
		t.Errorf("got %+v and %+v, want a form and a multipart upload", form, multipart)
	}
}
