package assembly

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/config"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/webhook"
)

// newOutbox returns an outbox that delivers events of service to the receivers that c names.
func newOutbox(
	c config.Config, settings aws.Config, service *imports.Service, keys *WebhookKeys, o Options,
) (*outbox.Outbox, error) {
	options := outbox.Options{
		Bucket: service.Bucket, Confirm: service.Confirm, Webhook: c.WebhookURL, Allows: service.Limits.AllowsWebhook,
		DeliverImmediately: o.DeliverImmediately, Now: service.Now, OnAttempt: o.OnAttempt, Log: o.Log,
	}
	if c.HasWebhooks() {
		var err error
		if options.Send, err = newSender(c, keys, o.Tracing); err != nil {
			return nil, err
		}
	}
	if c.EventBus != "" {
		options.PutEvent = outbox.EventBus(settings, c.EventBus)
	}
	return outbox.New(options), nil
}

// sendFunc posts an event to a URL.
type sendFunc = func(ctx context.Context, url, id string, at time.Time, body []byte) error

// newSender returns a function that delivers to the operator's own receiver, or to one that an import names. The former
// has the operator's keys and networks; the latter has keys and networks of its host, and https only. The URL decides:
// an import that names exactly the operator's URL reaches a receiver that expects the operator's signature.
func newSender(c config.Config, keys *WebhookKeys, tracing Tracing) (sendFunc, error) {
	networks, err := c.ReceiverNetworks()
	if err != nil {
		return nil, err
	}
	own := webhook.New(webhook.Options{
		Keys:            keys.common,
		Networks:        func(host string) []*net.IPNet { return slices.Concat(networks.Own, networks.Hosts[host]) },
		NetworksSetting: c.Name(&c.WebhookNetworks),
		Trace:           tracing.Transport,
	})
	others := webhook.New(webhook.Options{
		Keys:            keys.forHost,
		Networks:        func(host string) []*net.IPNet { return networks.Hosts[host] },
		NetworksSetting: c.Name(&c.WebhookNetworks),
		HTTPSOnly:       true,
		Trace:           tracing.Transport,
	})
	return func(ctx context.Context, url, id string, at time.Time, body []byte) error {
		if url == c.WebhookURL {
			return own.Send(ctx, url, id, at, body)
		}
		return others.Send(ctx, url, id, at, body)
	}, nil
}
