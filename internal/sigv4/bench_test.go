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

// BenchmarkSeries signs parts with a session token as long as Lambda's.
func BenchmarkSeries(b *testing.B) {
	c := exampleCredentials
	c.SessionToken = strings.Repeat("t", 1100)
	length := []Header{{"content-length", "16777216"}}
	series := NewSigner("us-east-1").Series(c, endpoint(b, "https://bucket.s3.us-east-1.amazonaws.com"), Request{
		Method: "PUT", Key: barePut.Key, Headers: length, Time: time.Now(), Expires: time.Hour,
		Params: []Param{{Name: "partNumber"}, {"uploadId", strings.Repeat("u", 60)}, {"x-id", "UploadPart"}},
	})
	b.ReportAllocs()
	for b.Loop() {
		series.Presign(1, length)
	}
}
