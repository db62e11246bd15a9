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
	// maxQueued is the maximum number of queued notifications. Further ones are dropped.
	maxQueued = 1024
	// maxWorkers is the maximum number of concurrent calls of onCreated.
	maxWorkers = 4
)

// notifier calls onCreated for created objects, in its own goroutines, so that requests do not wait.
type notifier struct {
	onCreated func(key string) // may be nil
	prefix    string           // of the keys to report
	limit     time.Duration    // how long close waits for calls in progress: drainLimit, except in tests

	mu      sync.Mutex
	closed  bool
	queue   []string
	workers int
	running sync.WaitGroup // counts workers
}

// add queues a notification. It never blocks.
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

// work calls onCreated until the queue is empty.
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

// close drops queued notifications and waits for calls in progress.
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
		return fmt.Errorf("local store: notifications of created objects did not finish within %v", a.limit)
	}
}

// notifyingBackend reports the objects stored in one bucket. It wraps the backend because versitygw's event sender
// has no key for forms, whose key is not in the path.
type notifyingBackend struct {
	wholeBodies
	bucket   string
	notifier *notifier
}

func (w notifyingBackend) notify(bucket, key *string, err error) {
	if err == nil && bucket != nil && key != nil && *bucket == w.bucket {
		w.notifier.add(strings.Clone(*key)) // fiber reuses the memory for the next request
	}
}

// PutObject also receives forms.
func (w notifyingBackend) PutObject(
	ctx context.Context, in s3response.PutObjectInput,
) (s3response.PutObjectOutput, error) {
	out, err := w.wholeBodies.PutObject(ctx, in)
	w.notify(in.Bucket, in.Key, err)
	return out, err
}

func (w notifyingBackend) CompleteMultipartUpload(
	ctx context.Context, in *s3.CompleteMultipartUploadInput,
) (s3response.CompleteMultipartUploadResult, string, error) {
	out, version, err := w.wholeBodies.CompleteMultipartUpload(ctx, in)
	w.notify(in.Bucket, in.Key, err)
	return out, version, err
}

func (w notifyingBackend) CopyObject(
	ctx context.Context, in s3response.CopyObjectInput,
) (s3response.CopyObjectOutput, error) {
	out, err := w.wholeBodies.CopyObject(ctx, in)
	w.notify(in.Bucket, in.Key, err)
	return out, err
}
