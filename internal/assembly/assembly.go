// Package assembly builds the parts of the service that all its forms share, and the Lambda function from them. Package
// server builds the process; it is a package of its own because the function does not link what only a process needs.
package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/sweep"
)

// Parts are the parts of the service, connected to each other.
type Parts struct {
	Bucket  *bucket.Bucket
	Imports *imports.Service
	Keys    *WebhookKeys   // nil: no webhooks
	Outbox  *outbox.Outbox // nil: events have no receiver
	Sweeper *sweep.Sweeper
}

// Options are what differs between the forms of the service.
type Options struct {
	// Holder names this process in the lease of sweeps. It is unique.
	Holder string
	// DeliverImmediately is set if Outbox.Run delivers this process's events. Otherwise a sweep delivers them.
	DeliverImmediately bool
	// OnAttempt is called after each attempt to deliver an event; it may be nil.
	OnAttempt func(to, outcome string)
	Tracing   Tracing
	Log       *slog.Logger
}

// Tracing connects the parts to traces. The zero value records none.
type Tracing struct {
	Requests httpapi.Tracing
	// OnCall receives each call to the store; see bucket.Hooks.
	OnCall func(ctx context.Context, operation, outcome string, took time.Duration)
	// Transport adds spans to the transport of webhook deliveries.
	Transport func(http.RoundTripper) http.RoundTripper
}

// New builds the parts that c describes, on store.
func New(
	ctx context.Context, c config.Config, settings aws.Config, store *bucket.Bucket, o Options,
) (p *Parts, err error) {
	p = &Parts{Bucket: store, Imports: newImports(c, store)}
	if c.HasWebhooks() {
		if p.Keys, err = newWebhookKeys(ctx, c, settings, o.Log); err != nil {
			return nil, err
		}
	}
	if c.HasEvents() {
		if p.Outbox, err = newOutbox(c, settings, p.Imports, p.Keys, o); err != nil {
			return nil, err
		}
		p.Imports.Publish = p.Outbox.Publish
	}
	p.Sweeper = &sweep.Sweeper{
		Bucket: store, Imports: p.Imports, Outbox: p.Outbox, Holder: o.Holder, Now: p.Imports.Now, Log: o.Log,
	}
	return p, nil
}

// newImports returns the service of imports, which publishes no events yet. Requests that wait take at most half of the
// connections, so that the others serve requests that do not wait. Anonymous callers may list imports only if no other
// machine reaches the service; with AllowAnonymous, it may be behind a proxy.
func newImports(c config.Config, store *bucket.Bucket) *imports.Service {
	s := &imports.Service{
		Bucket: store, Downloads: c.AllowsDownloads(), AnonymousListing: c.Local() && !c.AllowAnonymous, Now: time.Now,
		Limits: imports.Limits{
			MaxSize: c.MaxSize, URLTTL: c.URLTTL, JobTTL: c.JobTTL, ContentTypes: c.ContentTypes,
			OpenUploads: c.MaxOpenUploads, WriteOnce: c.WriteOnce, WebhookHosts: c.WebhookHosts,
		},
	}
	if c.LongPolling {
		s.Waiters = imports.NewWaiters(c.MaxConnections / 2)
	}
	return s
}
