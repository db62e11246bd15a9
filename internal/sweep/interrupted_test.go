package sweep

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// maxSweepRequests is more than the requests of the sweep in TestInterruptedSweep.
const maxSweepRequests = 100

// TestInterruptedSweep kills a sweeper at each third of its requests. The next one finishes the work, and each event is
// delivered under one ID.
func TestInterruptedSweep(t *testing.T) {
	for _, received := range []bool{false, true} {
		if testing.Short() && received {
			continue
		}
		t.Run(fmt.Sprintf("received=%v", received), func(t *testing.T) {
			t.Parallel()
			survived := false
			for n := 1; n <= maxSweepRequests && !survived; n += 3 {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					w := newCluster(t)
					w.CreateUploaded()
					w.Create(imports.Request{})
					w.CreateMultipart()
					w.Advance(26 * time.Hour)
					wire := world.KillAt(n, received)
					_, err := w.server(wire).RunOnce(context.Background())
					survived = wire.Sent() < n
					if err != nil && survived {
						t.Errorf("sweep: %v after %d requests", err, wire.Sent())
					}
					w.Advance(3 * time.Minute)
					w.sweep(w.server(nil))
					w.expect("completed", "expired", "expired")
					if left := w.Uploads(); left != 0 {
						t.Errorf("%d uploads are left", left)
					}
				})
			}
			if !survived {
				t.Errorf("the sweeper made %d requests and more, want one run in which it survives", maxSweepRequests)
			}
		})
	}
}

// TestTakeover stalls a sweeper at each of its requests for longer than its lease. Another one sweeps meanwhile, and
// its saved progress remains.
func TestTakeover(t *testing.T) {
	for n := 1; n <= 25; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newCluster(t)
			w.CreateUploaded()
			w.CreateMultipart()
			w.Advance(26 * time.Hour)
			var between state
			wire := &world.Wire{OnRequest: func(seq int, _ string) world.Fault {
				if seq != n {
					return nil
				}
				return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					w.Advance(2 * time.Minute)
					if _, err := w.server(nil).RunOnce(w.Context()); err != nil {
						w.Errorf("the other sweep: %v", err)
					}
					between = w.lease()
					return next.RoundTrip(r)
				}
			}}
			_, _ = w.server(wire).RunOnce(t.Context())
			after := w.lease()
			for i := range after.InspectedUntil {
				if after.InspectedUntil[i].Before(between.InspectedUntil[i]) {
					t.Errorf("age %d: inspected until %s, want no earlier than %s",
						i, after.InspectedUntil[i], between.InspectedUntil[i])
				}
			}
			if after.SweptAt.Before(between.SweptAt) || wire.Sent() < n {
				t.Errorf("after %d requests: got %+v, want at least %+v", wire.Sent(), after, between)
			}
			w.Advance(3 * time.Minute)
			w.sweep(w.server(nil))
			w.expect("completed", "expired")
		})
	}
}
