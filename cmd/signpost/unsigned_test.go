package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// honoring is a store that honors unsigned headers.
type honoring struct {
	aws    aws.Config // with the credentials of the service
	bucket string
	env    []string // of a service that uses it
	limits []string // of one that signs uploads with credentials that may not read
	log    string   // of that one's probe
}

// TestReadingByUploadURL uses a front that honors unsigned headers in place of the local store, which refuses them.
func TestReadingByUploadURL(t *testing.T) {
	slowTest(t)
	store := startLocal(t, t.TempDir())
	id, secret := store.credentials(t)
	settings := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(store.store(t)),
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	}
	lenient := storetest.NewQuirky(t, settings, localBucket, storetest.HonorsUnsignedHeaders)
	testReading(t, honoring{
		aws: settings, bucket: localBucket,
		env: []string{"AWS_ENDPOINT_URL_S3=" + *lenient.AWS.BaseEndpoint,
			"AWS_SHARED_CREDENTIALS_FILE=" + store.credentialsFile()},
		limits: []string{
			"SIGNPOST_SIGNING_ACCESS_KEY_ID=" + lenient.Restricted.AccessKeyID,
			"SIGNPOST_SIGNING_SECRET_ACCESS_KEY=" + lenient.Restricted.SecretAccessKey,
		},
		log: `"msg":"unsigned headers rejected by the store"`,
	})
}

// TestReadingOnMinIO does the same with MinIO and a session of its token service, if minio is on the PATH.
func TestReadingOnMinIO(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("minio")
	if err != nil {
		t.Skip(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	minio := exec.Command(path, "server", "--quiet", "--address", address, "--console-address", "127.0.0.1:0", t.TempDir())
	launch(t, minio, "MINIO_ROOT_USER=service", "MINIO_ROOT_PASSWORD=servicesecret", "MINIO_BROWSER=off")
	settings := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider("service", "servicesecret", ""),
	}
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true })
	bucket := "data"
	eventually(t, "make a bucket", func() any {
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
		return err == nil
	}, true)
	testReading(t, honoring{
		aws: settings, bucket: bucket,
		env: []string{"AWS_ENDPOINT_URL_S3=http://" + address, "AWS_ACCESS_KEY_ID=service",
			"AWS_SECRET_ACCESS_KEY=servicesecret"},
		limits: []string{
			"SIGNPOST_SIGNING_ROLE_ARN=arn:aws:iam::123456789012:role/uploads", "AWS_ENDPOINT_URL_STS=http://" + address,
		},
		log: `"headers":["x-amz-tagging on PUT URLs"]`,
	})
}

// testReading: a client with upload URLs reads another owner's object. serve does not start there, unless that is
// allowed or uploads are signed with credentials that may not read.
func testReading(t *testing.T, store honoring) {
	keys := filepath.Join(t.TempDir(), "keys")
	alice, mallory := signpost(t, "keygen", "alice", "--append", keys), signpost(t, "keygen", "mallory", "--append", keys)
	env := append(store.env, "SIGNPOST_BUCKET="+store.bucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"SIGNPOST_API_KEYS_FILE="+keys)
	path, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	refused := launch(t, exec.Command(path, "serve"), append(env, "SIGNPOST_LISTEN=127.0.0.1:0")...)
	if status := refused.wait(t); status.ExitStatus() != 1 || refused.stdout.String() != "" ||
		!strings.Contains(refused.stderr.String(),
			"the store honors headers that an upload URL does not sign (x-amz-copy-source on PUT") {
		t.Errorf("got status %d and stderr %s, want 1 and the reason", status.ExitStatus(), refused.stderr)
	}
	for _, c := range []struct {
		name     string
		settings []string
		log      string
		reads    bool
	}{
		{"allowed", []string{"SIGNPOST_ALLOW_UNSIGNED_HEADERS=true"}, `"headers":["x-amz-copy-source on PUT URLs"`, true},
		{"signed with credentials that may not read", store.limits, store.log, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, append(env, c.settings...)...)
			p.await(t, p.stderr, c.log, func(log string) bool { return strings.Contains(log, c.log) })
			const content = "the secret of alice"
			theirs := p.createUntrackedAs(t, alice)
			if status := sendTo(t, theirs, content, ""); status != 200 {
				t.Fatalf("PUT: got %d, want 200", status)
			}
			own := p.createUntrackedAs(t, mallory)
			sendTo(t, own, "", theirs.Path)
			if got := store.read(t, own); (got == content) != c.reads {
				t.Errorf("PUT URL: mallory's import holds %q, want that of alice: %v", got, c.reads)
			}
			job := "/import/" + p.post(t, mallory, "/import", `{"mode": "multipart"}`)["id"].(string)
			signed := p.post(t, mallory, job+"/parts", `{"part_numbers": [1]}`)["parts"].([]any)[0]
			part, err := url.Parse(signed.(map[string]any)["url"].(string))
			if err != nil {
				t.Fatal(err)
			}
			if sendTo(t, part, "", theirs.Path) != 200 {
				sendTo(t, part, "x", "")
			}
			p.post(t, mallory, job+"/complete", "")
			if got := store.read(t, part); (got == content) != c.reads {
				t.Errorf("part URL: mallory's import holds %q, want that of alice: %v", got, c.reads)
			}
			p.stop(t)
		})
	}
}

// createUntrackedAs returns the upload URL of an untracked import.
func (p *process) createUntrackedAs(t *testing.T, key string) *url.URL {
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
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode > 201 {
		t.Fatalf("POST %s: got %d %v, %v", path, response.StatusCode, answer, err)
	}
	return answer
}

// sendTo sends content to a URL, with a copy source unless it is empty.
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

// read returns the object at the path of an upload URL, or "".
func (h honoring) read(t *testing.T, u *url.URL) string {
	t.Helper()
	client := s3.NewFromConfig(h.aws, func(o *s3.Options) { o.UsePathStyle = true })
	key := strings.TrimPrefix(u.Path, "/"+h.bucket+"/")
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &h.bucket, Key: &key})
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
