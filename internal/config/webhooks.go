package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// ReceiverNetworks are the private networks that webhook receivers may be in.
type ReceiverNetworks struct {
	Own   []*net.IPNet            // of the operator's receiver
	Hosts map[string][]*net.IPNet // by canonical host
}

// ReceiverNetworks parses SIGNPOST_WEBHOOK_NETWORKS: CIDR or HOST=CIDR.
func (c Config) ReceiverNetworks() (ReceiverNetworks, error) {
	n := ReceiverNetworks{Hosts: map[string][]*net.IPNet{}}
	for _, entry := range c.WebhookNetworks {
		host, text, bound := strings.Cut(entry, "=")
		if !bound {
			text = entry
		}
		parsed, err := parseNetworks([]string{text})
		if err != nil {
			return n, err
		}
		if !bound {
			n.Own = append(n.Own, parsed...)
			continue
		}
		if host, err = webhook.ParseHost(host); err != nil {
			return n, err
		}
		n.Hosts[host] = append(n.Hosts[host], parsed...)
	}
	return n, nil
}

// checkEvents checks the settings of events. No report contains a secret.
func (c checker) checkEvents() {
	c.checkNetworks()
	c.requireBucket(&c.EventBus, &c.WebhookSecretsParameter)
	for _, host := range c.WebhookHosts {
		if strings.Contains(host, "=") {
			c.add(c.Name(&c.WebhookHosts), "...",
				"must not contain keys: set HOST=KEY in SIGNPOST_WEBHOOK_SECRETS or SIGNPOST_WEBHOOK_SECRETS_FILE")
		} else if _, err := webhook.ParseHost(host); err != nil {
			c.report(&c.WebhookHosts,
				"must be hosts such as hooks.example.com or hooks.example.com:8443, separated by commas")
		}
	}
	c.checkSecrets()
	if c.StoreEventsSecret != "" && len(c.StoreEventsSecret) < 16 {
		c.report(&c.StoreEventsSecret,
			"must have at least 16 characters: it is the only authentication of the store")
	}
}

// checkNetworks checks the operator's URL and the networks of webhooks.
func (c checker) checkNetworks() {
	networks, err := c.ReceiverNetworks()
	if err != nil {
		c.report(&c.WebhookNetworks, networksRule+"; write HOST=10.0.0.0/8 for a host of SIGNPOST_WEBHOOK_HOSTS")
		return
	}
	if c.WebhookURL == "" && len(c.WebhookHosts) > 0 && len(networks.Own) > 0 {
		c.report(&c.WebhookNetworks,
			"a network without a host applies to SIGNPOST_WEBHOOK_URL alone, which is not set: write "+
				"HOST=10.0.0.0/8 for a host of SIGNPOST_WEBHOOK_HOSTS")
	}
	var known []string
	for _, host := range c.WebhookHosts {
		if host, err := webhook.ParseHost(host); err == nil {
			known = append(known, host)
		}
	}
	plain := len(networks.Own) > 0 // the operator's receiver may use plain HTTP
	if u, err := url.Parse(c.WebhookURL); err == nil && c.WebhookURL != "" {
		host := webhook.CanonicalHost(u)
		known = append(known, host)
		plain = plain || len(networks.Hosts[host]) > 0
	}
	for _, host := range slices.Sorted(maps.Keys(networks.Hosts)) {
		if !slices.Contains(known, host) {
			c.report(&c.WebhookNetworks, "contains "+host+", which is not in SIGNPOST_WEBHOOK_HOSTS: add it there")
		}
	}
	if c.WebhookURL == "" {
		return
	}
	if err := webhook.CheckURL(c.WebhookURL); err != nil {
		c.add(c.Name(&c.WebhookURL), showable(c.WebhookURL), err.Error())
	} else if strings.HasPrefix(c.WebhookURL, "http://") && !plain {
		c.add(c.Name(&c.WebhookURL), showable(c.WebhookURL),
			"must be https, unless SIGNPOST_WEBHOOK_NETWORKS contains the network of the receiver")
	}
}

// checkSecrets checks the keys of webhooks. Keys of a file or parameter are checked when they are read.
func (c checker) checkSecrets() {
	for _, source := range []*string{&c.WebhookSecretsFile, &c.WebhookSecretsParameter} {
		if webhookKey.MatchString(*source) {
			c.report(source, "must be the name of a file or parameter, not a key: set keys in "+c.Name(&c.WebhookSecrets))
			return
		}
	}
	var set []string
	if len(c.WebhookSecrets) > 0 {
		set = append(set, c.Name(&c.WebhookSecrets))
	}
	if c.WebhookSecretsFile != "" {
		set = append(set, c.Name(&c.WebhookSecretsFile))
	}
	if c.WebhookSecretsParameter != "" {
		set = append(set, c.Name(&c.WebhookSecretsParameter))
	}
	switch {
	case len(set) > 1:
		c.add(set[1], "...", "must not be set, because "+set[0]+" is set")
	case len(set) == 0 && c.HasWebhooks():
		c.report(&c.WebhookSecrets, "must contain a key that signs deliveries, or set SIGNPOST_WEBHOOK_SECRETS_FILE or "+
			"SIGNPOST_WEBHOOK_SECRETS_PARAMETER: signpost webhooks keygen prints a key")
	case len(c.WebhookSecrets) > 0:
		if _, err := c.ParseWebhookKeys(c.SecretsText()); err != nil {
			c.report(&c.WebhookSecrets, err.Error())
		}
	}
}

// showable returns a URL without its query and user information, which may be credentials.
func showable(raw string) string {
	shown, _, _ := strings.Cut(raw, "?")
	if scheme, rest, ok := strings.Cut(shown, "://"); ok && strings.Contains(rest, "@") {
		return scheme + "://...@" + rest[strings.LastIndex(rest, "@")+1:]
	}
	return shown
}

// SecretsText returns SIGNPOST_WEBHOOK_SECRETS as it was set.
func (c Config) SecretsText() string {
	entries := make([]string, len(c.WebhookSecrets))
	for i, secret := range c.WebhookSecrets {
		entries[i] = string(secret)
	}
	return strings.Join(entries, ",")
}

// ParseWebhookKeys parses keys, and checks that every receiver that c names has one.
func (c Config) ParseWebhookKeys(text string) (*webhook.Keys, error) {
	keys, err := webhook.ParseKeys(text)
	if err != nil {
		return nil, err
	}
	if c.WebhookURL != "" {
		if _, err := keys.Common(); err != nil {
			return nil, fmt.Errorf("SIGNPOST_WEBHOOK_URL needs a key: %w", err)
		}
	}
	for _, text := range c.WebhookHosts {
		host, err := webhook.ParseHost(text)
		if err != nil {
			continue // checkEvents reports it
		}
		if _, err := keys.ForHost(host); err != nil {
			return nil, err
		}
	}
	return keys, nil
}
