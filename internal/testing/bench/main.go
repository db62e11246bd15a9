// Command bench runs the benchmarks of this package and prints one table: each figure, beside what the same work costs
// in another way, and its goal. A figure is the median of rounds. In each round both sides run in turn, because
// machines are noisy: read the ratio and its range, not the times.
//
// compare.py measures uploads beside other programs, and on slow lines.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is a line of the table. Without beside, the figure stands alone.
type row struct {
	what, ours, beside string // the names of benchmarks
	unit               string // of the metric
	goal               float64
}

// groups are the benchmarks that -only selects by name. Those with a duration of 1x and 200000x run in one round.
var groups = []struct {
	name, folder, pattern, duration string
	rows                            []row
}{
	{"bare", "testing/bench", "Bare", "1s", []row{
		{"untracked import, time at 64 connections", "Bare/signpost", "Bare/middleware", "ns/op", 1},
		{"  CPU time of the server", "Bare/signpost", "Bare/middleware", "cpu-ns/op", 1},
		{"  99th percentile", "Bare/signpost", "Bare/middleware", "p99-ns", 1.2},
		{"  time, without any middleware", "Bare/signpost", "Bare/echo", "ns/op", 1.4},
	}},
	{"tracked", "testing/bench", "Tracked", "500ms", []row{
		{"tracked import, store in memory", "Tracked/signpost", "Tracked/echo", "ns/op", 2.5},
	}},
	{"signature", "sigv4", "Presign|Hashing|SDK", "200ms", []row{
		{"one signature", "Presign", "Hashing", "ns/op", 1.5},
		{"", "Presign", "SDK", "ns/op", 1.0 / 40},
		{"  allocations", "Presign", "", "allocs/op", 1},
	}},
	{"series", "sigv4", "Parts", "200ms", []row{{"10,000 part URLs", "Parts/signpost", "Parts/sdk", "ns/op", 1.0 / 30}}},
	{"parts", "testing/bench", "Parts", "200ms", []row{
		{"1,000 part URLs, handler", "Parts/signpost", "Parts/sdk", "ns/op", 1.0 / 30},
		{"  allocations per part", "Parts/signpost", "", "allocs/part", 1.7},
	}},
	{"key", "auth", "KeysAuthenticate", "200ms", []row{{"API key, ns", "KeysAuthenticate", "", "ns/op", 3_000}}},
	{"token", "auth/oidc", "Caller", "200ms", []row{
		{"token of RS256, ns", "Caller/RS256", "", "ns/op", 60_000},
		{"token of ES256, ns", "Caller/ES256", "", "ns/op", 60_000},
	}},
	{"create", "testing/bench", "Create", "500ms", []row{
		{"tracked import, local store", "Create/near/signpost", "Create/near/store", "ns/op", 1.3},
		{"  store at 5 ms", "Create/far/signpost", "Create/far/store", "ns/op", 1.3},
	}},
	{"status", "testing/bench", "Status", "500ms", []row{
		{"status, awaiting, local store", "Status/near/awaiting/signpost", "Status/near/awaiting/store", "ns/op", 1.2},
		{"  completed", "Status/near/completed/signpost", "Status/near/completed/store", "ns/op", 1.2},
		{"  awaiting, store at 5 ms", "Status/far/awaiting/signpost", "Status/far/awaiting/store", "ns/op", 1.2},
		{"  completed, store at 5 ms", "Status/far/completed/signpost", "Status/far/completed/store", "ns/op", 1.2},
	}},
	{"list", "testing/bench", "List", "500ms", []row{
		{"list of 100, local store", "List/near/signpost", "List/near/store", "ns/op", 3},
		{"  store at 5 ms", "List/far/signpost", "List/far/store", "ns/op", 3},
	}},
	{"memory", "testing/bench", "Memory", "200000x", []row{
		{"memory at 256 connections, MiB", "Memory", "", "peak-MiB", 60},
		{"  after 1,000,000 requests / 200,000", "Memory", "", "growth", 1.1},
	}},
	{"lambda", "testing/bench", "Lambda|LambdaCall", "200ms", []row{
		{"Lambda, start to first response", "Lambda/signpost", "Lambda/python", "ns/op", 1.0 / 24},
		{"  call after the start", "LambdaCall/signpost", "LambdaCall/python", "ns/op", 1},
	}},
	{"archive", "testing/bench", "LambdaArchive", "1x", []row{{"Lambda, archive, MB", "LambdaArchive", "", "MB", 6}}},
	{"deliver", "testing/bench", "Deliver", "1x", []row{
		{"delivery beside 2,500 slow ones, longest, ms", "Deliver", "", "longest-ms", 1_000},
		{"  median, ms", "Deliver", "", "median-ms", 0},
		{"  memory, MiB", "Deliver", "", "peak-MiB", 100},
		{"  by a function's sweep, ms", "Deliver", "", "sweep-ms", 20_000},
	}},
	{"scale", "testing/bench", "Scale", "1x", scaleRows()},
}

