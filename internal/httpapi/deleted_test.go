package httpapi_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestDeletedObject checks that reads and lists report that the object of a completed import was deleted by another
// client of the bucket, without a call to S3 for it, and that they report it no more if the object is uploaded again.
func TestDeletedObject(t *testing.T) {
	counter := &callCounter{}
	cfg := storetest.Open(t).AWS.Copy()
	cfg.HTTPClient = &http.Client{Transport: counter}
	s := start(t, settings{aws: &cfg, downloads: true})
	job := s.create(t, client.ImportRequest{})
	check := func(when string, deleted bool) {
		t.Helper()
		counter.take()
		got := s.read(t, job.ID)
		want := calls{"GET jobs": 1, "HEAD imports": 1}
		if deleted { // the first may be older than the record
			want["HEAD imports"] = 2
		}
		if calls := counter.take(); !maps.Equal(calls, want) {
			t.Errorf("read %s: got %v calls to S3, want %v", when, calls, want)
		}
		if got.Status != client.ImportStatusCompleted || got.Object.Deleted != deleted || (got.DownloadURL == "") != deleted {
			t.Errorf("read %s: got %+v of %+v, want it completed, deleted: %t, and a download_url only if it exists",
				when, got.Object, got, deleted)
		}
		list, err := s.ListImportsWithResponse(t.Context(), &client.ListImportsParams{Limit: new(int32(1))})
		if err != nil || list.JSON200 == nil || len(list.JSON200.Imports) != 1 ||
			list.JSON200.Imports[0].Object.Deleted != deleted {
			t.Errorf("list %s: got %s, %v, want deleted: %t", when, list.Body, err, deleted)
		}
	}
	upload := func() {
		t.Helper()
		if status, code := send(t, *job.Upload, []byte("12345")); status != 200 {
			t.Fatalf("upload: got %d %s", status, code)
		}
	}
	upload()
	s.read(t, job.ID) // records the status
	check("after the upload", false)
	if _, err := s.s3().DeleteObject(t.Context(), &s3.DeleteObjectInput{
		Bucket: &job.Object.Bucket, Key: &job.Object.Key,
	}); err != nil {
		t.Fatal(err)
	}
	check("after the deletion", true)
	upload()
	s.read(t, job.ID)
	check("after another upload", false)
}
