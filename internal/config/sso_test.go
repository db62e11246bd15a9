package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExpiredSSO: the error about an expired SSO session names the profile and the command that renews the session.
func TestExpiredSSO(t *testing.T) {
	for name, profile := range map[string]string{
		"sso_session": "[profile work]\nregion = eu-west-1\nsso_session = s\nsso_account_id = " +
			"123456789012\nsso_role_name = r\n" +
			"[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.com/start\n",
		"legacy": "[profile work]\nregion = eu-west-1\nsso_region = eu-west-1\nsso_start_url = https://example.com/start\n" +
			"sso_account_id = 123456789012\nsso_role_name = r\n",
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"} {
				t.Setenv(variable, "")
			}
			file := filepath.Join(home, "config")
			if err := errors.Join(os.WriteFile(file, []byte(profile), 0o600),
				os.MkdirAll(filepath.Join(home, ".aws/sso/cache"), 0o700)); err != nil {
				t.Fatal(err)
			}
			t.Setenv("HOME", home)
			t.Setenv("AWS_CONFIG_FILE", file)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "none"))
			t.Setenv("AWS_PROFILE", "work")
			_, err := Config{}.LoadAWS(t.Context())
			if err == nil || !strings.Contains(err.Error(), `AWS_PROFILE="work"`) ||
				!strings.Contains(err.Error(), "aws sso login --profile work") {
				t.Errorf("LoadAWS: got %v, want the profile and the command", err)
			}
		})
	}
}
