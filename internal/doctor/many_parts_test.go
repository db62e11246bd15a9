package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// smallParts completes uploads of up to limit parts of one byte. The local store refuses such parts, as S3 does.
func smallParts(t *testing.T, store *localstore.Store, limit int) doer {
	client := s3.NewFromConfig(store.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	var mu sync.Mutex
	small := map[string]bool{} // by upload id
	complete := func(ctx context.Context, key, upload string, parts int) error {
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(store.Bucket()), Key: &key, Body: bytes.NewReader(make([]byte, parts)),
		}); err != nil {
			return err
		}
		_, err := client.AbortMultipartUpload(ctx,
			&s3.AbortMultipartUploadInput{Bucket: aws.String(store.Bucket()), Key: &key, UploadId: &upload})
		return err
	}
	return func(r *http.Request) (*http.Response, error) {
		upload := r.URL.Query().Get("uploadId")
		if r.Method == http.MethodPut && upload != "" {
			mu.Lock()
			small[upload] = r.ContentLength == 1
			mu.Unlock()
		}
		mu.Lock()
		completes := r.Method == http.MethodPost && small[upload]
		mu.Unlock()
		if !completes {
			return http.DefaultClient.Do(r)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		parts := bytes.Count(body, []byte("<Part>"))
		if parts > limit {
			return respondError(r, http.StatusInsufficientStorage, "InsufficientStorage")
		}
		if err := complete(r.Context(), strings.TrimPrefix(r.URL.Path, "/"+store.Bucket()+"/"), upload, parts); err != nil {
			t.Error(err)
		}
		return respond(r, 200, "<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>")
	}
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
		{-1, Skip, "the store refuses small parts, so 1000 of them take at least 5 GB: not checked above 2 parts"},
	} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			settings := store.AWSConfig()
			if c.limit >= 0 {
				settings.HTTPClient = smallParts(t, store, c.limit)
			}
			if got := examine(t, t.Context(), testConfig(store), settings)["many parts"]; got.Mark != c.mark ||
				!strings.Contains(got.Found, c.found) {
				t.Errorf("many parts: got %+v, want %s %q", got, c.mark, c.found)
			}
		})
	}
	expectEmptyBucket(t, store)
}
