package upload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// line is a service and a store behind a line of limited rate, in virtual time.
type line struct {
	// rate and connectionRate are in bytes per second, of all requests together and of each one. 0 means no limit.
	rate, connectionRate float64
	latency              time.Duration // of a round trip
	uneven               bool          // connectionRate is the mean of rates from 0.5 to 1.5 of it

	mu        sync.Mutex
	next      time.Time // the line is free again
	size      int64     // of the import
	partSize  int64
	uploaded  map[int32]int64 // sizes by part number
	requests  uint64
	inUse     int
	mostInUse int
}

// transmit waits until n bytes have passed the line, which began to carry the previous ones of this request at from.
func (l *line) transmit(ctx context.Context, n int, from time.Time, connectionRate float64) error {
	l.mu.Lock()
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	if l.rate > 0 {
		l.next = l.next.Add(time.Duration(float64(n) / l.rate * 1e9))
	}
	until := l.next
	l.mu.Unlock()
	if connectionRate > 0 {
		if own := from.Add(time.Duration(float64(n) / connectionRate * 1e9)); own.After(until) {
			until = own
		}
	}
	return sleep(ctx, time.Until(until))
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		return l.put(r)
	}
	// Without latency: calls wait for each other with a mutex, and virtual time does not pass meanwhile.
	job := client.Import{ID: "01a22529-74d5-7f84-bc00-7bf3810bf0e7", Status: client.ImportStatusUploading}
	var answer any = &job
	l.mu.Lock()
	defer l.mu.Unlock()
	switch path := strings.TrimPrefix(r.URL.Path, "/import/"+job.ID); {
	case path == "/import":
		var request client.ImportRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			return nil, err
		}
		l.size, l.partSize = *request.Size, request.PartSize
	case path == "/parts" && r.Method == http.MethodPost:
		var request client.PartsRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			return nil, err
		}
		var signed client.SignedParts
		for _, number := range request.PartNumbers {
			signed.Parts = append(signed.Parts, client.SignedPart{Method: http.MethodPut, PartNumber: number,
				URL: fmt.Sprintf("http://store.example/?partNumber=%d", number)})
		}
		answer = signed
	case path == "/parts":
		var list client.PartList
		for number, size := range l.uploaded {
			list.Parts = append(list.Parts, client.Part{PartNumber: number, Size: size})
		}
		answer = list
	case path == "/complete":
		job.Status = client.ImportStatusCompleted
	}
	job.Size, job.Multipart = &l.size, &client.Multipart{PartSize: l.partSize}
	body, err := json.Marshal(answer)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(body)))}, err
}

// put stores a part after its bytes have passed the line.
func (l *line) put(r *http.Request) (*http.Response, error) {
	connectionRate := l.connectionRate
	if n := l.count(1); l.uneven {
		connectionRate *= 0.5 + rand.New(rand.NewPCG(n, 0)).Float64()
	}
	defer l.count(-1)
	if err := sleep(r.Context(), l.latency); err != nil { // until 100 Continue
		return nil, err
	}
	buffer := make([]byte, chunkSize)
	for {
		from := time.Now()
		n, err := r.Body.Read(buffer)
		if n > 0 && err == nil {
			err = l.transmit(r.Context(), n, from, connectionRate)
		}
		switch {
		case errors.Is(err, io.EOF):
			number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
			if err == nil {
				err = sleep(r.Context(), l.latency) // of the response
			}
			if err != nil {
				return nil, err
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.uploaded[int32(number)] = r.ContentLength
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Etag": {`"e"`}}, Body: http.NoBody}, nil
		case err != nil:
			return nil, err
		}
	}
}

// count counts a request that begins or ends, and returns how many began.
func (l *line) count(n int) (begun uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > 0 {
		l.requests++
	}
	l.inUse += n
	l.mostInUse = max(l.mostInUse, l.inUse)
	return l.requests
}

// kept returns the bytes of the parts that the store holds.
func (l *line) kept() (sum int64) {
	for _, size := range l.uploaded {
		sum += size
	}
	return sum
}

// upload uploads size zero bytes over the line until interrupted. It returns the bytes that the events reported as
// stored and as in flight at the interrupt, and how long the upload took from then.
func (l *line) upload(
	t *testing.T, size int64, interrupt time.Duration,
) (stored, inFlight int64, rest time.Duration, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.csv")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	l.uploaded = map[int32]int64{}
	ctx, cancel := context.WithTimeout(t.Context(), interrupt)
	defer cancel()
	api, err := NewAPI("http://service.example", nil, l)
	if err != nil {
		t.Fatal(err)
	}
	u := New(api, &http.Client{Transport: l}, 16)
	var mu sync.Mutex
	u.OnEvent = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil && e.Kind == Progress {
			stored += e.Bytes
			inFlight += e.Sending
		}
	}
	began := time.Now()
	_, err = u.File(ctx, path, Options{Checksum: None})
	return stored, inFlight, time.Since(began) - interrupt, err
}

