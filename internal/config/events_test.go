package config

import (
	"strings"
	"testing"
)

// TestEventSettings: an error names the setting and contains no secret.
func TestEventSettings(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for _, c := range []struct {
		name   string
		config Config
		want   string // "": no error
	}{
		{"nothing", Config{}, ""},
		{"a webhook", Config{WebhookURL: "https://a.test/hook?key=hidden", WebhookSecrets: []Secret{secret}}, ""},
		{"a bus", Config{Bucket: "b", EventBus: "default"}, ""},
		{"a bus with the local store's credentials", Config{EventBus: "default"}, `SIGNPOST_EVENT_BUS="default"`},
		{"a password", Config{WebhookURL: "https://u:hidden@a.test/hook", WebhookSecrets: []Secret{secret}},
			`SIGNPOST_WEBHOOK_URL="https://...@a.test/hook"`},
		{"a password with its own @", Config{WebhookURL: "https://u:hid@den@a.test/", WebhookSecrets: []Secret{secret}},
			`SIGNPOST_WEBHOOK_URL="https://...@a.test/"`},
		{"a query", Config{WebhookURL: "ftp://a.test/?hidden", WebhookSecrets: []Secret{secret}},
			`SIGNPOST_WEBHOOK_URL="ftp://a.test/"`},
		{"no secret", Config{WebhookHosts: []string{"a.test"}}, `SIGNPOST_WEBHOOK_SECRETS=""`},
		{"no good secret", Config{WebhookSecrets: []Secret{"hidden"}}, `SIGNPOST_WEBHOOK_SECRETS="..."`},
		{"a secret of a host", Config{WebhookHosts: []string{"a.test"}, WebhookSecrets: []Secret{"a.test=" + secret}}, ""},
		{"no secret for a host", Config{WebhookHosts: []string{"a.test", "b.test"},
			WebhookSecrets: []Secret{"a.test=" + secret}},
			`SIGNPOST_WEBHOOK_SECRETS="...": there is no key for b.test:443`},
		{"no secret for the URL", Config{WebhookURL: "https://a.test/", WebhookSecrets: []Secret{"a.test=" + secret}},
			`SIGNPOST_WEBHOOK_SECRETS="...": SIGNPOST_WEBHOOK_URL needs a key`},
		{"a file", Config{WebhookURL: "https://a.test/", WebhookSecretsFile: "f"}, ""},
		{"a parameter with the local store's credentials",
			Config{WebhookURL: "https://a.test/", WebhookSecretsParameter: "/p"}, `SIGNPOST_WEBHOOK_SECRETS_PARAMETER="/p"`},
		{"a parameter", Config{Bucket: "b", WebhookURL: "https://a.test/", WebhookSecretsParameter: "/p"}, ""},
		{"secrets twice", Config{WebhookURL: "https://a.test/", WebhookSecrets: []Secret{secret},
			WebhookSecretsFile: "hidden"},
			`SIGNPOST_WEBHOOK_SECRETS_FILE="...": must not be set, because SIGNPOST_WEBHOOK_SECRETS is set`},
		{"a file and a parameter", Config{Bucket: "b", WebhookURL: "https://a.test/", WebhookSecretsFile: "f",
			WebhookSecretsParameter: "p"},
			`SIGNPOST_WEBHOOK_SECRETS_PARAMETER="...": must not be set, because SIGNPOST_WEBHOOK_SECRETS_FILE is set`},
		{"a secret among hosts", Config{WebhookHosts: []string{"a.test=whsec_hidden"}, WebhookSecrets: []Secret{secret}},
			`SIGNPOST_WEBHOOK_HOSTS="...": must not contain keys`},
		{"no host", Config{WebhookHosts: []string{"a.test/x"}, WebhookSecrets: []Secret{secret}},
			`SIGNPOST_WEBHOOK_HOSTS="a.test/x": must be hosts`},
		{"networks", Config{WebhookURL: "http://10.0.0.1/", WebhookHosts: []string{"A.test", "b.test:8443"},
			WebhookSecrets:  []Secret{secret},
			WebhookNetworks: []string{"10.0.0.0/8", "a.test=10.1.0.0/16", "b.test:8443=10.2.0.1"}}, ""},
		{"http in its host's network", Config{WebhookURL: "http://a.test/", WebhookSecrets: []Secret{secret},
			WebhookNetworks: []string{"a.test:80=10.0.0.0/8"}}, ""},
		{"a network of no receiver", Config{WebhookHosts: []string{"a.test"}, WebhookSecrets: []Secret{secret},
			WebhookNetworks: []string{"10.0.0.0/8"}},
			`SIGNPOST_WEBHOOK_NETWORKS="10.0.0.0/8": a network without a host applies to SIGNPOST_WEBHOOK_URL alone`},
		{"a network of an unknown host",
			Config{WebhookHosts: []string{"a.test"}, WebhookSecrets: []Secret{secret},
				WebhookNetworks: []string{"a.test:8443=10.0.0.0/8"}},
			`SIGNPOST_WEBHOOK_NETWORKS="a.test:8443=10.0.0.0/8": contains a.test:8443, which is not in SIGNPOST_WEBHOOK_HOSTS`},
		{"no network", Config{WebhookNetworks: []string{"a.test=10.0.0.0/33"}},
			`SIGNPOST_WEBHOOK_NETWORKS="a.test=10.0.0.0/33": must be networks`},
		{"a network without its host", Config{WebhookNetworks: []string{"=10.0.0.0/8"}},
			`SIGNPOST_WEBHOOK_NETWORKS="=10.0.0.0/8": must be networks`},
		{"plain http", Config{WebhookURL: "http://a.test/", WebhookSecrets: []Secret{secret}},
			`SIGNPOST_WEBHOOK_URL="http://a.test/"`},
		{"a short secret of the store", Config{StoreEventsSecret: "hidden"}, `SIGNPOST_STORE_EVENTS_SECRET="..."`},
	} {
		var errs Errors
		checker{&c.config, &errs}.checkEvents()
		got := strings.Join(errs.lines, "\n")
		if !strings.HasPrefix(got, c.want) || len(errs.lines) > 1 || (got == "") != (c.want == "") ||
			strings.Contains(got, "hid") || strings.Contains(got, "den@") {
			t.Errorf("%s: got %q, want %q without secrets", c.name, got, c.want)
		}
	}
}
