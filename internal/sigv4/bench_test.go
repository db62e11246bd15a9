package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func BenchmarkPresign(b *testing.B) {
	s, e := NewSigner("us-east-1"), endpoint(b, "https://bucket.s3.us-east-1.amazonaws.com")
	b.ReportAllocs()
	for b.Loop() {
		s.Presign(exampleCredentials, e, barePut)
	}
}

// BenchmarkHashing computes only the hashes of such a signature: the canonical request's, and the keyed hash of the
// string to sign.
func BenchmarkHashing(b *testing.B) {
	canonical, toSign := make([]byte, 319), make([]byte, 133)
	mac := hmac.New(sha256.New, make([]byte, 32))
	var sum, text [64]byte
	b.ReportAllocs()
	for b.Loop() {
		digest := sha256.Sum256(canonical)
		hex.Encode(toSign[69:], digest[:])
		mac.Reset()
		mac.Write(toSign)
		hex.Encode(text[:], mac.Sum(sum[:0]))
	}
}

// BenchmarkSDK signs the same with the SDK.
func BenchmarkSDK(b *testing.B) {
	c := exampleCredentials
	keys := credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")
	client := s3.NewPresignClient(s3.New(s3.Options{Region: "us-east-1", Credentials: keys}))
	put := &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String(barePut.Key)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.PresignPutObject(b.Context(), put, s3.WithPresignExpires(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParts signs 10,000 parts, the maximum of an upload, with a session token as long as Lambda's.
func BenchmarkParts(b *testing.B) {
	const parts = 10_000
	c, id := exampleCredentials, strings.Repeat("u", 60)
	c.SessionToken = strings.Repeat("t", 1100)
	b.Run("signpost", func(b *testing.B) {
		s, e := NewSigner("us-east-1"), endpoint(b, "https://bucket.s3.us-east-1.amazonaws.com")
		length := []Header{{"content-length", "16777216"}}
		for b.Loop() {
			series := s.Series(c, e, Request{
				Method: "PUT", Key: barePut.Key, Headers: length, Time: time.Now(), Expires: time.Hour,
				Params: []Param{{Name: "partNumber"}, {"uploadId", id}, {"x-id", "UploadPart"}},
			})
			for n := range parts {
				series.Presign(int64(n+1), length)
			}
		}
	})
	b.Run("sdk", func(b *testing.B) {
		keys := credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
		client := s3.NewPresignClient(s3.New(s3.Options{Region: "us-east-1", Credentials: keys}))
		part := &s3.UploadPartInput{
			Bucket: aws.String("bucket"), Key: aws.String(barePut.Key), UploadId: &id, ContentLength: aws.Int64(16 << 20),
		}
		for b.Loop() {
			for n := range parts {
				part.PartNumber = aws.Int32(int32(n + 1))
				if _, err := client.PresignUploadPart(b.Context(), part, s3.WithPresignExpires(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
