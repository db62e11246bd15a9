package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// scaleRounds is the number of rounds in which the buckets take turns.
const scaleRounds = 3

// BenchmarkScale makes the same calls to services on buckets with 1,000 to 1,000,000 completed imports, in turns, and
// sweeps these buckets. Each store, service and command is a process of its own. CPU times are those of the service or
// the command alone.
func BenchmarkScale(b *testing.B) {
	var all []*scaled
	for _, n := range scaleSizes {
		s := newScaled(b, n)
		s.sweep(b)
		s.service = startService(b, s.env)
		all = append(all, s)
	}
	for range scaleRounds {
		for _, s := range all {
			s.measure(b)
		}
	}
	for _, s := range all {
		s.figures["service-MiB"] = s.service.memory(b, "VmHWM")
		s.commands(b)
		b.Run(strconv.Itoa(s.Records), func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			for unit, figure := range s.figures {
				b.ReportMetric(figure, unit)
			}
		})
	}
}

// scaled is a bucket with a number of imports, and its service.
type scaled struct {
	fill
	store, service process
	env            []string
	key, otherKey  string             // the API keys of the owner, and of another
	figures        map[string]float64 // by unit
}

func newScaled(b *testing.B, records int) *scaled {
	keys, file := newKeys(b, "owner", "other")
	s := &scaled{
		store: startChild(b, "store"), key: keys[0], otherKey: keys[1], figures: map[string]float64{},
		fill: fill{
			Owner: imports.OwnerName("key", "owner"), Records: records, Dead: max(1000, records/100),
			Newest: time.Now().Add(-10 * 24 * time.Hour),
		},
	}
	s.env = []string{
		"SIGNPOST_BUCKET=" + storetest.MemoryBucket, "SIGNPOST_PATH_STYLE=true", "SIGNPOST_API_KEYS_FILE=" + file,
		"AWS_ENDPOINT_URL_S3=" + s.store.url, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=id",
		"AWS_SECRET_ACCESS_KEY=secret",
	}
	s.Template = s.completed(b)
	body, err := json.Marshal(s.fill)
	if err != nil {
		b.Fatal(err)
	}
	send(b, http.MethodPost, s.store.url+"/-/fill", string(body), http.Header{"Content-Type": {"application/json"}})
	return s
}

// completed returns the ID of a completed import, whose record the service wrote.
func (s *scaled) completed(b *testing.B) string {
	settings := (&storetest.Memory{}).AWS(http.DefaultTransport)
	settings.BaseEndpoint = &s.store.url
	store, err := bucket.Open(b.Context(), bucket.Options{Name: storetest.MemoryBucket, AWS: settings, PathStyle: true})
	if err != nil {
		b.Fatal(err)
	}
	service := &imports.Service{
		Bucket: store, Limits: imports.Limits{URLTTL: time.Hour, JobTTL: 168 * time.Hour}, Now: time.Now,
	}
	j, err := service.Create(b.Context(), s.Owner, imports.Request{Filename: "report.csv"}, "")
	if err != nil {
		b.Fatal(err)
	}
	send(b, http.MethodPut, s.store.url+"/"+storetest.MemoryBucket+"/"+j.Key(), "hello", http.Header{})
	if j, err = service.Read(b.Context(), s.Owner, j.ID); err != nil || j.Status != imports.Completed {
		b.Fatalf("got an import that is %s, %v", j.Status, err)
	}
	return j.ID
}

// sweep sweeps the bucket by a command, as if it was never swept.
func (s *scaled) sweep(b *testing.B) {
	send(b, http.MethodDelete, s.store.url+"/"+storetest.MemoryBucket+"/sweep/lease.json", "", http.Header{})
	s.takeCalls(b)
	out := s.command(b, "gc", "gc")
	if want := fmt.Sprintf("imports: %d inspected, 0 of them", s.Records); !strings.Contains(out, want) {
		b.Fatalf("gc printed %s, want %s", out, want)
	}
	s.figures["gc-calls"] = float64(s.takeCalls(b)) / float64(s.Records) * 500
	s.figures["gc-us"] /= float64(s.Records) / 1000
}

// commands runs the commands that list the bucket.
func (s *scaled) commands(b *testing.B) {
	lines := func(out string) int { return strings.Count(out, "\n") }
	listed := min(s.Records, 5000)
	out := s.command(b, "list", "list", "--json", "--limit", strconv.Itoa(listed))
	if lines(out) != listed {
		b.Fatalf("list printed %d imports, want %d", lines(out), listed)
	}
	if out := s.command(b, "dead", "events", "dead", "--json"); lines(out) != s.Dead {
		b.Fatalf("events dead printed %d events, want %d", lines(out), s.Dead)
	}
}

// command runs a command of the program, and returns its output. The figures are its CPU time and memory.
func (s *scaled) command(b *testing.B, name string, args ...string) string {
	c := exec.CommandContext(b.Context(), binary, args...)
	c.Env = append(os.Environ(), append(s.env, "SIGNPOST_API_KEY="+s.key, "SIGNPOST_URL="+s.service.url)...)
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	if err := c.Run(); err != nil {
		b.Fatalf("%v: %v\n%s", c.Args, err, log.Bytes())
	}
	used := c.ProcessState.SysUsage().(*syscall.Rusage)
	s.figures[name+"-us"] = float64((c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Microseconds())
	s.figures[name+"-MiB"] = float64(used.Maxrss) / 1024 // getrusage(2), in KiB
	return out.String()
}

// measure adds a round to the figures of the service.
func (s *scaled) measure(b *testing.B) {
	repeat := func(name string, times int, key, method, path, body string, check func(response []byte) error) {
		header := http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {key}}
		// The first call corrects the times at which the copies were completed, and the second one reads their records.
		for range 2 {
			send(b, method, s.service.url+path, body, header.Clone())
		}
		s.takeCalls(b)
		before := s.service.cpu(b)
		for range times {
			response := send(b, method, s.service.url+path, body, header.Clone())
			if err := check(response); err != nil {
				b.Fatalf("%s %s: %v", method, path, err)
			}
		}
		took := s.service.cpu(b) - before
		s.figures[name+"-us"] += float64(took.Microseconds()) / float64(times*scaleRounds)
		s.figures[name+"-calls"] = float64(s.takeCalls(b)) / float64(times)
	}
	any := func([]byte) error { return nil }
	repeat("create", 400, s.otherKey, http.MethodPost, "/import", trackedBody, any)
	repeat("read", 400, s.key, http.MethodGet, "/import/"+s.id(s.Records/2), "", any)
	for _, limit := range []int{20, 100} {
		hasLimit := func(response []byte) error {
			var page struct{ Imports []struct{ ID string } }
			if err := json.Unmarshal(response, &page); err != nil || len(page.Imports) != limit {
				return fmt.Errorf("got %d imports, %v, want %d", len(page.Imports), err, limit)
			}
			return nil
		}
		path := fmt.Sprintf("/import?limit=%d", limit)
		last := path + "&cursor=" + s.id(s.Records-limit-1)
		repeat(fmt.Sprintf("first%d", limit), 20_000/limit, s.key, http.MethodGet, path, "", hasLimit)
		repeat(fmt.Sprintf("last%d", limit), 20_000/limit, s.key, http.MethodGet, last, "", hasLimit)
	}
}

// takeCalls returns the number of calls to the store since its last call.
func (s *scaled) takeCalls(b *testing.B) int {
	calls, err := strconv.Atoi(string(send(b, http.MethodGet, s.store.url+"/-/calls", "", http.Header{})))
	if err != nil {
		b.Fatal(err)
	}
	return calls
}
