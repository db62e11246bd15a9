package sweep

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/imports"
)

// deaths are the calls that give an import a terminal status.
var deaths = []struct {
	name  string
	prep  func(*world) imports.Job
	later time.Duration // when the call is made
	call  func(*server, imports.Job) error
	again bool // its caller repeats it, after the server has died
	want  string
}{
	{"complete of parts", (*world).begun, 0, func(s *server, j imports.Job) error {
		_, err := s.Complete(context.Background(), owner, j.ID, nil)
		return err
	}, true, "completed"},
	{"complete of parts with another checksum", (*world).begun, 0, func(s *server, j imports.Job) error {
		_, err := s.Complete(
			context.Background(),
			owner,
			j.ID,
			&imports.Checksum{Algorithm: "crc64nvme", Value: "AAAAAAAAAAE="},
		)
		return err
	}, true, "failed"},
	{"read that finds an object", (*world).arrived, 0, func(s *server, j imports.Job) error {
		_, err := s.Read(context.Background(), owner, j.ID)
		return err
	}, false, "completed"},
	{"read that finds an object, for two receivers", (*world).arrivedForTwo, 0, func(s *server, j imports.Job) error {
		_, err := s.Read(context.Background(), owner, j.ID)
		return err
	}, false, "completed"},
	{
		"notice",
		(*world).arrived,
		0,
		func(s *server, j imports.Job) error { return s.HandleObjectCreated(context.Background(), j.Key()) },
		false,
		"completed",
	},
	{
		"delete",
		(*world).begun,
		0,
		func(s *server, j imports.Job) error { return s.Delete(context.Background(), owner, j.ID) },
		true,
		"aborted",
	},
	{"expiry in parts", (*world).begun, 25 * time.Hour, func(s *server, j imports.Job) error {
		_, err := s.Read(context.Background(), owner, j.ID)
		return err
	}, false, "expired"},
	{
		"expiry",
		func(w *world) imports.Job { return w.create(imports.Request{}) },
		2 * time.Hour,
		func(s *server, j imports.Job) error {
			_, err := s.Read(context.Background(), owner, j.ID)
			return err
		},
		false,
		"expired",
	},
}

// TestDeath kills the server at each of its requests, before or after the store receives the last one. Another server
// then sweeps, and delivers the event under one id. A server with a queue may have delivered it already.
func TestDeath(t *testing.T) {
	newWorld(t) // the store is started before tests run side by side
	for _, c := range deaths {
		for _, received := range []bool{false, true} {
			for _, queue := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/received=%v/queue=%v", c.name, received, queue), func(t *testing.T) {
					var some errgroup.Group
					some.SetLimit(4)
					for n := 1; n <= 14; n++ {
						some.Go(func() error {
							t.Run(fmt.Sprint(n), func(t *testing.T) {
								w := newWorld(t)
								j := c.prep(w)
								w.pass(c.later)
								line := diesAt(n, received)
								dies := w.server(line)
								w.callAndStop(dies, queue, func() error { return c.call(dies, j) })
								if n == 14 && line.sent >= n {
									t.Errorf("%d requests and more: the server was not let live once", n)
								}
								w.pass(3 * time.Minute)
								if c.again {
									if err := c.call(w.server(nil), j); err != nil && c.want != "failed" {
										t.Errorf("again: %v", err)
									}
								}
								w.pass(3 * time.Hour)
								w.sweptBy(w.server(nil))
								w.expect(c.want)
								if w.expectReceivers(receiver); j.Webhook != "" {
									w.expectReceivers(j.Webhook)
								}
							})
							return nil
						})
					}
					_ = some.Wait()
				})
			}
		}
	}
}

// callAndStop makes the call, delivers the queued events if there is a queue, and stops the server.
func (w *world) callAndStop(s *server, queue bool, call func() error) {
	if !queue {
		_ = call()
		return
	}
	s.box.DeliverImmediately()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { s.box.Run(ctx); close(ended) }()
	_ = call()
	stop()
	<-ended
}
