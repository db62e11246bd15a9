package upload

import (
	"context"
	"errors"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

const (
	// watchWait is for how many seconds the service is asked to wait for news. It takes 25; gateways and proxies may give up after 29.
	watchWait = 20
	// watchEvery is the shortest time between requests that should each have waited. A service that is old, busy or
	// without long polling answers at once. While nothing changes the time doubles, up to watchSeldom.
	watchEvery  = time.Second
	watchSeldom = 8 * time.Second
)

// Watch follows an import. It is for one goroutine.
type Watch struct {
	api  *API
	id   string
	job  client.Job
	tag  string    // of job; empty: the service gives none, or was not asked yet
	next time.Time // when the service may be asked

	every time.Duration // the shortest time between requests
}

// Watch returns one of the import with this id.
func (a *API) Watch(id string) *Watch { return &Watch{api: a, id: id, every: watchEvery} }

// Next returns the import: as it is when called first, then as soon as it is another than before, or after a while as it was.
func (w *Watch) Next(ctx context.Context) (client.Job, error) {
	if err := pause(ctx, time.Until(w.next)); err != nil {
		return client.Job{}, err
	}
	var params client.GetImportParams
	began := time.Now()
	if w.tag != "" {
		params.Wait, params.IfNoneMatch = new(int32(watchWait)), &w.tag
	}
	job, tag, err := w.api.read(ctx, w.id, params)
	if waited := params.Wait != nil; waited || tag == "" {
		w.next = began.Add(w.every)
	}
	if errors.Is(err, errUnchanged) {
		if time.Since(began) < watchSeldom {
			w.every = min(2*w.every, watchSeldom)
		}
		return w.job, nil
	}
	if err == nil {
		w.job, w.tag, w.every = job, tag, watchEvery
	}
	return job, err
}

// Ended reports whether nothing more is expected to arrive for job.
func Ended(job client.Job) bool {
	status := statusOf(job)
	return status != client.JobStatusAwaitingUpload && status != client.JobStatusUploading
}
