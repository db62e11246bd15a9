package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// arithmeticSlice is the length of a slice for operations that take microseconds.
const arithmeticSlice = 200 * time.Millisecond

// measureSignature compares signing one PUT with the hashing that every signature needs, and with the SDK.
func measureSignature(ctx context.Context, _ *bench) error {
	const key = "imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"
	e, err := sigv4.ParseEndpoint("https://bucket.s3.us-east-1.amazonaws.com")
	if err != nil {
		return err
	}
	signer, c := sigv4.NewSigner("us-east-1"), sigv4.Credentials{
		AccessKeyID:     "AKIAIOSFODNN7EXAMPLE",
		SecretAccessKey: "secret",
	}
	now, params := time.Now(), []sigv4.Param{{Name: "x-id", Value: "PutObject"}}
	ours := func() error {
		signer.Presign(c, e, sigv4.Request{Method: "PUT", Key: key, Params: params, Time: now, Expires: time.Hour})
		return nil
	}
	presigner, in := presignClient(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String(key)}
	sdk := func() error {
		_, err := presigner.PresignPutObject(ctx, in, s3.WithPresignExpires(time.Hour))
		return err
	}
	var us, floor, them []float64
	for range pairs {
		for _, turn := range []struct {
			f  func() error
			to *[]float64
		}{{ours, &us}, {hashing(), &floor}, {sdk, &them}} {
			ns, err := perCall(turn.f, arithmeticSlice)
			if err != nil {
				return err
			}
			*turn.to = append(*turn.to, ns/1000)
		}
	}
	allocations := testing.AllocsPerRun(1000, func() { ours() })
	compare(
		"one signature",
		"SHA-256 and HMAC of the same bytes",
		us,
		floor,
		atMost(1.5),
		fmt.Sprintf("µs, %.0f allocation", allocations),
	)
	compare("", "aws-sdk-go-v2's PresignClient", us, them, atMost(1.0/40), "µs")
	return nil
}

// hashing computes the hashes of such a signature over prepared texts: the canonical request's hash, and the keyed
// hash of the string to sign, in hex.
func hashing() func() error {
	canonical, toSign := make([]byte, 319), make([]byte, 133)
	mac := hmac.New(sha256.New, make([]byte, 32))
	var sum, text [64]byte
	return func() error {
		digest := sha256.Sum256(canonical)
		hex.Encode(toSign[69:], digest[:])
		mac.Reset()
		mac.Write(toSign)
		hex.Encode(text[:], mac.Sum(sum[:0]))
		return nil
	}
}

func presignClient() *s3.PresignClient {
	return s3.NewPresignClient(
		s3.New(
			s3.Options{
				Region:      "us-east-1",
				Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
			},
		),
	)
}

// measureParts compares 1,000 part URLs of the service's handler, with a record from an in-memory store, with as many
// signatures of the SDK.
func measureParts(ctx context.Context, _ *bench) error {
	const parts = 1000
	server, err := inMemory(ctx, slog.New(slog.DiscardHandler), config.Config{})
	if err != nil {
		return err
	}
	handler := server.Handler
	id, err := createMultipart(handler, parts)
	if err != nil {
		return err
	}
	ours := func() error {
		w := &sink{header: http.Header{}}
		handler.ServeHTTP(w, jsonRequest("/import/"+id+"/parts", `{"first":1,"count":1000}`))
		if w.status != http.StatusOK {
			return fmt.Errorf("answered %d", w.status)
		}
		return nil
	}
	presigner := presignClient()
	sdk := func() error {
		for n := range int32(parts) {
			in := &s3.UploadPartInput{
				Bucket:        aws.String("bucket"),
				Key:           &id,
				UploadId:      &id,
				PartNumber:    aws.Int32(n + 1),
				ContentLength: aws.Int64(16 << 20),
			}
			if _, err := presigner.PresignUploadPart(ctx, in); err != nil {
				return err
			}
		}
		return nil
	}
	var us, them []float64
	for range pairs {
		mine, err := perCall(ours, arithmeticSlice)
		if err != nil {
			return err
		}
		theirs, err := perCall(sdk, arithmeticSlice)
		if err != nil {
			return err
		}
		us, them = append(us, mine/1e6), append(them, theirs/1e6)
	}
	compare("1,000 part URLs, handler time", "PresignClient signing 1,000", us, them, atMost(1.0/30), "ms")
	perPart := testing.AllocsPerRun(20, func() { ours() }) / parts
	printRow("  allocations a part", "", perPart, "", atMost(2), "")
	return nil
}

func createMultipart(handler http.Handler, parts int) (string, error) {
	w := httptest.NewRecorder()
	handler.ServeHTTP(
		w,
		jsonRequest("/import", fmt.Sprintf(`{"mode":"multipart","size":%d,"part_size":%d}`, parts*16<<20, 16<<20)),
	)
	var job struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &job); err != nil || job.ID == "" {
		return "", errors.Join(fmt.Errorf("answered %s", w.Body), err)
	}
	return job.ID, nil
}

func jsonRequest(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// sink discards a response but keeps its status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// perCall calls f for about d and returns nanoseconds per call. It reads the clock only sometimes, because that takes
// as long as a hash.
func perCall(f func() error, d time.Duration) (float64, error) {
	start, calls := time.Now(), 0
	for batch := 1; time.Since(start) < d; batch = min(2*batch, 64) {
		for range batch {
			if err := f(); err != nil {
				return 0, err
			}
		}
		calls += batch
	}
	return float64(time.Since(start)) / float64(calls), nil
}
