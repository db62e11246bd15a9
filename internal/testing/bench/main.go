// Command bench compares the service with the alternatives: the bare framework, the bare arithmetic, the SDK's
// presigner, a bare write to the store. It prints one table. Because machines are noisy, each figure is the median of
// slices that alternate between the two sides. The ratio matters, and its range shows its precision.
//
// It requires Linux, because it reads /proc.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"time"
)

// rows are the measurements, in the order of the table.
var rows = []struct {
	name    string
	measure func(context.Context, *bench) error
}{
	{"bare", measureBare},
	{"tracked", measureTracked},
	{"signature", measureSignature},
	{"parts", measureParts},
	{"auth", measureAuth},
	{"create", measureCreate},
	{"memory", measureMemory},
	{"lambda", measureLambda},
	{"upload", measureUpload},
	{"deliver", measureDeliver},
}

// apart are measured only on request, because they take minutes.
var apart = []string{"upload", "deliver"}

func main() {
	only := flag.String("only", "", "measure this row alone; upload and deliver are measured only so")
	binary := flag.String("signpost", "bin/signpost", "the program to measure")
	child := flag.String("child", "", "be a server to measure: echo, tracked or store")
	body := flag.Int("body", 0, "bytes the echo child answers with")
	flag.IntVar(&pairs, "pairs", pairs, "slices of each side")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *child, *body, *only, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, child string, body int, only, binary string) error {
	if child != "" {
		return serveChild(ctx, child, body)
	}
	dir, err := os.MkdirTemp("", "signpost-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, binary: binary}
	defer b.stopAll()
	fmt.Printf(
		"%s, %d CPUs, %s; medians of slices taken in turns\n\n",
		runtime.Version(),
		runtime.NumCPU(),
		time.Now().Format(time.DateOnly),
	)
	fmt.Printf("%-34s %-38s %8s  %-15s %-8s %s\n", "what", "beside", "ratio", "range", "target", "figures")
	for _, row := range rows {
		if only == "" && slices.Contains(apart, row.name) || only != "" && only != row.name {
			continue
		}
		if err := row.measure(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		b.stopAll()
	}
	return ctx.Err()
}
