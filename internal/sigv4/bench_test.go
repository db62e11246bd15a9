package sigv4_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// BenchmarkPresign measures one signature of ours beside one of the SDK's PresignClient, in turns of a slice each, because the
// machine's own speed wanders. The ratio is theirs to ours.
func BenchmarkPresign(b *testing.B) {
	const slice, pairs = 100 * time.Millisecond, 15
	ours, theirs := presigners(b)
	for b.Loop() {
		var us, them []float64
		for range pairs {
			us, them = append(us, nsPerCall(ours, slice)), append(them, nsPerCall(theirs, slice))
		}
		b.ReportMetric(median(us), "ns")
		b.ReportMetric(median(them), "sdk-ns")
		b.ReportMetric(median(them)/median(us), "ratio")
		b.ReportMetric(testing.AllocsPerRun(1000, ours), "allocs")
		b.ReportMetric(testing.AllocsPerRun(1000, theirs), "sdk-allocs")
	}
}

func presigners(b *testing.B) (ours, theirs func()) {
	const key = "imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
	e, err := sigv4.ParseEndpoint("https://bucket.s3.us-east-1.amazonaws.com")
	if err != nil {
		b.Fatal(err)
	}
	signer, c := sigv4.NewSigner("us-east-1"), sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}
	params := []sigv4.Param{{Name: "x-id", Value: "PutObject"}}
	client := s3.NewPresignClient(s3.New(s3.Options{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")}))
	in := &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String(key)}
	ours = func() {
		signer.Presign(c, e, sigv4.Request{Method: "PUT", Key: key, Params: params, Time: time.Now(), Expires: time.Hour})
	}
	theirs = func() {
		if _, err := client.PresignPutObject(b.Context(), in, s3.WithPresignExpires(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	return ours, theirs
}

// nsPerCall calls f for about d.
func nsPerCall(f func(), d time.Duration) float64 {
	start, calls := time.Now(), 0
	for time.Since(start) < d {
		for range 64 {
			f()
		}
		calls += 64
	}
	return float64(time.Since(start)) / float64(calls)
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[len(sorted)/2]
}
