package assembly

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/config"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/webhook"
)

// Outbox makes service publish its events to the receivers that c names, and returns the outbox: nil if c names none.
// Keys are those of OpenWebhookKeys.
func NewOutbox(c config.Config, service *imports.Service, settings aws.Config, keys *WebhookKeys, log *slog.Logger) (*outbox.Outbox, error) {
	if !c.HasEvents() {
		return nil, nil
	}
	box := &outbox.Outbox{Bucket: service.Bucket, Confirm: service.Confirm, Webhook: c.WebhookURL, Allows: service.Limits.AllowsWebhook, Now: service.Now, Log: log}
	if c.HasWebhooks() {
		var err error
		if box.Send, err = newSender(c, keys); err != nil {
			return nil, err
		}
	}
	if c.EventBus != "" {
		box.PutEvent = outbox.EventBus(settings, c.EventBus)
	}
	service.Publish = box.Publish
	return box, nil
}

// sender returns a function that delivers to the operator's own receiver, or to one that an import names. The former
// has the operator's keys and networks; the latter has keys and networks of its host, and https only. The URL decides:
// an import that names exactly the operator's URL reaches a receiver that expects the operator's signature.
func newSender(c config.Config, keys *WebhookKeys) (func(ctx context.Context, url, id string, at time.Time, body []byte) error, error) {
	networks, err := c.ReceiverNetworks()
	if err != nil {
		return nil, err
	}
	own := webhook.New(webhook.Options{
		Keys: func(ctx context.Context, _ string) ([]webhook.Key, error) {
			current, err := keys.Current(ctx)
			if err != nil {
				return nil, err
			}
			return current.Common()
		},
		Networks: func(host string) []*net.IPNet { return slices.Concat(networks.Own, networks.Hosts[host]) },
	})
	others := webhook.New(webhook.Options{
		Keys: func(ctx context.Context, host string) ([]webhook.Key, error) {
			current, err := keys.Current(ctx)
			if err != nil {
				return nil, err
			}
			return current.ForHost(host)
		},
		Networks:  func(host string) []*net.IPNet { return networks.Hosts[host] },
		HTTPSOnly: true,
	})
	return func(ctx context.Context, url, id string, at time.Time, body []byte) error {
		if url == c.WebhookURL {
			return own.Send(ctx, url, id, at, body)
		}
		return others.Send(ctx, url, id, at, body)
	}, nil
}
