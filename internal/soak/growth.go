//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// What a process may have more at the end than after its warm-up. Each of the two servers keeps up to ten idle connections to the
// store, and there are those that are not closed yet; a connection is a descriptor, and two goroutines of a client or one of a
// server. Memory is bounded loosely: the race detector's shadow of it never shrinks, and the collector gives back late.
const (
	moreDescriptors = 24
	moreGoroutines  = 128       // a leak of one in a hundred requests shows within a minute
	moreMemory      = 128 << 20 // bytes
	// calmLimit is how long connections have to be closed.
	calmLimit = 20 * time.Second
)

// growth is what processes used at quiet points.
type growth []reading

// reading is what one process used.
type reading struct {
	name                    string
	pid                     int
	descriptors, goroutines int
	memory                  int // bytes resident
}

// reading looks at p; without /proc, there is nothing to see.
func (s *soak) reading(p *process) reading {
	r := reading{name: p.name, pid: p.command.Process.Pid}
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.pid))
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	r.descriptors, r.memory = len(open), number(`VmRSS:\s+(\d+) kB`, status)<<10
	if response, err := s.web.Get("http://" + p.metrics + "/metrics"); err == nil {
		text, _ := io.ReadAll(response.Body) // what is cut has no such line
		response.Body.Close()
		r.goroutines = number(`(?m)^go_goroutines (\d+)`, text)
	}
	return r
}

// number is the one that pattern finds in text, or 0.
func number(pattern string, text []byte) int {
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

// measure takes readings once the connections of the traffic are closed, and at the end compares them to the first of each process
// that has lived since.
func (s *soak) measure(final bool) error {
	first := map[int]reading{}
	for _, r := range slices.Backward(s.growth) {
		first[r.pid] = r
	}
	for _, p := range []*process{s.store, s.servers[0], s.servers[1]} {
		now, was := reading{}, first[p.command.Process.Pid]
		for deadline := time.Now().Add(calmLimit); ; time.Sleep(10 * pollEvery) {
			s.web.CloseIdleConnections()
			before := now
			if now = s.reading(p); time.Now().After(deadline) || now.descriptors == before.descriptors && (was.pid == 0 || now.within(was)) {
				break
			}
		}
		s.growth = append(s.growth, now)
		if final && was.pid != 0 && !now.within(was) {
			s.tally.violate("%s has grown: %v, was %v", p.name, now, was)
		}
	}
	return nil
}

func (r reading) within(was reading) bool {
	return r.descriptors <= was.descriptors+moreDescriptors && r.goroutines <= was.goroutines+moreGoroutines && r.memory <= was.memory+moreMemory
}

func (r reading) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %d MiB", r.descriptors, r.goroutines, r.memory>>20)
}

// print tells the first and the last reading of each process that has two.
func (g growth) print(w io.Writer) {
	for i, last := range g {
		at := slices.IndexFunc(g, func(r reading) bool { return r.pid == last.pid })
		if later := slices.ContainsFunc(g[i+1:], func(r reading) bool { return r.pid == last.pid }); at < i && !later {
			fmt.Fprintf(w, "growth of %-6s from %v to %v\n", last.name, g[at], last)
		}
	}
}
