package app

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/webhook"
)

// Outbox makes service publish its events to the receivers that c names, and returns the outbox: nil if c names none.
// Keys are those of OpenWebhookKeys.
func (c Config) Outbox(service *imports.Service, settings aws.Config, keys *WebhookKeys, log *slog.Logger) (*outbox.Outbox, error) {
	if !c.tells() {
		return nil, nil
	}
	box := &outbox.Outbox{Bucket: service.Bucket, Confirm: service.Confirm, Webhook: c.WebhookURL, Allows: service.Limits.AllowsWebhook, Now: service.Now, Log: log}
	if c.hasWebhooks() {
		var err error
		if box.Send, err = c.sender(keys); err != nil {
			return nil, err
		}
	}
	if c.EventBus != "" {
		box.Publish = outbox.EventBus(settings, c.EventBus)
	}
	service.Publish = box.Announce
	return box, nil
}

// sender returns a function that delivers to the operator's own receiver, or to one that an import names. The former
// has the operator's keys and networks; the latter has keys and networks of its host, and https only. The URL decides:
// an import that names exactly the operator's URL reaches a receiver that expects the operator's signature.
func (c Config) sender(keys *WebhookKeys) (func(ctx context.Context, url, id string, at time.Time, body []byte) error, error) {
	networks, err := c.webhookNetworks()
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
		Networks: func(host string) []*net.IPNet { return slices.Concat(networks.own, networks.hosts[host]) },
	})
	others := webhook.New(webhook.Options{
		Keys: func(ctx context.Context, host string) ([]webhook.Key, error) {
			current, err := keys.Current(ctx)
			if err != nil {
				return nil, err
			}
			return current.ForHost(host)
		},
		Networks:  func(host string) []*net.IPNet { return networks.hosts[host] },
		HTTPSOnly: true,
	})
	return func(ctx context.Context, url, id string, at time.Time, body []byte) error {
		if url == c.WebhookURL {
			return own.Send(ctx, url, id, at, body)
		}
		return others.Send(ctx, url, id, at, body)
	}, nil
}

// hasWebhooks reports whether events may be delivered by webhook.
func (c Config) hasWebhooks() bool { return c.WebhookURL != "" || len(c.WebhookHosts) > 0 }

// webhookNetworks are the private networks that receivers may be in.
type webhookNetworks struct {
	own   []*net.IPNet            // of the operator's receiver
	hosts map[string][]*net.IPNet // by canonical host
}

// webhookNetworks parses SIGNPOST_WEBHOOK_NETWORKS: CIDR or HOST=CIDR.
func (c Config) webhookNetworks() (webhookNetworks, error) {
	n := webhookNetworks{hosts: map[string][]*net.IPNet{}}
	for _, entry := range c.WebhookNetworks {
		host, text, bound := strings.Cut(entry, "=")
		if !bound {
			text = entry
		}
		parsed, err := networksOf([]string{text})
		if err != nil {
			return n, err
		}
		if !bound {
			n.own = append(n.own, parsed...)
			continue
		}
		if host, err = webhook.ParseHost(host); err != nil {
			return n, err
		}
		n.hosts[host] = append(n.hosts[host], parsed...)
	}
	return n, nil
}

// tells reports whether c names a receiver of events.
func (c Config) tells() bool { return c.hasWebhooks() || c.EventBus != "" }

// checkEvents adds every rule that the settings of events break. No complaint repeats a secret.
func (c Config) checkEvents(complain func(variable, value, rule string)) {
	c.checkNetworks(complain)
	if c.EventBus != "" && c.Bucket == "" {
		complain("SIGNPOST_EVENT_BUS", c.EventBus, "must be left out with the local store, whose credentials are none of AWS: set SIGNPOST_BUCKET")
	}
	for _, host := range c.WebhookHosts {
		if strings.Contains(host, "=") {
			complain("SIGNPOST_WEBHOOK_HOSTS", "...", "must not hold keys: put HOST=KEY into SIGNPOST_WEBHOOK_SECRETS or its file")
		} else if _, err := webhook.ParseHost(host); err != nil {
			complain("SIGNPOST_WEBHOOK_HOSTS", strings.Join(c.WebhookHosts, ","), "must be hosts such as hooks.example.com or hooks.example.com:8443, separated by commas")
		}
	}
	c.checkSecrets(complain)
	if c.StoreEventsSecret != "" && len(c.StoreEventsSecret) < 16 {
		complain("SIGNPOST_STORE_EVENTS_SECRET", "...", "must have at least 16 characters, as nothing else keeps strangers from speaking for the store")
	}
}

