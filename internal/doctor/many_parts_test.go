package doctor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// smallParts acts as a store that accepts small parts: it completes uploads of up to limit parts of one byte. The local
// store refuses to complete such parts, as S3 does.
func smallParts(t *testing.T, store *localstore.Store, limit int) doer {
	client := s3.NewFromConfig(store.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	var mu sync.Mutex
	parts := map[string]int{} // number of parts of one byte, by upload id
	complete := func(ctx context.Context, key, upload string, size int) {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(store.Bucket()), Key: &key, Body: bytes.NewReader(make([]byte, size)),
		})
		if err != nil {
			t.Error(err)
		}
		if _, err := client.AbortMultipartUpload(ctx,
			&s3.AbortMultipartUploadInput{Bucket: aws.String(store.Bucket()), Key: &key, UploadId: &upload}); err != nil {
			t.Error(err)
		}
	}
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		upload := r.URL.Query().Get("uploadId")
		put := r.Method == http.MethodPut && r.ContentLength == 1
		if put {
			parts[upload]++
		}
		size := parts[upload]
		switch {
		case upload == "" || size == 0 || r.Method == http.MethodDelete:
			return http.DefaultClient.Do(r)
		case put:
			return respond(r, 200, "")
		case r.Method == http.MethodGet:
			return respond(r, 200, "<ListPartsResult>"+listOfParts(size)+"</ListPartsResult>")
		case size > limit:
			return respondError(r, http.StatusInsufficientStorage, "InsufficientStorage")
		}
		complete(r.Context(), strings.TrimPrefix(r.URL.Path, "/"+store.Bucket()+"/"), upload, size)
		return respond(r, 200, "<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>")
	}
}

func listOfParts(count int) string {
	var list strings.Builder
	for n := range count {
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>1</ETag><Size>1</Size></Part>", n+1)
	}
	return list.String()
}

// TestManyParts: on a store that accepts small parts, doctor completes an upload of 1,000. Otherwise the finding states
// what was not checked.
func TestManyParts(t *testing.T) {
	store := startStore(t)
	for _, c := range []struct {
		limit int
		mark  Mark
		found string
	}{
		{0, Fail, "two parts of one byte: InsufficientStorage"},
		{999, Fail, "1000 parts: InsufficientStorage"},
		{1000, Pass, "1000 parts of one byte completed"},
		{-1, Skip, "the store rejects small parts, and 1000 large ones would take 5 GB"},
	} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			settings := store.AWSConfig()
			if c.limit >= 0 {
				settings.HTTPClient = smallParts(t, store, c.limit)
			}
			selected := selectChecks("credentials", "bucket", "many parts")
			got := examineChecks(t, t.Context(), testOptions(store), settings, selected)["many parts"]
			if got.Mark != c.mark || !strings.Contains(got.Found, c.found) {
				t.Errorf("many parts: got %+v, want %s %q", got, c.mark, c.found)
			}
		})
	}
	expectEmptyBucket(t, store)
}
