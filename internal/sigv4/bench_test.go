package sigv4

import (
	"strings"
	"testing"
	"time"
)

func BenchmarkPresign(b *testing.B) {
	s, e := NewSigner("us-east-1"), endpoint(b, "https://bucket.s3.us-east-1.amazonaws.com")
	b.ReportAllocs()
	for b.Loop() {
		s.Presign(exampleCredentials, e, barePut)
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
