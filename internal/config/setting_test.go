package config

import (
	"testing"
	"time"
)

// TestSetting: a setting is found by the pointer to its field. Its value is formatted as it is set; secrets are hidden.
func TestSetting(t *testing.T) {
	c := Config{
		Listen: "x:1", Bucket: "data", URLTTL: time.Hour, MaxSize: 5, UI: true, CORSOrigins: []string{"a", "b"},
		StoreEventsSecret: "hidden", WebhookSecrets: []Secret{"hidden", "hidden"},
	}
	for want, field := range map[string]any{
		`SIGNPOST_LISTEN="x:1"`: &c.Listen, `SIGNPOST_BUCKET="data"`: &c.Bucket, `SIGNPOST_URL_TTL="1h"`: &c.URLTTL,
		`SIGNPOST_MAX_SIZE="5"`: &c.MaxSize, `SIGNPOST_UI="true"`: &c.UI, `SIGNPOST_CORS_ORIGINS="a,b"`: &c.CORSOrigins,
		`SIGNPOST_STORE_EVENTS_SECRET="..."`: &c.StoreEventsSecret, `SIGNPOST_WEBHOOK_SECRETS="..."`: &c.WebhookSecrets,
		`SIGNPOST_SIGNING_SESSION_TOKEN=""`: &c.SigningSessionToken, `SIGNPOST_WEBHOOK_HOSTS=""`: &c.WebhookHosts,
	} {
		if got := c.Setting(field); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
