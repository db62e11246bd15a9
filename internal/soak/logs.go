//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"time"
)

// forbidden is what no log may hold: reports of the race detector, panics and their stacks, signed URLs, API keys.
var forbidden = regexp.MustCompile(`DATA RACE|panic|goroutine \d|(?i:x-amz-signature)|signpost_[A-Za-z0-9]`)

// storeLimit is how long a call may have been at it when it learns that the store went away.
const storeLimit = 20 * time.Second

// checkLogs holds what the processes wrote to what they may: objects of JSON, without secrets, and errors only where the store was
// away.
func (s *soak) checkLogs() {
	for _, p := range []*process{s.store, s.servers[0], s.servers[1]} {
		f, err := os.Open(p.log)
		if err != nil {
			s.tally.violate("%v", err)
			continue
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			var line struct {
				Time  time.Time
				Level string
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || forbidden.Match(lines.Bytes()) {
				s.tally.violate("%s:%d: %.300s", p.log, n, lines.Bytes())
			}
			if line.Level == "ERROR" && !s.store.away.during(line.Time.Add(-storeLimit), line.Time) {
				s.tally.violate("%s:%d: an error while the store was there: %.300s", p.log, n, lines.Bytes())
			}
		}
		if err := lines.Err(); err != nil {
			s.tally.violate("%s: %v", p.log, err)
		}
	}
}
