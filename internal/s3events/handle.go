package s3events

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
)

// concurrency limits the concurrent calls of a handler for one event. Each makes one or two calls to the store.
const concurrency = 8

// HandleEach calls handle for the key of each object in bucket, up to eight at a time, and ignores objects in other
// buckets. It returns when all calls have returned, with all their errors: an error stops no other call.
func HandleEach(
	ctx context.Context, objects []CreatedObject, bucket string, handle func(ctx context.Context, key string) error,
) error {
	errs := make([]error, len(objects))
	var calls errgroup.Group
	calls.SetLimit(concurrency)
	for i, o := range objects {
		if o.Bucket != bucket {
			continue
		}
		calls.Go(func() error {
			errs[i] = recovered(ctx, o.Key, handle)
			return nil
		})
	}
	_ = calls.Wait()
	return errors.Join(errs...)
}

// recovered returns a panic of handle as an error. A panic in a goroutine would end the process.
func recovered(ctx context.Context, key string, handle func(context.Context, string) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return handle(ctx, key)
}