// TestInterruptedOnSlowLine: at any time after 15 s, an interrupt keeps 80 % of the bytes sent until then, and
// ends the upload within drainTimeout.
func TestInterruptedOnSlowLine(t *testing.T) {
	step := 7 * time.Second
	if testing.Short() {
		step = 15 * time.Second
	}
	for _, rate := range []float64{1.25, 2.5, 5, 10} {
		for _, latency := range []time.Duration{0, 200 * time.Millisecond} {
			for interrupt := 15 * time.Second; interrupt <= time.Minute; interrupt += step {
				synctest.Test(t, func(t *testing.T) {
					l := line{rate: rate * mib, latency: latency}
					stored, inFlight, rest, err := l.upload(t, 1000*mib, interrupt)
					kept := l.kept()
					if !errors.Is(err, context.DeadlineExceeded) || rest > drainTimeout || stored > kept ||
						float64(kept) < 0.8*float64(stored+inFlight) {
						t.Errorf("%g MiB/s, latency %s, interrupted after %s: kept %d MiB, ended after %s with %v, events: %d MiB "+
							"stored, %d in flight; want 80 %% kept, and an interruption within %s",
							rate, latency, interrupt, kept/mib, rest, err, stored/mib, inFlight/mib, drainTimeout)
					}
				})
			}
		}
	}
}

// TestConcurrency: requests are added on a fast line and where each connection is limited, and not on a slow line.
func TestConcurrency(t *testing.T) {
	for _, c := range []struct {
		name        string
		line        *line
		size        int64
		least, most int
	}{
		{"fast line", &line{rate: 1000 * mib, latency: 20 * time.Millisecond}, 1000 * mib, 16, 16},
		{"slow line", &line{rate: 1.25 * mib}, 60 * mib, 2, 3}, // the last part is a short one
		{"long distance", &line{connectionRate: 2 * mib, latency: 200 * time.Millisecond}, 1000 * mib, 16, 16},
		{"slow connections", &line{connectionRate: mib / 2}, 500 * mib, 16, 16},
		{"uneven connections", &line{connectionRate: 2 * mib, uneven: true}, 1000 * mib, 16, 16},
	} {
		synctest.Test(t, func(t *testing.T) {
			if _, _, _, err := c.line.upload(t, c.size, time.Hour); err != nil {
				t.Fatal(err)
			}
			if got := c.line.mostInUse; got < c.least || got > c.most {
				t.Errorf("%s: got %d requests at a time, want %d to %d", c.name, got, c.least, c.most)
			}
		})
	}
}

// TestInterruptAtTheEnd: an upload whose last parts are sent after an interrupt is completed.
func TestInterruptAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := line{rate: 5 * mib}
		if _, _, rest, err := l.upload(t, 24*mib, 4*time.Second); err != nil || rest <= 0 || rest > drainTimeout {
			t.Errorf("interrupted 0.8 s before the last byte: ended %s later with %v, want it completed", rest, err)
		}
	})
}