// onRequest are the groups that run only if -only names them, because they take minutes.
var onRequest = []string{"deliver", "scale"}

func main() {
	only := flag.String("only", "", "run this benchmark alone, such as bare; deliver, scale and upload run only so")
	rounds := flag.Int("rounds", 0, "rounds of each benchmark (default: 10, or 3 of uploads)")
	all := flag.Bool("all", false, "with -only upload, also upload 10,000 files; this takes up to an hour")
	bucket := flag.Bool("bucket", false, "create a bucket, print it, and delete it after an interrupt; for compare.py")
	line := flag.String("line", "", "forward to this URL on a slow line until an interrupt; for compare.py")
	rate := flag.Float64("rate", 1<<20, "of the line, in bytes per second")
	latency := flag.Duration("latency", 0, "of the line, for a round trip")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *bucket:
		err = holdBucket(ctx)
	case *line != "":
		err = holdLine(ctx, *line, *rate, *latency)
	case *only == "upload":
		err = compareUploads(ctx, cmp.Or(*rounds, 3), *all)
	default:
		err = run(ctx, *only, cmp.Or(*rounds, 10))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, rounds int) error {
	dir, err := os.MkdirTemp("", "signpost-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s, %d CPUs, %s\n\n", runtime.Version(), runtime.NumCPU(), time.Now().Format(time.DateOnly))
	fmt.Printf("%-45s %-10s %10s  %-17s %s\n", "what", "beside", "figure", "range", "goal")
	ran := false
	for _, g := range groups {
		if only != g.name && (only != "" || slices.Contains(onRequest, g.name)) {
			continue
		}
		ran = true
		binary := filepath.Join(dir, filepath.Base(g.folder)+".test")
		build := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./internal/"+g.folder)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		results := results{}
		for round := 0; round < rounds && (round == 0 || !strings.HasSuffix(g.duration, "x")); round++ {
			c := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.bench=^Benchmark("+g.pattern+")$",
				"-test.benchtime="+g.duration, "-test.timeout=60m")
			c.Dir = "internal/" + g.folder
			out, err := c.CombinedOutput()
			if err == nil {
				err = results.add(out)
			}
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", g.name, err, out)
			}
		}
		for _, r := range g.rows {
			if err := r.print(results); err != nil {
				return err
			}
		}
	}
	if !ran {
		return fmt.Errorf("no benchmark is named %q", only)
	}
	return nil
}

// results are the metrics of each round, by benchmark and unit.
type results map[[2]string][]float64

var resultLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// add adds the metrics in the output of go test.
func (all results) add(output []byte) error {
	for _, line := range resultLine.FindAllSubmatch(output, -1) {
		fields := strings.Fields(string(line[2]))
		for i := 0; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return fmt.Errorf("%s: %w", line[0], err)
			}
			key := [2]string{string(line[1]), fields[i+1]}
			all[key] = append(all[key], value)
		}
	}
	return nil
}

// print prints the median and the range of r.
func (r row) print(all results) error {
	beside := strings.ToLower(r.beside[strings.LastIndex(r.beside, "/")+1:])
	figures, theirs := slices.Clone(all[[2]string{r.ours, r.unit}]), all[[2]string{r.beside, r.unit}]
	if len(figures) > 0 && r.beside != "" && len(theirs) == 0 {
		fmt.Printf("%-45s %-10s not measured: it is missing here\n", r.what, beside)
		return nil
	}
	if len(figures) == 0 || r.beside != "" && len(theirs) != len(figures) {
		return fmt.Errorf("%s: %s has %d results, %s has %d", r.unit, r.ours, len(figures), r.beside, len(theirs))
	}
	for i := range theirs {
		figures[i] /= theirs[i]
	}
	slices.Sort(figures)
	figure, spread, goal := figures[len(figures)/2], "", ""
	if len(figures) > 1 {
		spread = fmt.Sprintf("%.3g–%.3g", figures[0], figures[len(figures)-1])
	}
	if r.goal != 0 {
		goal = fmt.Sprintf("≤ %.3g", r.goal)
	}
	if r.goal != 0 && figure > r.goal {
		goal += "  missed"
	}
	fmt.Printf("%-45s %-10s %10.4g  %-17s %s\n", r.what, beside, figure, spread, goal)
	return nil
}
