package upload

import (
	"context"
	"errors"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

const (
	// longPollSeconds is how long the service may hold a request. It allows 25; gateways and proxies may give up after 29.
	longPollSeconds = 20
	// minPollInterval is the shortest time between requests. A service that is old, busy or without long polling responds
	// at once. The interval doubles while the import does not change, up to maxPollInterval.
	minPollInterval = time.Second
	maxPollInterval = 8 * time.Second
)

// Watch returns the changes of an import. It must not be used concurrently.
type Watch struct {
	api *API
	id  string
	job client.Import
	// etag is that of job. It is empty before the first request, or if the service sends none.
	etag     string
	earliest time.Time // of the next request
	interval time.Duration
}

// Watch returns a watch of the import with this id.
func (a *API) Watch(id string) *Watch { return &Watch{api: a, id: id, interval: minPollInterval} }

// Next returns the import. After the first call it waits until the import has changed or a long poll has ended.
func (w *Watch) Next(ctx context.Context) (client.Import, error) {
	if err := sleep(ctx, time.Until(w.earliest)); err != nil {
		return client.Import{}, err
	}
	var params client.GetImportParams
	began := time.Now()
	if w.etag != "" {
		params.Wait, params.IfNoneMatch = new(int32(longPollSeconds)), &w.etag
	}
	job, etag, err := w.api.read(ctx, w.id, params)
	if params.Wait != nil || etag == "" {
		w.earliest = began.Add(w.interval)
	}
	if errors.Is(err, errNotModified) {
		if time.Since(began) < maxPollInterval {
			w.interval = min(2*w.interval, maxPollInterval)
		}
		return w.job, nil
	}
	if err == nil {
		w.job, w.etag, w.interval = job, etag, minPollInterval
	}
	return job, err
}
