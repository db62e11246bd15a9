package sigv4_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

const benchKey = "imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"

func BenchmarkPresign(b *testing.B) {
	signer, at := sigv4.NewSigner("us-east-1"), time.Now()
	e, err := sigv4.ParseEndpoint("https://bucket.s3.us-east-1.amazonaws.com")
	if err != nil {
		b.Fatal(err)
	}
	c := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}
	params := []sigv4.Param{{Name: "x-id", Value: "PutObject"}}
	b.ReportAllocs()
	for b.Loop() {
		signer.Presign(c, e, sigv4.Request{Method: "PUT", Key: benchKey, Params: params, Time: at, Expires: time.Hour})
	}
}

func BenchmarkSDKPresignClient(b *testing.B) {
	client := s3.NewPresignClient(s3.New(s3.Options{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")}))
	in := &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String(benchKey)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.PresignPutObject(b.Context(), in, s3.WithPresignExpires(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}
