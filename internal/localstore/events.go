package localstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
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

	queue   chan string
	closing context.Context // canceled by close
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

// newNotifier returns a notifier that queues notifications until start.
func newNotifier(onCreated func(key string), prefix string) *notifier {
	n := &notifier{onCreated: onCreated, prefix: prefix, limit: drainLimit, queue: make(chan string, maxQueued)}
	n.closing, n.cancel = context.WithCancel(context.Background())
	return n
}

func (n *notifier) start() {
	for range maxWorkers {
		n.workers.Go(n.work)
	}
}

// add queues a notification. It never blocks.
func (n *notifier) add(key string) {
	if n.onCreated == nil || !strings.HasPrefix(key, n.prefix) {
		return
	}
	select {
	case n.queue <- key:
	default:
	}
}

func (n *notifier) work() {
	for {
		select {
		case <-n.closing.Done():
			return
		case key := <-n.queue:
			if n.closing.Err() == nil {
				n.onCreated(key)
			}
		}
	}
}

// close drops queued notifications and waits for calls in progress.
func (n *notifier) close() error {
	n.cancel()
	ended := make(chan struct{})
	go func() {
		n.workers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(n.limit):
		return fmt.Errorf("local store: notifications of created objects did not finish within %v", n.limit)
	}
}
