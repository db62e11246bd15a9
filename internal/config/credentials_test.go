package config

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// sharedFiles clears the AWS environment of the test and sets only the paths of the shared files, which it returns.
func sharedFiles(t *testing.T) (credentials, settings string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // the SDK treats empty as unset
		}
	}
	dir := t.TempDir()
	credentials, settings = filepath.Join(dir, "credentials"), filepath.Join(dir, "config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", credentials)
	t.Setenv("AWS_CONFIG_FILE", settings)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true") // so that the role of the machine is not used
	return credentials, settings
}

// put replaces a file atomically.
func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
}

// section returns the section of a profile with static keys.
func section(name, id string) string {
	return fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = secret of %[2]s\n", name, id)
}

// recorder is a store that accepts every request and records its Authorization.
type recorder struct{ authorization string }

func (s *recorder) Do(r *http.Request) (*http.Response, error) {
	s.authorization = r.Header.Get("Authorization")
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

var credential = regexp.MustCompile(`Credential=(\w+)(%2F|/)`)

// keysOf returns a function that reports the access key ids with which a bucket signs URLs and its own requests.
func keysOf(t *testing.T, settings aws.Config) func() (url, call string, err error) {
	t.Helper()
	store := &recorder{}
	settings.HTTPClient = store
	b, err := bucket.Open(t.Context(), bucket.Options{Name: "data", AWS: settings})
	if err != nil {
		t.Fatal(err)
	}
	return func() (url, call string, err error) {
		now := time.Now()
		signed, err := b.SignPut(t.Context(), bucket.Upload{Key: "k", From: now, Until: now.Add(time.Hour)})
		if checked := b.Check(t.Context()); err != nil || checked != nil {
			return "", "", errors.Join(err, checked)
		}
		return credential.FindStringSubmatch(signed.URL.Reveal())[1], credential.FindStringSubmatch(store.authorization)[1],
			nil
	}
}

func loadAWS(t *testing.T) aws.Config {
	t.Helper()
	settings, err := Config{}.LoadAWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// TestCredentialFilesReload: after each change of the shared files, the service signs with their current keys. Without
// keys it returns ErrCredentialsExpired.
func TestCredentialFilesReload(t *testing.T) {
	for _, c := range []struct{ name, variable, profile, section string }{
		{"credentials", "", "default", "default"},
		{"credentials", "work", "work", "work"},
		{"config", "", "default", "default"},
		{"config", "work", "work", "profile work"},
	} {
		t.Run(c.name+" "+c.profile, func(t *testing.T) {
			credentials, settings := sharedFiles(t)
			t.Setenv("AWS_PROFILE", c.variable)
			file := map[string]string{"credentials": credentials, "config": settings}[c.name]
			synctest.Test(t, func(t *testing.T) {
				put(t, file, section(c.section, "first"))
				keys := keysOf(t, loadAWS(t))
				for _, step := range []struct {
					name string
					do   func()
					want string // access key id; "": none
				}{
					{"as at the start", func() {}, "first"},
					{"rotated", func() { put(t, file, section(c.section, "second")) }, "second"},
					{"emptied", func() { put(t, file, "") }, ""},
					{"still empty", func() {}, ""},
					{"filled in place", func() { os.WriteFile(file, []byte(section(c.section, "third")), 0o600) }, "third"},
					{"removed", func() { remove(t, file) }, ""},
					{"restored", func() { put(t, file, section(c.section, "third")) }, "third"},
					{"replaced by a folder", func() { remove(t, file); os.Mkdir(file, 0o700) }, ""},
					{"a file again", func() { remove(t, file); put(t, file, section(c.section, "fourth")) }, "fourth"},
					{"half a pair", func() { put(t, file, "["+c.section+"]\naws_access_key_id = fifth\n") }, ""},
					{"keys of another profile", func() { put(t, file, section("other", "fifth")) }, ""},
					{"malformed", func() { put(t, file, "= ]\x00[") }, ""},
					{"keys of this profile again", func() { put(t, file, section(c.section, "fifth")) }, "fifth"},
				} {
					step.do()
					time.Sleep(checkInterval)
					url, call, err := keys()
					if step.want == "" && !errors.Is(err, bucket.ErrCredentialsExpired) {
						t.Errorf("%s: signed by %q, %v, want ErrCredentialsExpired", step.name, url, err)
					}
					if step.want != "" && (err != nil || url != step.want || call != step.want) {
						t.Errorf("%s: URL signed by %q, request by %q, %v, want %q", step.name, url, call, err, step.want)
					}
				}
			})
		})
	}
}

// TestCheckInterval: the files are read once per checkInterval, and credentials are loaded only after a change.
func TestCheckInterval(t *testing.T) {
	file, _ := sharedFiles(t)
	synctest.Test(t, func(t *testing.T) {
		put(t, file, section("default", "first"))
		settings := loadAWS(t)
		keys, followed := keysOf(t, settings), settings.Credentials.(*fileCredentials)
		loaded := followed.chain.Load()
		time.Sleep(time.Minute)
		put(t, file, section("default", "first"))
		if keys(); followed.chain.Load() != loaded {
			t.Error("unchanged contents: loaded again, want no load")
		}
		put(t, file, section("default", "second"))
		if url, _, err := keys(); url != "first" || err != nil {
			t.Errorf("just after a check: signed by %q, %v, want first", url, err)
		}
		time.Sleep(checkInterval)
		if url, _, err := keys(); url != "second" || err != nil {
			t.Errorf("after %s: signed by %q, %v, want second", checkInterval, url, err)
		}
	})
}

// TestEnvironmentPrecedence: keys from the environment take precedence over the files.
func TestEnvironmentPrecedence(t *testing.T) {
	file, _ := sharedFiles(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "environment")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	synctest.Test(t, func(t *testing.T) {
		settings := loadAWS(t)
		keys := keysOf(t, settings)
		put(t, file, section("default", "file"))
		time.Sleep(checkInterval)
		if url, call, err := keys(); url != "environment" || call != "environment" || err != nil {
			t.Errorf("URL signed by %q, request by %q, %v, want environment", url, call, err)
		}
		if _, ok := settings.Credentials.(*aws.CredentialsCache); !ok {
			t.Errorf("got a %T, want the provider of the SDK", settings.Credentials)
		}
	})
}

// TestExpiry: Retrieve returns the expiry of the SDK's provider chain, or none.
func TestExpiry(t *testing.T) {
	file, settings := sharedFiles(t)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	answer := filepath.Join(t.TempDir(), "answer.json")
	put(t, answer, fmt.Sprintf(
		`{"Version":1,"AccessKeyId":"process","SecretAccessKey":"s","SessionToken":"t","Expiration":%q}`,
		end.Format(time.RFC3339)))
	put(t, settings, "[default]\ncredential_process = cat "+answer+"\n")
	loaded := loadAWS(t)
	if c, err := loaded.Credentials.Retrieve(t.Context()); err != nil || c.AccessKeyID != "process" || !c.CanExpire ||
		!c.Expires.Equal(end) {
		t.Errorf("Retrieve: got %s until %s (%v), %v, want process until %s", c.AccessKeyID, c.Expires, c.CanExpire, err, end)
	}
	put(t, file, section("default", "static")+"aws_session_token = t\n")
	loaded.Credentials.(*fileCredentials).next.Store(0)
	if c, err := loaded.Credentials.Retrieve(t.Context()); err != nil || c.AccessKeyID != "static" ||
		c.SessionToken != "t" || c.CanExpire {
		t.Errorf("Retrieve: got %s (%v), %v, want static, without an expiry", c.AccessKeyID, c.CanExpire, err)
	}
}

// TestPipe: a pipe, such as bash creates for <(...), is read only once.
func TestPipe(t *testing.T) {
	sharedFiles(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	file := fmt.Sprintf("/dev/fd/%d", reader.Fd())
	if _, err := os.Stat(file); err != nil {
		t.Skip("this system has no /dev/fd")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	if _, err := writer.WriteString(section("default", "piped")); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	synctest.Test(t, func(t *testing.T) {
		keys := keysOf(t, loadAWS(t))
		for range 3 {
			if url, _, err := keys(); url != "piped" || err != nil {
				t.Errorf("signed by %q, %v, want piped", url, err)
			}
			time.Sleep(checkInterval)
		}
	})
}

// TestRotationUnderLoad: concurrent callers always receive a complete pair of keys while the file changes.
func TestRotationUnderLoad(t *testing.T) {
	file, _ := sharedFiles(t)
	put(t, file, section("default", "key0"))
	loaded := loadAWS(t).Credentials.(*fileCredentials)
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for ctx.Err() == nil {
				c, err := loaded.Retrieve(t.Context())
				if err != nil || c.SecretAccessKey != "secret of "+c.AccessKeyID {
					t.Errorf("Retrieve: got %s with %q, %v", c.AccessKeyID, c.SecretAccessKey, err)
					return
				}
			}
		})
	}
	for i := range 50 {
		id := fmt.Sprintf("key%d", i+1)
		put(t, file, section("default", id))
		for c := (aws.Credentials{}); c.AccessKeyID != id && !t.Failed(); {
			loaded.next.Store(0)
			c, _ = loaded.Retrieve(t.Context())
		}
	}
	stop()
	callers.Wait()
}
