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

// Permitted growth of a process since its first audit. Each server keeps up to ten idle connections to the
// store, and some are not closed yet: a connection is a descriptor, and two goroutines of a client or one of a
// server. The memory limit is loose: the race detector's shadow memory never shrinks, and the collector returns
// memory late.
const (
	moreDescriptors = 24
	moreGoroutines  = 128       // a leak in one of a hundred requests exceeds it within a minute
	moreMemory      = 128 << 20 // bytes
	calmLimit       = 20 * time.Second
)

// reading is the resource usage of a process during an audit. Without /proc, only goroutines are known.
type reading struct {
	name                            string
	pid                             int
	descriptors, goroutines, memory int // memory: resident set, in bytes
}

func (s *soak) reading(p *process) reading {
	r := reading{name: p.name, pid: p.command.Process.Pid}
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.pid))
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	r.descriptors, r.memory = len(open), number(`VmRSS:\s+(\d+) kB`, status)<<10
	if response, err := s.web.Get("http://" + p.metrics + "/metrics"); err == nil {
		text, _ := io.ReadAll(response.Body) // an incomplete body lacks the figure
		response.Body.Close()
		r.goroutines = number(`(?m)^go_goroutines (\d+)`, text)
	}
	return r
}

// number returns the number that pattern matches in text, or 0.
func number(pattern string, text []byte) int {
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

// measure takes readings after the traffic's connections are closed. At the end it compares them with the first ones
// of the same process.
func (s *soak) measure(final bool) error {
	for _, p := range []*process{s.store, s.servers[0], s.servers[1]} {
		first, now := s.first(p.command.Process.Pid), reading{}
		for deadline := time.Now().Add(calmLimit); time.Now().Before(deadline); time.Sleep(10 * pollEvery) {
			s.web.CloseIdleConnections()
			before := now
			if now = s.reading(p); now.descriptors == before.descriptors && (first.pid == 0 || now.within(first)) {
				break
			}
		}
		if now.goroutines == 0 {
			s.violate("%s: its metrics do not tell its goroutines", p.name)
		}
		if s.readings = append(s.readings, now); final && first.pid != 0 && !now.within(first) {
			s.violate("%s has grown from %v to %v", p.name, first, now)
		}
	}
	return nil
}

// first returns the first reading of a process, or a zero one.
func (s *soak) first(pid int) reading {
	if i := slices.IndexFunc(s.readings, func(r reading) bool { return r.pid == pid }); i >= 0 {
		return s.readings[i]
	}
	return reading{}
}

func (r reading) within(first reading) bool {
	return r.descriptors <= first.descriptors+moreDescriptors && r.goroutines <= first.goroutines+moreGoroutines &&
		r.memory <= first.memory+moreMemory
}

func (r reading) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %d MiB", r.descriptors, r.goroutines, r.memory>>20)
}

// printGrowth prints the first and last reading of each process with at least two.
func (s *soak) printGrowth() {
	for i, last := range s.readings {
		first := s.first(last.pid)
		later := slices.ContainsFunc(s.readings[i+1:], func(r reading) bool { return r.pid == last.pid })
		if first != last && !later {
			fmt.Printf("growth of %-6s from %v to %v\n", last.name, first, last)
		}
	}
}
