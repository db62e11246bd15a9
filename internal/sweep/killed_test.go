package sweep

import (
	"fmt"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/testing/world"
)

// maxRequests is more than the requests of any termination and its deliveries.
const maxRequests = 20

// TestKilledServer kills a server at each of its requests, before or after the store receives that one. Another server
// then sweeps, and delivers the event under one ID. A server that delivers immediately may have delivered it already.
func TestKilledServer(t *testing.T) {
	for _, c := range terminations {
		for _, received := range []bool{false, true} {
			for _, immediately := range []bool{false, true} {
				if testing.Short() && (received || immediately) {
					continue
				}
				name := fmt.Sprintf("%s/received=%v/immediately=%v", c.name, received, immediately)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					survived := false
					for n := 1; n <= maxRequests && !survived; n++ {
						t.Run(fmt.Sprint(n), func(t *testing.T) {
							w := newCluster(t)
							j := c.prepare(w)
							w.Advance(c.after)
							wire := world.KillAt(n, received)
							callAndStop(w.newServer(wire, immediately), c.call, j)
							survived = wire.Sent() < n
							w.Advance(3 * time.Minute)
							if c.repeats {
								if err := c.call(w.server(nil), j); err != nil && c.want != "failed" {
									t.Errorf("repeated call: %v", err)
								}
							}
							w.Advance(3 * time.Hour)
							w.sweep(w.server(nil))
							w.expect(c.want)
							w.expectReceivers(receiver)
							if j.Webhook != "" {
								w.expectReceivers(j.Webhook)
							}
						})
					}
					if !survived {
						t.Errorf("the server made %d requests and more, want one run in which it survives", maxRequests)
					}
				})
			}
		}
	}
}
