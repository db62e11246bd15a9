package localstore_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// put stores content under key and returns its ETag.
func put(t *testing.T, s *localstore.Store, key, content string) string {
	t.Helper()
	out, err := client(s).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(s.Bucket()), Key: &key, Body: strings.NewReader(content),
	})
	if err != nil {
		t.Fatalf("PutObject %s: %v", key, err)
	}
	return aws.ToString(out.ETag)
}

func TestWriteOnceByURL(t *testing.T) {
	s := start(t, t.TempDir())
	once := http.Header{"If-None-Match": {"*"}}
	for _, want := range []int{http.StatusOK, http.StatusPreconditionFailed} {
		req := presignWith(t, s, s.Credentials(), "PUT", "k", time.Now(), "900", once)
		if status, code, _ := send(t, req); status != want {
			t.Errorf("PUT = %d %s, want %d", status, code, want)
		}
	}
	bare := presignWith(t, s, s.Credentials(), "PUT", "k", time.Now(), "900", once)
	bare.Header.Del("If-None-Match")
	if status, code, _ := send(t, bare); status != http.StatusForbidden {
		t.Errorf("PUT without the signed header = %d %s, want 403", status, code)
	}
}

func TestWriteOnceRace(t *testing.T) {
	s := start(t, t.TempDir())
	c := client(s)
	codes := make([]string, 8)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(s.Bucket()), Key: aws.String("k"), IfNoneMatch: aws.String("*"),
				Body: strings.NewReader(strings.Repeat(string(rune('a'+i)), 1000)),
			})
			if codes[i] = "won"; err != nil {
				codes[i] = apiCode(err)
			}
		})
	}
	wg.Wait()
	count := map[string]int{}
	for _, code := range codes {
		count[code]++
	}
	// S3 may also return ConditionalRequestConflict to concurrent writers.
	if count["won"] != 1 || count["PreconditionFailed"]+count["ConditionalRequestConflict"] != 7 {
		t.Errorf("outcomes = %v, want one winner of 8", count)
	}
	if got, _ := stored(t, s, "k"); len(got) != 1000 || strings.Count(got, got[:1]) != 1000 {
		t.Errorf("stored is not one writer's content: %.20q…", got)
	}
}

func TestReplaceByETag(t *testing.T) {
	s := start(t, t.TempDir())
	first := put(t, s, "k", "one")
	replace := func(etag, content string) string {
		_, err := client(s).PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(s.Bucket()), Key: aws.String("k"), IfMatch: &etag, Body: strings.NewReader(content),
		})
		return apiCode(err)
	}
	if code := replace(first, "two"); code != "" {
		t.Errorf("replace by the right ETag = %s", code)
	}
	if code := replace(first, "three"); code != "PreconditionFailed" {
		t.Errorf("replace by a stale ETag = %q, want PreconditionFailed", code)
	}
	if got, _ := stored(t, s, "k"); got != "two" {
		t.Errorf("content = %q, want two", got)
	}
}
