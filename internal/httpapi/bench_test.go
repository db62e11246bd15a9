package httpapi_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/localstore/storetest"
)

// BenchmarkBarePost measures bare POST /import beside a bare Echo handler that writes a constant of equal size, both over
// loopback from 64 connections. The two take turns, a slice each, because the machine's own speed wanders; the ratio is that of
// the medians, and min and max tell how far single pairs were apart.
func BenchmarkBarePost(b *testing.B) {
	const slice, pairs, connections = time.Second, 9, 64
	target := storetest.Open(b)
	store, err := bucket.Open(b.Context(), bucket.Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
	if err != nil {
		b.Fatal(err)
	}
	signpost, err := httpapi.New(httpapi.Options{
		Service: &imports.Service{Bucket: store, Limits: imports.Limits{URLTTL: time.Hour}, Now: time.Now},
		Ready:   store.Check,
		Log:     slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	ours := serve(b, signpost)
	constant := answer(b, ours)
	e := echo.New()
	e.POST("/import", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", constant) })
	bare := serve(b, e)

	for b.Loop() {
		load(ours, connections, slice/2) // warm both
		load(bare, connections, slice/2)
		var us, them, ratios []float64
		for range pairs {
			u, t := load(ours, connections, slice), load(bare, connections, slice)
			us, them, ratios = append(us, u), append(them, t), append(ratios, u/t)
		}
		b.ReportMetric(median(us), "req/s")
		b.ReportMetric(median(them), "echo-req/s")
		b.ReportMetric(median(us)/median(them), "ratio")
		b.ReportMetric(slices.Min(ratios), "ratio-min")
		b.ReportMetric(slices.Max(ratios), "ratio-max")
	}
}

func serve(b *testing.B, h http.Handler) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(listener)
	b.Cleanup(func() { server.Close() })
	return "http://" + listener.Addr().String() + "/import"
}

func answer(b *testing.B, url string) []byte {
	b.Helper()
	response, err := http.Post(url, "", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	return read(b, response.Body)
}

// load posts to url from n connections for the time given and returns requests per second.
func load(url string, n int, d time.Duration) float64 {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n, MaxConnsPerHost: n}}
	defer client.CloseIdleConnections()
	ctx, stop := context.WithTimeout(context.Background(), d)
	defer stop()
	var done atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
				if err != nil {
					return
				}
				response, err := client.Do(request)
				if err != nil {
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / d.Seconds()
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[len(sorted)/2]
}

// BenchmarkSignParts measures one call that signs 1,000 parts, the record read from the store included, beside aws-sdk-go-v2's
// PresignClient signing as many, in turns.
func BenchmarkSignParts(b *testing.B) {
	const parts, pairs = 1000, 9
	s := start(b, settings{})
	id := *s.create(b, client.ImportRequest{Mode: multipartMode, Size: ptr(int64(parts * 16 * mib))}).ID
	var bytes int
	ours := func() {
		status, _, answer := do(b, withType(request(b, "POST", s.url+"/import/"+id+"/parts", strings.NewReader(`{"first":1,"count":1000}`))))
		if status != 200 {
			b.Fatal(answer)
		}
		bytes = len(answer)
	}
	presigner := s3.NewPresignClient(s.s3())
	theirs := func() {
		for n := range int32(parts) {
			in := &s3.UploadPartInput{Bucket: &s.store.Bucket, Key: &id, UploadId: &id, PartNumber: ptr(n + 1), ContentLength: ptr(int64(16 * mib))}
			if _, err := presigner.PresignUploadPart(b.Context(), in); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		ours()
		theirs()
		var us, them []float64
		for range pairs {
			us, them = append(us, milliseconds(ours)), append(them, milliseconds(theirs))
		}
		b.ReportMetric(median(us), "ms")
		b.ReportMetric(median(them), "sdk-ms")
		b.ReportMetric(median(them)/median(us), "ratio")
		b.ReportMetric(float64(bytes)/1024, "KiB")
		b.ReportMetric(testing.AllocsPerRun(5, ours)/parts, "allocs/part")
		b.ReportMetric(testing.AllocsPerRun(5, theirs)/parts, "sdk-allocs/part")
	}
}

func milliseconds(f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start).Microseconds()) / 1000
}
