package main

import (
	"cmp"
	"errors"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/internal/progress"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

// transferFlags are the flags of commands that send objects to the store or receive them.
type transferFlags struct {
	Concurrency *int     `placeholder:"N" group:"Transfer:" help:"Most concurrent requests to the store, from 1 to 256 (default 16; for uploads of files under 1MiB, 32)."`
	LimitRate   byteSize `placeholder:"SIZE" group:"Transfer:" help:"Bytes per second for all requests together, such as 10MiB (default: no limit)."`
	JSON        bool     `name:"json" xor:"output" group:"Output:" help:"Print one event per line as JSON."`
	Quiet       bool     `short:"q" xor:"output" group:"Output:" help:"Print errors only."`
	Term        string   `env:"TERM" hidden:"" help:"Terminal type: dumb terminals have no progress bars."`
}

func (f transferFlags) validate() error {
	switch {
	case f.Concurrency != nil && (*f.Concurrency < 1 || *f.Concurrency > 256):
		return errors.New("--concurrency: must be from 1 to 256")
	case f.LimitRate != 0 && f.LimitRate < 16<<10:
		return errors.New("--limit-rate: must be at least 16KiB: stores close slower connections")
	}
	return nil
}

// minConnectionRate is the least bytes per second of each connection under a rate limit.
const minConnectionRate = 4 << 20

// requests returns the number of concurrent requests, 0 for the default. Under a rate limit, fewer are better: an
// interrupt loses unfinished ones, and stores close connections that are idle for some seconds.
func (f transferFlags) requests() int {
	n := 0
	if f.Concurrency != nil {
		n = *f.Concurrency
	}
	if f.LimitRate == 0 {
		return n
	}
	return max(1, min(cmp.Or(n, engine.DefaultConcurrency), int(f.LimitRate/minConnectionRate)))
}

// limiter returns the rate limit, or nil.
func (f transferFlags) limiter() *rate.Limiter {
	if f.LimitRate == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(f.LimitRate), max(64<<10, int(f.LimitRate/20)))
}

func (f transferFlags) progressOptions(i *invocation) progress.Options {
	return progress.Options{
		Stdout: i.stdout, Stderr: i.stderr, Quiet: f.Quiet, JSON: f.JSON, Dumb: f.Term == "dumb",
	}
}
