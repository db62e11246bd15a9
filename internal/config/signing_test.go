package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// issuer is an STS that issues the sessions key1, key2 and so on, and a store that accepts every request.
type issuer struct {
	mu     sync.Mutex
	life   time.Duration
	down   bool
	issued int
	last   url.Values // parameters of the last request to STS
}

func (s *issuer) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Host, "sts.") {
		return respond(r, 200, "")
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = r.PostForm
	if s.down {
		return respond(r, 403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
	}
	s.issued++
	return respond(r, 200, fmt.Sprintf("<AssumeRoleResponse><AssumeRoleResult><Credentials>"+
		"<AccessKeyId>key%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"+
		"<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
		s.issued, time.Now().Add(s.life).UTC().Format(time.RFC3339)))
}

func respond(r *http.Request, status int, body string) (*http.Response, error) {
	return &http.Response{Request: r, StatusCode: status, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

func (s *issuer) settings() aws.Config {
	return aws.Config{Region: "eu-west-1", HTTPClient: s,
		Credentials: credentials.NewStaticCredentialsProvider("own", "s", "")}
}

func (s *issuer) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// TestSigningRole: the role is assumed with a policy that only allows uploads. The session is renewed at half of its
// life, and is used until it expires if STS fails.
func TestSigningRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &issuer{life: signingSession}
		settings := tokens.settings()
		c := Config{Bucket: "data", SigningRoleARN: "arn:aws-cn:iam::123456789012:role/uploads"}
		store, err := bucket.Open(t.Context(),
			bucket.Options{Name: c.Bucket, AWS: settings, Signing: c.SigningCredentials(settings, true)})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		expect := func(at time.Duration, key string, life time.Duration) {
			t.Helper()
			time.Sleep(time.Until(began.Add(at)))
			sign := func() (bucket.SignedRequest, error) {
				return store.SignPut(t.Context(),
					bucket.Upload{Key: "imports/a/1", From: time.Now(), Until: time.Now().Add(time.Hour)})
			}
			if _, err := sign(); err == nil {
				synctest.Wait() // for a renewal that the call started
			}
			put, err := sign()
			if key == "" {
				if !errors.Is(err, bucket.ErrCredentialsExpired) {
					t.Errorf("after %s: got %v, want ErrCredentialsExpired", at, err)
				}
				return
			}
			by := credential.FindStringSubmatch(put.URL.Reveal())
			if got := time.Until(put.ExpiresAt); err != nil || by[1] != key || got != life {
				t.Errorf("after %s: signed by %v for %s, %v, want %s for %s", at, by, got, err, key, life)
			}
		}
		expect(0, "key1", time.Hour)
		expect(29*time.Minute, "key1", 31*time.Minute)
		expect(31*time.Minute, "key2", time.Hour)
		tokens.set(true)
		expect(62*time.Minute, "key2", 29*time.Minute)
		expect(90*time.Minute, "key2", time.Minute)
		expect(91*time.Minute, "", 0)
		tokens.set(false)
		expect(91*time.Minute+assumeAgain, "key3", time.Hour)

		if got := tokens.last.Get("RoleArn") + " " + tokens.last.Get("DurationSeconds"); got != c.SigningRoleARN+" 3600" {
			t.Errorf("assumed role: got %q, want %s 3600", got, c.SigningRoleARN)
		}
		policy := tokens.last.Get("Policy")
		const uploads = `{"Effect":"Allow","Action":["s3:PutObject"],"Resource":"arn:aws-cn:s3:::data/imports/*"}`
		if !json.Valid([]byte(policy)) || !strings.Contains(policy, uploads) || strings.Count(policy, `"s3:`) != 1 ||
			!strings.Contains(policy, "kms:GenerateDataKey") {
			t.Errorf("policy: got %s, want %s and KMS", policy, uploads)
		}
		if policy := c.sessionPolicy(false); !strings.Contains(policy, uploads) || strings.Contains(policy, "kms") {
			t.Errorf("policy for another store: got %s, want no KMS", policy)
		}
	})
}

// TestShortSessions: an STS that issues shorter sessions than requested is not called for each signature.
func TestShortSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &issuer{life: 2 * time.Second}
		signing := Config{Bucket: "data",
			SigningRoleARN: "arn:aws:iam::123456789012:role/uploads"}.SigningCredentials(tokens.settings(), true)
		for range 100 {
			if c, err := signing.Retrieve(t.Context()); err == nil && (c.AccessKeyID == "" || time.Now().After(c.Expires)) {
				t.Errorf("Retrieve: got %+v, want valid credentials or an error", c)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if tokens.issued > 3 {
			t.Errorf("got %d sessions in 10 s, want one each %s", tokens.issued, assumeAgain)
		}
	})
}

// TestSigningSettings: signing takes either complete keys or a role, and not with the local store.
func TestSigningSettings(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/uploads"
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Bucket: "b"}, ""},
		{Config{Bucket: "b", SigningRoleARN: role}, ""},
		{Config{Bucket: "b", SigningAccessKeyID: "a", SigningSecretAccessKey: "hidden"}, ""},
		{Config{Bucket: "b", SigningAccessKeyID: "a", SigningSecretAccessKey: "hidden", SigningSessionToken: "t"}, ""},
		{Config{Bucket: "b", SigningAccessKeyID: "a"}, `SIGNPOST_SIGNING_SECRET_ACCESS_KEY=""`},
		{Config{Bucket: "b", SigningSecretAccessKey: "hidden"}, `SIGNPOST_SIGNING_ACCESS_KEY_ID=""`},
		{Config{Bucket: "b", SigningSessionToken: "hidden"}, `SIGNPOST_SIGNING_ACCESS_KEY_ID=""`},
		{Config{Bucket: "b", SigningAccessKeyID: "a", SigningSecretAccessKey: "hidden", SigningRoleARN: role},
			`SIGNPOST_SIGNING_ROLE_ARN="` + role + `": must not be set`},
		{Config{Bucket: "b", SigningRoleARN: "uploads"}, `SIGNPOST_SIGNING_ROLE_ARN="uploads": must be the ARN`},
		{Config{SigningRoleARN: role}, `SIGNPOST_SIGNING_ROLE_ARN="` + role + `": requires SIGNPOST_BUCKET`},
	} {
		var errs Errors
		checker{&c.config, &errs}.checkSigning()
		text := strings.Join(errs.lines, "\n")
		if (text == "") != (c.want == "") || !strings.HasPrefix(text, c.want) || len(errs.lines) > 1 ||
			strings.Contains(text, "hidden") {
			t.Errorf("%+v: got %q, want %q", c.config, text, c.want)
		}
	}
}

// TestWarnURLTTL: a process is warned about the session of a signing role, whose length is known before it is assumed.
func TestWarnURLTTL(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/uploads"
	for _, c := range []struct {
		config Config
		want   string // in the warning; "": none
	}{
		{Config{URLTTL: 168 * time.Hour}, ""},
		{Config{URLTTL: time.Hour, SigningRoleARN: role}, ""},
		{Config{URLTTL: time.Hour + time.Second, SigningRoleARN: role},
			"setting=SIGNPOST_URL_TTL value=1h0m1s limit=1h reason=\"a session of SIGNPOST_SIGNING_ROLE_ARN"},
		{Config{URLTTL: 168 * time.Hour, SigningAccessKeyID: "a"}, ""},
	} {
		var log strings.Builder
		c.config.WarnURLTTL(slog.New(slog.NewTextHandler(&log, nil)), (&issuer{}).settings())
		if got := log.String(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.config, got, c.want)
		}
	}
}
