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
	maxUntold = 1024
	// maxTellers is how many are told of at a time.
	maxTellers = 4
)

// arrivals tells somebody of the objects that arrive, in goroutines of its own: who stores one waits for none of that.
type arrivals struct {
	told  func(key string) // nil: nobody
	under string           // the prefix of those that are told
	limit time.Duration    // for those being told of when a store closes: drainLimit, but for tests

	mu      sync.Mutex
	closed  bool
	waiting []string
	tellers int
	telling sync.WaitGroup // the tellers
}

// add never waits.
func (a *arrivals) add(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told == nil || a.closed || !strings.HasPrefix(key, a.under) || len(a.waiting) == maxUntold {
		return
	}
	a.waiting = append(a.waiting, key)
	if a.tellers < maxTellers {
		a.tellers++
		a.telling.Go(a.tell)
	}
}

// tell ends when there is nothing left to tell.
func (a *arrivals) tell() {
	for key, ok := a.next(); ok; key, ok = a.next() {
		a.told(key)
	}
}

func (a *arrivals) next() (key string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) == 0 {
		a.tellers--
		return "", false
	}
	key, a.waiting = a.waiting[0], a.waiting[1:]
	return key, true
}

// end forgets those that wait, and waits for those being told of.
func (a *arrivals) end() error {
	a.mu.Lock()
	a.closed, a.waiting = true, nil
	a.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		a.telling.Wait()
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
type watched struct {
	wholeBodies
	bucket   string
	arrivals *arrivals
}

func (w watched) stored(bucket, key *string, err error) {
	if err == nil && bucket != nil && key != nil && *bucket == w.bucket {
		w.arrivals.add(strings.Clone(*key)) // fiber uses its memory again for the next request
	}
}

// PutObject is of forms, too.
func (w watched) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	out, err := w.wholeBodies.PutObject(ctx, in)
	w.stored(in.Bucket, in.Key, err)
	return out, err
}

func (w watched) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	out, version, err := w.wholeBodies.CompleteMultipartUpload(ctx, in)
	w.stored(in.Bucket, in.Key, err)
	return out, version, err
}

func (w watched) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	out, err := w.wholeBodies.CopyObject(ctx, in)
	w.stored(in.Bucket, in.Key, err)
	return out, err
}
