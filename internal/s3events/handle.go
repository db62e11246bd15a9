package s3events

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// atOnce bounds the notices under way for one event: each is a call or two to the store.
const atOnce = 8

// HandleEach calls notice for the key of each arrival in bucket, up to eight at a time, and returns when all have returned, with their
// errors together. Those of other buckets are nobody's business here.
func HandleEach(ctx context.Context, arrivals []CreatedObject, bucket string, notice func(ctx context.Context, key string) error) error {
	errs := make([]error, len(arrivals))
	turns := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, a := range arrivals {
		if a.Bucket != bucket {
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			errs[i] = guarded(ctx, a.Key, notice)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// guarded makes an error of a panic, which in a goroutine of its own nobody else could stop from ending the process.
func guarded(ctx context.Context, key string, notice func(context.Context, string) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return notice(ctx, key)
}
