//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"time"
)

// forbidden matches what logs must not contain: race reports, panics, stacks, signed URLs, API keys.
var forbidden = regexp.MustCompile(`DATA RACE|panic|goroutine \d|(?i:x-amz-signature)|signpost_[A-Za-z0-9]`)

// checkLogs checks that each line is a JSON object without secrets, and that errors only occur while the store was
// unreachable.
func (s *soak) checkLogs() {
	for _, p := range []*process{s.store, s.servers[0], s.servers[1]} {
		f, err := os.Open(p.log)
		if err != nil {
			s.violate("%v", err)
			continue
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			var line struct {
				Time  time.Time
				Level string
				Took  time.Duration `json:"duration_us"`
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || forbidden.Match(lines.Bytes()) {
				s.violate("%s:%d: %.300s", p.log, n, lines.Bytes())
			}
			if line.Level == "ERROR" && !s.store.unreachable(line.Time.Add(-line.Took*time.Microsecond), line.Time) {
				s.violate("%s:%d: an error while the store was there: %.300s", p.log, n, lines.Bytes())
			}
		}
		if err := lines.Err(); err != nil {
			s.violate("%s: %v", p.log, err)
		}
	}
}
