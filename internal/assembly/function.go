package assembly

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/signpost-s3/signpost/internal/config"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sweep"
)

// Function is the service as a Lambda function has it.
type Function struct {
	Handler http.Handler
	Service *imports.Service
	Notice  func(ctx context.Context, key string) error // an object has arrived
	Sweep   func(ctx context.Context) error             // the time has come for what is nobody's request
}

// eventsAtOnce limits the events that an invocation for one arrival delivers: its own, in most cases. A sweep delivers the others.
const eventsAtOnce = 20

// NewFunction puts the service together for a Lambda function, whose callers are named by what invokes it. It asks nothing of the
// store: a function that is not needed yet should start at once.
func NewFunction(ctx context.Context, c config.Config, log *slog.Logger) (*Function, error) {
	settings, err := config.FunctionAWS()
	if err != nil {
		return nil, err
	}
	store, err := openBucket(ctx, c, settings, bucket.Hooks{})
	if err != nil {
		return nil, err
	}
	service := Service(c, store)
	service.AnonymousListing = false
	keys, err := OpenWebhookKeys(c, settings, log)
	if err != nil {
		return nil, err
	}
	box, err := NewOutbox(c, service, settings, keys, log)
	if err != nil {
		return nil, err
	}
	sweeper := sweep.Sweeper{Bucket: store, Imports: service, Outbox: box, Holder: uuid.NewString(), Now: service.Now, Log: log}
	return &Function{
		Handler: httpapi.New(httpapi.Options{Service: service, Ready: store.Check, Authenticate: auth.NewGateway(c.AllowAnonymous), CORSOrigins: c.CORSOrigins, Log: log}),
		Service: service,
		Sweep:   sweeper.RunDue,
		Notice: func(ctx context.Context, key string) error {
			if err := service.HandleObjectCreated(ctx, key); err != nil || box == nil {
				return err
			}
			_, err := box.QueueDue(ctx, eventsAtOnce)
			box.Wait()
			return err
		},
	}, nil
}
