package assembly

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
)

// Function is the service as a Lambda function.
type Function struct {
	Handler http.Handler
	Imports *imports.Service
	// HandleObjectCreated handles the notification of a new object.
	HandleObjectCreated func(ctx context.Context, key string) error
	// Sweep sweeps the bucket if a sweep is due.
	Sweep func(ctx context.Context) error
}

// maxEvents limits the events that an invocation for one new object delivers: its own, in most cases. A sweep delivers
// the others.
const maxEvents = 20

// NewFunction builds the service as a Lambda function, whose callers API Gateway authenticates. It makes no request to
// the store, so that the function starts fast.
func NewFunction(ctx context.Context, c config.Config, tracing Tracing, log *slog.Logger) (*Function, error) {
	settings, err := config.FunctionAWS()
	if err != nil {
		return nil, err
	}
	c.WarnURLTTL(log, settings)
	store, err := newBucket(ctx, c, settings, bucket.Hooks{OnCall: tracing.OnCall})
	if err != nil {
		return nil, err
	}
	p, err := New(ctx, c, settings, store, Options{Holder: uuid.NewString(), Tracing: tracing, Log: log})
	if err != nil {
		return nil, err
	}
	p.Imports.AnonymousListing = false
	return &Function{
		Handler: httpapi.New(httpapi.Options{
			Service: p.Imports, Ready: store.Check, Authenticate: auth.NewGateway(c.AllowAnonymous),
			CORSOrigins: c.CORSOrigins, Names: httpapi.Names{CORSOrigins: c.Name(&c.CORSOrigins)}, Log: log,
			Tracing: tracing.Requests,
		}),
		Imports: p.Imports,
		Sweep:   p.Sweeper.RunDue,
		HandleObjectCreated: func(ctx context.Context, key string) error {
			if err := p.Imports.HandleObjectCreated(ctx, key); err != nil || p.Outbox == nil {
				return err
			}
			_, err := p.Outbox.QueueDue(ctx, maxEvents)
			p.Outbox.Wait()
			return err
		},
	}, nil
}
