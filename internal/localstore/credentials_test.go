package localstore

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestCredentialsAreCreatedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	made := make([]aws.Credentials, 8)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			var err error
			if made[i], err = loadCredentials(t.Context(), path); err != nil {
				t.Errorf("loadCredentials: %v", err)
			}
		})
	}
	wg.Wait()
	for _, c := range made {
		if c != made[0] {
			t.Errorf("two starters have %s and %s", made[0].AccessKeyID, c.AccessKeyID)
		}
	}
	if id := made[0].AccessKeyID; !regexp.MustCompile(`^LOCAL[A-Z2-7]{15}$`).MatchString(id) {
		t.Errorf("access key id = %s", id)
	}
	if n := len(made[0].SecretAccessKey); n != 40 {
		t.Errorf("secret has %d characters, want 40", n)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".credentials-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedCredentials(t *testing.T) {
	for name, content := range map[string]string{
		"empty":        "",
		"no secret":    "[default]\naws_access_key_id = LOCALX\n",
		"other":        "[prod]\naws_access_key_id = X\naws_secret_access_key = Y\n",
		"not INI":      "\x00\x01\x02",
		"empty values": "[default]\naws_access_key_id =\naws_secret_access_key =\n",
	} {
		path := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadCredentials(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "delete it") {
			t.Errorf("%s: error = %v, want one that names the file and what to do", name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != content {
			t.Errorf("%s: the file was changed", name)
		}
	}
}
