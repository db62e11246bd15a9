package localstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

const (
	// maxUntold is how many arrivals wait to be told of. What arrives while as many wait is not told of.
	maxQueued = 1024
	// maxTellers is how many are told of at a time.
	maxWorkers = 4
)

// arrivals tells somebody of the objects that arrive, in goroutines of its own: who stores one waits for none of that.
type notifier struct {
	onCreated func(key string) // nil: nobody
	prefix    string           // the prefix of those that are told
	limit     time.Duration    // for those being told of when a store closes: drainLimit, but for tests

	mu      sync.Mutex
	closed  bool
	queue   []string
	workers int
	running sync.WaitGroup // the tellers
}

// add never waits.
func (a *notifier) add(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.onCreated == nil || a.closed || !strings.HasPrefix(key, a.prefix) || len(a.queue) == maxQueued {
		return
	}
	a.queue = append(a.queue, key)
	if a.workers < maxWorkers {
		a.workers++
		a.running.Go(a.work)
	}
}

// tell ends when there is nothing left to tell.
func (a *notifier) work() {
	for key, ok := a.next(); ok; key, ok = a.next() {
		a.onCreated(key)
	}
}

func (a *notifier) next() (key string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		a.workers--
		return "", false
	}
	key, a.queue = a.queue[0], a.queue[1:]
	return key, true
}

// end forgets those that wait, and waits for those being told of.
func (a *notifier) close() error {
	a.mu.Lock()
	a.closed, a.queue = true, nil
	a.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		a.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(a.limit):
		return fmt.Errorf("local store: whoever is told of arrivals has not returned within %v", a.limit)
	}
}

// watched tells of what is stored in one bucket. It stands between versitygw's front end and its files because the front end's own
// event sender is told no key of a form, which has none in its path.
type notifyingBackend struct {
	wholeBodies
	bucket   string
	notifier *notifier
}

func (w notifyingBackend) notify(bucket, key *string, err error) {
	if err == nil && bucket != nil && key != nil && *bucket == w.bucket {
		w.notifier.add(strings.Clone(*key)) // fiber uses its memory again for the next request
	}
}

// PutObject is of forms, too.
func (w notifyingBackend) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	out, err := w.wholeBodies.PutObject(ctx, in)
	w.notify(in.Bucket, in.Key, err)
	return out, err
}

func (w notifyingBackend) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	out, version, err := w.wholeBodies.CompleteMultipartUpload(ctx, in)
	w.notify(in.Bucket, in.Key, err)
	return out, version, err
}

func (w notifyingBackend) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	out, err := w.wholeBodies.CopyObject(ctx, in)
	w.notify(in.Bucket, in.Key, err)
	return out, err
}
