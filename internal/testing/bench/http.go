package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// connections is the number of connections that load a server.
const connections = 64

// pairs is the number of slices per side.
var pairs = 15

// measureBare compares the real program, with its log, with Echo and a response of the same size.
func measureBare(ctx context.Context, b *bench) error {
	ours, _, err := b.service(ctx)
	if err != nil {
		return err
	}
	us, echo, err := b.besideEcho(ctx, ours, "")
	if err != nil {
		return err
	}
	compare(
		"bare POST /import, requests/s",
		"bare Echo, as many bytes",
		each(us, rate),
		each(echo, rate),
		atLeast(0.85),
		"/s",
	)
	compare("  CPU a request", "", each(us, cpu), each(echo, cpu), atMost(1.2), "µs")
	compare("  p99 at 64 connections", "", each(us, p99), each(echo, p99), atMost(1.5), "ms")
	return nil
}

// trackedBody is the body of a typical tracked import.
const trackedBody = `{"filename":"report.csv","content_type":"text/csv","size":1048576}`

// measureTracked is measureBare with tracked imports on an in-memory store.
func measureTracked(ctx context.Context, b *bench) error {
	ours, err := b.child(ctx, "tracked")
	if err != nil {
		return err
	}
	us, echo, err := b.besideEcho(ctx, ours, trackedBody)
	if err != nil {
		return err
	}
	compare(
		"tracked POST /import, requests/s",
		"bare Echo, as many bytes",
		each(us, rate),
		each(echo, rate),
		atLeast(0.4),
		"/s",
	)
	return nil
}

func rate(s sample) float64 { return s.perSecond }
func cpu(s sample) float64  { return s.cpu }
func p99(s sample) float64  { return s.p99 }

func each(samples []sample, f func(sample) float64) []float64 {
	xs := make([]float64, len(samples))
	for i, s := range samples {
		xs[i] = f(s)
	}
	return xs
}

// besideEcho loads the service and Echo in turns.
func (b *bench) besideEcho(ctx context.Context, ours process, body string) (us, them []sample, err error) {
	answer, err := post(ctx, ours.line, body)
	if err != nil {
		return nil, nil, err
	}
	echo, err := b.child(ctx, "echo", "-body", strconv.Itoa(len(answer)))
	if err != nil {
		return nil, nil, err
	}
	var sides [2]*generator
	for i, url := range []string{ours.line, echo.line} {
		if sides[i], err = newGenerator(url, body, connections); err != nil {
			return nil, nil, err
		}
		defer sides[i].close()
	}
	for i := range pairs + 1 {
		a, err := sides[0].run(ctx, ours, slice, math.MaxInt)
		if err != nil {
			return nil, nil, err
		}
		e, err := sides[1].run(ctx, echo, slice, math.MaxInt)
		if err != nil {
			return nil, nil, err
		}
		if i > 0 { // the first slices warm up
			us, them = append(us, a), append(them, e)
		}
	}
	return us, them, nil
}

// post sends one request and returns the response's body.
func post(ctx context.Context, url, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/import", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s: %s", response.Status, answer)
	}
	return answer, err
}

// measureCreate compares creating imports, one after the other, by the real program on the local store, with writing
// records of the same size to that store by signed URLs.
func measureCreate(ctx context.Context, b *bench) error {
	ours, store, err := b.service(ctx)
	if err != nil {
		return err
	}
	direct, err := bucket.Open(ctx, bucket.Options{Name: bucketName, PathStyle: true, AWS: store.aws()})
	if err != nil {
		return err
	}
	record := bytes.Repeat([]byte("x"), 300)
	put := func() error {
		now := time.Now()
		signed, err := direct.SignPut(
			ctx,
			bucket.Upload{
				Key:         "jobs/bench/" + uuid.NewString() + ".json",
				ContentType: "application/json",
				WriteOnce:   true,
				From:        now,
				Until:       now.Add(time.Minute),
			},
		)
		if err != nil {
			return err
		}
		return send(ctx, signed, record)
	}
	create := func() error {
		_, err := post(ctx, ours.line, trackedBody)
		return err
	}
	var us, them []float64
	for range pairs {
		mine, err := perCall(create, slice)
		if err != nil {
			return err
		}
		theirs, err := perCall(put, slice)
		if err != nil {
			return err
		}
		us, them = append(us, mine/1e6), append(them, theirs/1e6)
	}
	compare("tracked create, end to end", "one PUT of its record", us, them, atMost(1.3), "ms")
	return nil
}

func send(ctx context.Context, signed bucket.SignedRequest, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	for _, h := range signed.Headers {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the store answered %s", response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// measureMemory sends a million requests over 256 connections.
func measureMemory(ctx context.Context, b *bench) error {
	const total, clients, steps, bound = 1_000_000, 256, 10, 60.0
	ours, _, err := b.service(ctx)
	if err != nil {
		return err
	}
	g, err := newGenerator(ours.line, "", clients)
	if err != nil {
		return err
	}
	defer g.close()
	var resident [steps]float64
	var peak float64
	for i := range steps {
		if _, err := g.run(ctx, ours, time.Hour, total/clients/steps); err != nil {
			return err
		}
		if resident[i], peak, err = ours.memory(); err != nil {
			return err
		}
	}
	printRow(
		"memory, MiB at 256 connections",
		"",
		peak,
		"",
		atMost(bound),
		fmt.Sprintf("%.0f MiB after 200,000 requests, %.0f after 1,000,000", resident[1], resident[steps-1]),
	)
	printRow("  growth from 200,000 to 1,000,000", "", resident[steps-1]/resident[1], "", atMost(1.1), "")
	return nil
}
