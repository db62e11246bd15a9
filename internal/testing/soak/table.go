//go:build unix

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// tally counts requests and records violations.
type tally struct {
	mu      sync.Mutex
	counts  map[string]map[string]int // by kind and outcome
	broken  []string
	journal *os.File // a line for every request and violation
}

// outcomes are the columns of the table. Cut and away are explained, wrong is not.
var outcomes = []string{"done", "refused", "cut", "away", "wrong"}

const clock = "15:04:05.000"

// note writes a line into the journal.
func (t *tally) note(format string, args ...any) {
	fmt.Fprintf(t.journal, time.Now().Format(clock)+" "+format+"\n", args...)
}

func (t *tally) count(kind, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts[kind] == nil {
		t.counts[kind] = map[string]int{}
	}
	t.counts[kind][outcome]++
}

func (t *tally) violate(format string, args ...any) {
	t.note("VIOLATION "+format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = append(t.broken, time.Now().Format(clock)+" "+fmt.Sprintf(format, args...))
}

func (t *tally) violations() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.broken)
}

// sums returns the number of requests by outcome.
func (t *tally) sums() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sums := map[string]int{}
	for _, counts := range t.counts {
		for outcome, n := range counts {
			sums[outcome] += n
		}
	}
	return sums
}

// progress prints a line every ten seconds.
func (s *soak) progress(ctx context.Context) {
	for begun, tick := time.Now(), time.Tick(10*time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			n := s.sums()
			fmt.Printf(
				"%5.0fs  requests: %d done, %d refused, %d cut, %d away; %d imports; %d kills, %d restarts of the store; %d "+
					"violations\n",
				time.Since(begun).Seconds(),
				n["done"],
				n["refused"],
				n["cut"],
				n["away"],
				len(s.ledger.all()),
				s.kills.Load(),
				s.restarts.Load(),
				len(s.violations()),
			)
		}
	}
}

// table prints the results of the run.
func (s *soak) table() {
	row := func(name string, counts map[string]int) {
		fmt.Printf("%-14s", name)
		for _, o := range outcomes {
			fmt.Printf("%9d", counts[o])
		}
		fmt.Println()
	}
	fmt.Printf("\n%-14s%9s%9s%9s%9s%9s\n", "requests", "done", "refused", "cut", "away", "wrong")
	for _, kind := range slices.Sorted(maps.Keys(s.counts)) {
		row(kind, s.counts[kind])
	}
	row("all", s.sums())
	if slow, n := s.counts["store slow"]["away"], s.sums()["done"]; slow > 10+n/100 {
		s.violate("the machine was too busy for the store %d times in %d requests: that is no run to judge by", slow, n)
	}
	states, all := map[client.ImportStatus]int{}, s.ledger.all()
	for _, e := range all {
		states[e.state(e.snapshot())]++
	}
	fmt.Printf(
		"\n%d kills of servers, %d restarts of the store, %d audits\n", s.kills.Load(), s.restarts.Load(), s.audits)
	fmt.Printf("imports: %d tracked, %v; %d bare\n", len(all), states, len(s.ledger.byKey)-len(all))
	fmt.Printf("orphans: %d uploads without a record, of %d creates that may have left one\n", s.orphans, s.ledger.orphanRisks)
	s.printGrowth()
}
