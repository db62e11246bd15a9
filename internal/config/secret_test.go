package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestConfigHidesSecrets: no way to show the settings shows a secret.
func TestConfigHidesSecrets(t *testing.T) {
	c := FunctionConfig{Config: Config{WebhookSecrets: []Secret{"hidden", "hidden too"}, StoreEventsSecret: "hidden", SigningSecretAccessKey: "hidden", SigningSessionToken: "hidden"}}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&shown, verb+verb+"\n", c, c.StoreEventsSecret)
	}
	if err := json.NewEncoder(&shown).Encode(c); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("c", "config", c, "secret", c.StoreEventsSecret)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("c", "config", c, "secret", c.StoreEventsSecret)
	if got := shown.String(); strings.Contains(got, "hidden") || strings.Contains(got, "68696464656e") || strings.Contains(got, "68696464656E") {
		t.Errorf("got %s, want no secret", got)
	}
}
