package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore/storetest"
)

// TestReadingByUploadURL: on a store that honors unsigned headers, a client with upload URLs reads another owner's
// object. serve does not start there, unless that is allowed or uploads are signed with credentials that may not read.
func TestReadingByUploadURL(t *testing.T) {
	store := startLocal(t, t.TempDir())
	id, secret := store.credentials(t)
	settings := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(store.store(t)), Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	}
	lenient := storetest.NewLenient(t, settings, localBucket)
	keys := filepath.Join(t.TempDir(), "keys")
	alice, mallory := signpost(t, "keygen", "alice", "--append", keys), signpost(t, "keygen", "mallory", "--append", keys)
	env := []string{
		"SIGNPOST_BUCKET=" + localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3=" + *lenient.AWS.BaseEndpoint,
		"AWS_SHARED_CREDENTIALS_FILE=" + store.credentialsFile(), "SIGNPOST_API_KEYS_FILE=" + keys,
	}
	restricted := []string{
		"SIGNPOST_SIGNING_ACCESS_KEY_ID=" + lenient.Restricted.AccessKeyID,
		"SIGNPOST_SIGNING_SECRET_ACCESS_KEY=" + lenient.Restricted.SecretAccessKey,
	}

	t.Run("it does not start", func(t *testing.T) {
		path, err := exec.LookPath("signpost")
		if err != nil {
			t.Fatal(err)
		}
		p := launch(t, exec.Command(path, "serve"), append(env, "SIGNPOST_LISTEN=127.0.0.1:0")...)
		if status := p.wait(t); status.ExitStatus() != 1 || p.stdout.String() != "" ||
			!strings.Contains(p.stderr.String(), "the store honors headers that an upload URL does not sign (x-amz-copy-source on PUT") {
			t.Errorf("got status %d and stderr %s, want 1 and the reason", status.ExitStatus(), p.stderr)
		}
	})
	for _, c := range []struct {
		name     string
		settings []string
		log      string
		reads    bool
	}{
		{"allowed", []string{"SIGNPOST_ALLOW_UNSIGNED_HEADERS=true"}, `"msg":"unsigned headers: honored by the store"`, true},
		{"signed with credentials that may not read", restricted, `"msg":"unsigned headers: refused by the store"`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, append(env, c.settings...)...)
			p.await(t, p.stderr, c.log, func(log string) bool { return strings.Contains(log, c.log) })
			const content = "the secret of alice"
			theirs := p.bareAs(t, alice)
			if status := sendTo(t, theirs, content, ""); status != 200 {
				t.Fatalf("PUT: got %d, want 200", status)
			}
			for kind, attack := range map[string]func(source string) string{
				"PUT URL": func(source string) string {
					own := p.bareAs(t, mallory)
					sendTo(t, own, "x", source)
					return readBack(t, settings, own.Path)
				},
				"part URL": func(source string) string {
					job := p.post(t, mallory, "/import", `{"mode": "multipart"}`)
					signed := p.post(t, mallory, "/import/"+job["id"].(string)+"/parts", `{"part_numbers": [1]}`)["parts"].([]any)[0]
					part, err := url.Parse(signed.(map[string]any)["url"].(string))
					if err != nil {
						t.Fatal(err)
					}
					if sendTo(t, part, "x", source) != 200 {
						sendTo(t, part, "x", "")
					}
					p.post(t, mallory, "/import/"+job["id"].(string)+"/complete", "")
					return readBack(t, settings, part.Path)
				},
			} {
				if got := attack(theirs.Path); (got == content) != c.reads {
					t.Errorf("%s: mallory's import holds %q, want that of alice: %v", kind, got, c.reads)
				}
			}
			p.stop(t)
		})
	}
}

// bareAs returns the upload URL of a bare import.
func (p *process) bareAs(t *testing.T, key string) *url.URL {
	t.Helper()
	u, err := url.Parse(p.post(t, key, "/import", "")["upload_url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// post calls the API with a key and returns its answer.
func (p *process) post(t *testing.T, key, path, body string) (answer map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != 200 {
		t.Fatalf("POST %s: got %d %v, %v", path, response.StatusCode, answer, err)
	}
	return answer
}

// sendTo sends content to a URL, with a copy source unless that is empty.
func sendTo(t *testing.T, to *url.URL, content, source string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, to.String(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if source != "" {
		r.Header.Set("x-amz-copy-source", source)
	}
	response, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// readBack returns the object at a URL's path, or "" where there is none.
func readBack(t *testing.T, settings aws.Config, path string) string {
	t.Helper()
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true })
	key := strings.TrimPrefix(path, "/"+localBucket+"/")
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(localBucket), Key: &key})
	if err != nil {
		return ""
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
