package app

import (
	"strings"
	"testing"
)

// TestEventSettings: a rule that is broken is told of by the setting's name, and no secret is repeated.
func TestEventSettings(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for _, c := range []struct {
		name   string
		config Config
		want   string // "": no complaint
	}{
		{"nothing", Config{}, ""},
		{"a webhook", Config{WebhookURL: "https://a.test/hook?key=hidden", WebhookSecrets: []string{secret}}, ""},
		{"a bus", Config{Bucket: "b", EventBus: "default"}, ""},
		{"a bus with the local store's credentials", Config{EventBus: "default"}, `SIGNPOST_EVENT_BUS="default"`},
		{"a password", Config{WebhookURL: "https://u:hidden@a.test/hook", WebhookSecrets: []string{secret}}, `SIGNPOST_WEBHOOK_URL="https://...@a.test/hook"`},
		{"a password with its own @", Config{WebhookURL: "https://u:hid@den@a.test/", WebhookSecrets: []string{secret}}, `SIGNPOST_WEBHOOK_URL="https://...@a.test/"`},
		{"a query", Config{WebhookURL: "ftp://a.test/?hidden", WebhookSecrets: []string{secret}}, `SIGNPOST_WEBHOOK_URL="ftp://a.test/"`},
		{"no secret", Config{WebhookHosts: []string{"a.test"}}, `SIGNPOST_WEBHOOK_SECRETS=""`},
		{"no good secret", Config{WebhookSecrets: []string{"hidden"}}, `SIGNPOST_WEBHOOK_SECRETS="..."`},
		{"plain http", Config{WebhookURL: "http://a.test/", WebhookSecrets: []string{secret}}, `SIGNPOST_WEBHOOK_URL="http://a.test/"`},
		{"a short secret of the store", Config{StoreEventsSecret: "hidden"}, `SIGNPOST_STORE_EVENTS_SECRET="..."`},
	} {
		var complaints Complaints
		c.config.checkEvents(complaints.add)
		got := strings.Join(complaints.lines, "\n")
		if !strings.HasPrefix(got, c.want) || len(complaints.lines) > 1 || (got == "") != (c.want == "") || strings.Contains(got, "hid") || strings.Contains(got, "den@") {
			t.Errorf("%s: got %q, want %q and nothing that is hidden", c.name, got, c.want)
		}
	}
}
