package frontend

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// allow gives the bucket the only CORS rule that Uppy needs of any store: it sends the signed headers, which include
// If-None-Match for write-once uploads, and reads the ETag. (This store exposes ETags to every page; others need a
// rule.)
func (s service) allow(t *testing.T, origin string) {
	t.Helper()
	_, err := s.store(t).PutBucketCors(t.Context(), &s3.PutBucketCorsInput{
		Bucket: new(bucket),
		CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{
			AllowedOrigins: []string{origin},
			AllowedMethods: []string{"PUT"},
			AllowedHeaders: []string{"content-type", "content-disposition", "if-none-match"},
			ExposeHeaders:  []string{"ETag"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantNoParts checks that the store has no multipart uploads.
func (s service) wantNoParts(t *testing.T) {
	t.Helper()
	uploads, err := s.store(t).ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: new(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	if len(uploads.Uploads) > 0 {
		t.Errorf("the store has %d uploads in parts, want none", len(uploads.Uploads))
	}
}

// store returns a client of the local store, with the credentials in its folder and the address in its URLs.
func (s service) store(t *testing.T) *s3.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	pair := regexp.MustCompile(`id = (\S+)\n.* = (\S+)\n`).FindStringSubmatch(string(text))
	create, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/import", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.authorize(create)
	answer, err := http.DefaultClient.Do(create)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	bare, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(regexp.MustCompile(`http://[^/]+`).FindString(string(bare))),
		Region:       "us-east-1",
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(pair[1], pair[2], ""),
	})
}
