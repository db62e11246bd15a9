package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/server"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// newService returns the whole service on a store in memory.
func newService(ctx context.Context, log *slog.Logger) (*server.Server, error) {
	server.Tune(os.Getenv("GOGC"))
	store := &storetest.Memory{}
	return server.New(ctx, config.Config{
		Listen: "127.0.0.1:0", Bucket: storetest.MemoryBucket, PathStyle: true, URLTTL: time.Hour, JobTTL: 168 * time.Hour,
	}, store.AWS(store), log, "bench")
}

// post calls the handler with a JSON body, and returns the response's body.
func post(b testing.TB, h http.Handler, path, body string) []byte {
	r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code/100 != 2 {
		b.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// BenchmarkParts compares 1,000 part URLs, with all that the handler does, with as many signatures of the SDK.
func BenchmarkParts(b *testing.B) {
	const parts = 1000
	b.Run("signpost", func(b *testing.B) {
		s, err := newService(b.Context(), slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		var job struct{ ID string }
		body := fmt.Sprintf(`{"mode":"multipart","size":%d,"part_size":%d}`, parts<<24, 1<<24)
		if err := json.Unmarshal(post(b, s.Handler, "/import", body), &job); err != nil {
			b.Fatal(err)
		}
		sign := func() { post(b, s.Handler, "/import/"+job.ID+"/parts", `{"first":1,"count":1000}`) }
		allocations := testing.AllocsPerRun(20, sign)
		for b.Loop() {
			sign()
		}
		b.ReportMetric(allocations/parts, "allocs/part")
	})
	b.Run("sdk", func(b *testing.B) {
		keys := credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")
		client := s3.NewPresignClient(s3.New(s3.Options{Region: "us-east-1", Credentials: keys}))
		bucket, key := "bucket", "imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
		for b.Loop() {
			for n := range int32(parts) {
				_, err := client.PresignUploadPart(b.Context(), &s3.UploadPartInput{
					Bucket: &bucket, Key: &key, UploadId: &key,
					PartNumber: aws.Int32(n + 1), ContentLength: aws.Int64(1 << 24),
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
