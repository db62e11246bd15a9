package app

import (
	"log/slog"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/eventbus"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/webhook"
)

// Outbox has service announce what ends to those whom c names: nil where it names nobody.
func (c Config) Outbox(service *imports.Service, settings aws.Config, log *slog.Logger) (*outbox.Outbox, error) {
	if !c.tells() {
		return nil, nil
	}
	box := &outbox.Outbox{Bucket: service.Bucket, Confirm: service.Confirm, Webhook: c.WebhookURL, Allows: service.Limits.Calls, Now: service.Now, Log: log}
	if c.WebhookURL != "" || len(c.WebhookHosts) > 0 {
		networks, err := networksOf(c.WebhookNetworks)
		if err != nil {
			return nil, err
		}
		sender, err := webhook.New(webhook.Options{Secrets: c.WebhookSecrets, Networks: networks})
		if err != nil {
			return nil, err
		}
		box.Send = sender.Send
	}
	if c.EventBus != "" {
		box.Publish = eventbus.Open(settings, c.EventBus)
	}
	service.Announce = box.Announce
	return box, nil
}

// tells reports whether c names somebody who may want to hear.
func (c Config) tells() bool {
	return c.WebhookURL != "" || len(c.WebhookHosts) > 0 || c.EventBus != ""
}

// checkEvents adds every rule that the settings of events break. No complaint repeats a secret.
func (c Config) checkEvents(complain func(variable, value, rule string)) {
	if c.WebhookURL != "" {
		if err := webhook.CheckURL(c.WebhookURL); err != nil {
			complain("SIGNPOST_WEBHOOK_URL", showable(c.WebhookURL), err.Error())
		} else if strings.HasPrefix(c.WebhookURL, "http://") && len(c.WebhookNetworks) == 0 {
			complain("SIGNPOST_WEBHOOK_URL", showable(c.WebhookURL), "must be https, unless it is in one of SIGNPOST_WEBHOOK_NETWORKS")
		}
	}
	if c.EventBus != "" && c.Bucket == "" {
		complain("SIGNPOST_EVENT_BUS", c.EventBus, "must be left out with the local store, whose credentials are none of AWS: set SIGNPOST_BUCKET")
	}
	if (c.WebhookURL != "" || len(c.WebhookHosts) > 0) && len(c.WebhookSecrets) == 0 {
		complain("SIGNPOST_WEBHOOK_SECRETS", "", "must hold a secret, by which receivers know who speaks: whsec_ and the base64 of 24 to 64 bytes. "+
			`echo "whsec_$(openssl rand -base64 32)" makes one`)
	}
	for _, secret := range c.WebhookSecrets {
		if _, err := webhook.ParseSecret(secret); err != nil {
			complain("SIGNPOST_WEBHOOK_SECRETS", "...", "must be secrets, divided by commas, each whsec_ and the base64 of 24 to 64 bytes")
			break
		}
	}
	for _, host := range c.WebhookHosts {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || u.Hostname() == "" {
			complain("SIGNPOST_WEBHOOK_HOSTS", strings.Join(c.WebhookHosts, ","), "must be hosts such as hooks.example.com or hooks.example.com:8443, separated by commas")
			break
		}
	}
	if _, err := networksOf(c.WebhookNetworks); err != nil {
		complain("SIGNPOST_WEBHOOK_NETWORKS", strings.Join(c.WebhookNetworks, ","), "must be networks such as 10.0.0.0/8 or single addresses, but not all there are, divided by commas")
	}
	if c.StoreEventsSecret != "" && len(c.StoreEventsSecret) < 16 {
		complain("SIGNPOST_STORE_EVENTS_SECRET", "...", "must have at least 16 characters, as nothing else keeps strangers from speaking for the store")
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
