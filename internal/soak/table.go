//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// tally counts requests and keeps what did not hold.
type tally struct {
	mu      sync.Mutex
	counts  map[string]map[string]int // kind, outcome
	broken  []string
	journal *os.File
}

// outcomes are the columns of the table. Cut and away are explained, wrong is not.
var outcomes = []string{"done", "refused", "cut", "away", "wrong"}

func (t *tally) count(kind, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts[kind] == nil {
		t.counts[kind] = map[string]int{}
	}
	t.counts[kind][outcome]++
}

func (t *tally) violate(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	t.broken = append(t.broken, text)
	fmt.Fprintf(t.journal, "%s VIOLATION %s\n", time.Now().Format(clock), text)
}

func (t *tally) violations() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.broken)
}

// sum is how many requests had these outcomes.
func (t *tally) sum(outcomes ...string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, counts := range t.counts {
		for _, o := range outcomes {
			n += counts[o]
		}
	}
	return n
}

// progress prints a line every ten seconds.
func (s *soak) progress(ctx context.Context) {
	for begun, tick := time.Now(), time.Tick(10*time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			fmt.Printf("%5.0fs  %d requests, %d cut or away; %d imports; %d kills, %d restarts of the store; %d violations\n", time.Since(begun).Seconds(),
				s.tally.sum(outcomes...), s.tally.sum("cut", "away"), len(s.ledger.all()), s.kills.Load(), s.restarts.Load(), len(s.tally.violations()))
		}
	}
}

// table tells what the run came to.
func (s *soak) table(w io.Writer) {
	row := func(name string, count func(string) int) {
		fmt.Fprintf(w, "%-14s", name)
		for _, o := range outcomes {
			fmt.Fprintf(w, "%9d", count(o))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\n%-14s%9s%9s%9s%9s%9s\n", "requests", "done", "refused", "cut", "away", "wrong")
	for _, kind := range slices.Sorted(maps.Keys(s.tally.counts)) {
		row(kind, func(o string) int { return s.tally.counts[kind][o] })
	}
	row("all", func(o string) int { return s.tally.sum(o) })
	if slow, all := s.tally.sum("slow"), s.tally.sum(outcomes...); slow > 10+all/100 {
		s.tally.violate("%d of %d requests were too slow for the store's deadline, though it was there", slow, all)
	}
	fmt.Fprintf(w, "\n%d answers were 503 because the machine was too busy for the store\n", s.tally.sum("slow"))
	fmt.Fprintf(w, "%d kills of servers, %d restarts of the store, %d quiet points\n", s.kills.Load(), s.restarts.Load(), s.looks)
	fmt.Fprintf(w, "imports: %d tracked, %d bare; by last state %v\n", len(s.ledger.all()), len(s.ledger.bare), s.ledger.states())
	fmt.Fprintf(w, "orphans: %d uploads without a record, of %d creates that may have left one\n", s.orphans, s.ledger.risky)
	s.growth.print(w)
}
