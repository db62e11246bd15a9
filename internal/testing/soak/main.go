//go:build unix

// Command soak runs two servers on one bucket, in separate processes, under mixed traffic. It kills and restarts them
// and the store. It compares every response, and audits of the bucket, with a ledger of what must have happened
// to each import. It does not measure speed; see package bench.
//
// Server a is killed repeatedly, server b once, at half time. So each continues the other's imports, and b's second
// process lives long enough to show growth.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

type options struct {
	duration time.Duration // of the traffic, without audits
	seed     uint64
	race     bool
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", time.Minute, "how long the traffic lasts")
	flag.Uint64Var(&o.seed, "seed", 0, "make the choices of an earlier run; 0: others each time")
	flag.BoolVar(&o.race, "race", true, "build the program with the race detector")
	flag.Parse()
	for o.seed == 0 {
		o.seed = rand.Uint64N(1 << 32)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run returns an error if any check failed, and then keeps the folder.
func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "signpost-soak-*")
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
		} else {
			err = fmt.Errorf("%w; seed %d; logs, journal and store are in %s", err, o.seed, dir)
		}
	}()
	s, err := prepare(ctx, o, dir)
	if err != nil {
		return err
	}
	defer s.stopAll() // also after a panic
	fmt.Printf("soak of %v, seed %d, in %s\n", o.duration, o.seed, dir)
	if err := s.startAll(); err != nil {
		return err
	}
	err = s.runTraffic()
	s.stopAll()
	s.checkLogs()
	s.table()
	broken := s.violations()
	for _, text := range broken[:min(len(broken), 20)] {
		fmt.Println("  " + text)
	}
	if len(broken) > 0 {
		err = errors.Join(err, fmt.Errorf("%d violations", len(broken)))
	}
	return err
}

// runTraffic runs traffic and disturbances, and the final audit.
func (s *soak) runTraffic() error {
	var workers sync.WaitGroup
	for n := range workerCount {
		workers.Go(s.worker(uint64(n)).work)
	}
	ctx, stopProgress := context.WithCancel(s.ctx)
	defer stopProgress()
	go s.progress(ctx)
	err := s.disturb()
	s.ended.Store(true)
	workers.Wait()
	if err != nil {
		return err
	}
	return s.inspectAll(true)
}
