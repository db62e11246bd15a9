package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// TestConfigHidesSecrets: no formatting, encoding or logging of the settings contains a secret.
func TestConfigHidesSecrets(t *testing.T) {
	c := FunctionConfig{Config: Config{WebhookSecrets: []Secret{"hidden", "hidden too"}, StoreEventsSecret: "hidden",
		SigningSecretAccessKey: "hidden", SigningSessionToken: "hidden"}}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&shown, verb+verb+"\n", c, c.StoreEventsSecret)
	}
	if err := json.NewEncoder(&shown).Encode(c); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("c", "config", c, "secret", c.StoreEventsSecret)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("c", "config", c, "secret", c.StoreEventsSecret)
	if got := shown.String(); strings.Contains(got, "hidden") || strings.Contains(got, "68696464656e") ||
		strings.Contains(got, "68696464656E") {
		t.Errorf("got %s, want no secret", got)
	}
}

// TestKeyInWrongSetting: a webhook key in another setting is an error that does not contain the key.
func TestKeyInWrongSetting(t *testing.T) {
	for _, key := range []string{webhook.NewSecret(), webhook.NewPrivateKey(),
		"hooks.example.com=" + webhook.NewSecret()} {
		_, hidden, _ := strings.Cut(key, "wh")
		for variable, c := range map[string]Config{
			"SIGNPOST_WEBHOOK_HOSTS":             {WebhookHosts: []string{key}, WebhookSecretsFile: "f"},
			"SIGNPOST_WEBHOOK_NETWORKS":          {WebhookNetworks: []string{key}},
			"SIGNPOST_WEBHOOK_URL":               {WebhookURL: key, WebhookSecretsFile: "f"},
			"SIGNPOST_WEBHOOK_SECRETS_FILE":      {WebhookHosts: []string{"a.test"}, WebhookSecretsFile: key},
			"SIGNPOST_WEBHOOK_SECRETS_PARAMETER": {Bucket: "b", WebhookHosts: []string{"a.test"}, WebhookSecretsParameter: key},
		} {
			err := new(Errors).Check(c)
			if err == nil || !strings.Contains(err.Error(), variable+`="...": must`) || strings.Contains(err.Error(), hidden) {
				t.Errorf("%s=%s: got %v, want an error without the key", variable, key, err)
			}
		}
	}
}