// checkNetworks adds every rule that the operator's URL and the networks of webhooks break.
func (c Config) checkNetworks(complain func(variable, value, rule string)) {
	value := strings.Join(c.WebhookNetworks, ",")
	networks, err := c.webhookNetworks()
	if err != nil {
		complain("SIGNPOST_WEBHOOK_NETWORKS", value, "must be networks such as 10.0.0.0/8 or single addresses, but not all addresses, or "+
			"HOST=10.0.0.0/8 for a host of SIGNPOST_WEBHOOK_HOSTS, separated by commas")
		return
	}
	if c.WebhookURL == "" && len(c.WebhookHosts) > 0 && len(networks.own) > 0 {
		complain("SIGNPOST_WEBHOOK_NETWORKS", value, "a network without a host applies to SIGNPOST_WEBHOOK_URL alone, which is not set: write "+
			"HOST=10.0.0.0/8 for a host of SIGNPOST_WEBHOOK_HOSTS")
	}
	var known []string
	for _, host := range c.WebhookHosts {
		if host, err := webhook.ParseHost(host); err == nil {
			known = append(known, host)
		}
	}
	plain := len(networks.own) > 0 // the operator's receiver may use plain HTTP
	if u, err := url.Parse(c.WebhookURL); err == nil && c.WebhookURL != "" {
		host := webhook.CanonicalHost(u)
		known = append(known, host)
		plain = plain || len(networks.hosts[host]) > 0
	}
	for _, host := range slices.Sorted(maps.Keys(networks.hosts)) {
		if !slices.Contains(known, host) {
			complain("SIGNPOST_WEBHOOK_NETWORKS", value, "names "+host+", which is not in SIGNPOST_WEBHOOK_HOSTS")
		}
	}
	if c.WebhookURL == "" {
		return
	}
	if err := webhook.CheckURL(c.WebhookURL); err != nil {
		complain("SIGNPOST_WEBHOOK_URL", showable(c.WebhookURL), err.Error())
	} else if strings.HasPrefix(c.WebhookURL, "http://") && !plain {
		complain("SIGNPOST_WEBHOOK_URL", showable(c.WebhookURL), "must be https, unless it is in one of SIGNPOST_WEBHOOK_NETWORKS")
	}
}

// checkSecrets adds every rule that the keys of webhooks break. Those of a file or parameter are checked when they are
// read.
func (c Config) checkSecrets(complain func(variable, value, rule string)) {
	var set []string
	if len(c.WebhookSecrets) > 0 {
		set = append(set, secretsVariable)
	}
	if c.WebhookSecretsFile != "" {
		set = append(set, secretsFileVariable)
	}
	if c.WebhookSecretsParameter != "" {
		set = append(set, secretsParameterVariable)
	}
	switch {
	case c.WebhookSecretsParameter != "" && c.Bucket == "":
		complain(secretsParameterVariable, c.WebhookSecretsParameter, "must be left out with the local store, whose credentials AWS does not accept: set SIGNPOST_BUCKET")
	case len(set) > 1:
		complain(set[1], "...", "must be left out, because "+set[0]+" is set")
	case len(set) == 0 && c.hasWebhooks():
		complain(secretsVariable, "", "must hold a key that signs deliveries, or set "+secretsFileVariable+": signpost webhooks keygen prints keys")
	case len(c.WebhookSecrets) > 0:
		if _, err := c.parseWebhookKeys(c.secretsText()); err != nil {
			complain(secretsVariable, "...", err.Error())
		}
	}
}

// showable is a URL fit to be shown: its query, and what stands before its host, may be a credential.
func showable(raw string) string {
	shown, _, _ := strings.Cut(raw, "?")
	if scheme, rest, ok := strings.Cut(shown, "://"); ok && strings.Contains(rest, "@") {
		return scheme + "://...@" + rest[strings.LastIndex(rest, "@")+1:]
	}
	return shown
}
