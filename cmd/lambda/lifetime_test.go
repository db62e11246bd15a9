package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestURLLifetime checks that no signed URL outlasts the credentials that sign it, and that the function logs one
// warning at its start if SIGNPOST_URL_TTL is longer.
func TestURLLifetime(t *testing.T) {
	const (
		session = "AWS_SESSION_TOKEN=token" // of the function's role
		role    = "SIGNPOST_SIGNING_ROLE_ARN=arn:aws:iam::123456789012:role/uploads"
		hour    = time.Hour
	)
	sts := "AWS_ENDPOINT_URL_STS=" + serve(t, http.HandlerFunc(assumeRole))
	store := "AWS_ENDPOINT_URL_S3=" + withSessions(t)
	for _, c := range []struct {
		name    string
		ttl     string
		env     []string
		want    time.Duration
		limit   string // in the warning; "": no warning
		mention string // in the warning
	}{
		{"role of the function, default", "1h", []string{session}, hour, "", ""},
		{"role of the function, at the limit", "6h", []string{session}, 6 * hour, "", ""},
		{"role of the function, above", "12h", []string{session}, 6 * hour, "6h", "SIGNPOST_SIGNING_ACCESS_KEY_ID"},
		{"signing role, at the limit", "1h", []string{session, role, sts}, hour, "", ""},
		{"signing role, above", "2h", []string{session, role, sts}, hour, "1h", "SIGNPOST_SIGNING_ROLE_ARN"},
		{"keys of a user", "168h", append([]string{session}, userKeys...), 168 * hour, "", ""},
		{
			"keys of a user, with downloads", "168h", append([]string{session, "SIGNPOST_DOWNLOADS=true"}, userKeys...),
			168 * hour, "6h", "downloads",
		},
		{"no session", "168h", nil, 168 * hour, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, append(c.env, "SIGNPOST_URL_TTL="+c.ttl, store)...)
			a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
			job := a.create(t, client.ImportRequest{Size: ptr[int64](5)})
			// A session of the signing role began before the URL was signed.
			if got := lifetime(t, job.Upload.URL); got > c.want || got < c.want-time.Minute {
				t.Errorf("got a URL for %s, want %s", got, c.want)
			}
			if got := time.Until(job.ExpiresAt); got > c.want || got < c.want-time.Minute {
				t.Errorf("got expires_at in %s, want %s", got, c.want)
			}
			warning := ""
			for line := range strings.Lines(f.Log()) {
				if strings.Contains(line, `"level":"WARN"`) {
					warning += line
				}
			}
			if c.limit == "" {
				if warning != "" {
					t.Errorf("got the warning %s, want none", warning)
				}
				return
			}
			for _, want := range []string{
				`"msg":"signed URLs expire early"`, `"setting":"SIGNPOST_URL_TTL"`, `"value":"` + c.ttl + `"`,
				`"limit":"` + c.limit + `"`, `"reason":"`, `"remedy":"lower SIGNPOST_URL_TTL to ` + c.limit, c.mention,
			} {
				if !strings.Contains(warning, want) || strings.Count(warning, "\n") != 1 {
					t.Errorf("got the warnings %s, want one with %s", warning, want)
				}
			}
		})
	}
}

// userKeys are keys of a user that sign uploads. The test store does not know them.
var userKeys = []string{
	"SIGNPOST_SIGNING_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "SIGNPOST_SIGNING_SECRET_ACCESS_KEY=secret",
}

// TestDownloadLifetime checks that downloads, which the function's role always signs, do not last as long as uploads
// that the keys of a user sign.
func TestDownloadLifetime(t *testing.T) {
	f := start(t, append(userKeys, "AWS_SESSION_TOKEN=token", "AWS_ENDPOINT_URL_S3="+withSessions(t),
		"SIGNPOST_URL_TTL=168h", "SIGNPOST_DOWNLOADS=true")...)
	a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
	job := a.create(t, client.ImportRequest{Size: ptr[int64](5)})
	_, err := f.store.Client().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &f.store.Bucket, Key: &job.Object.Key, Body: strings.NewReader("hello"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := lifetime(t, a.read(t, job.ID).DownloadURL); got != 6*time.Hour {
		t.Errorf("got a download URL for %s, want 6h", got)
	}
}

// lifetime returns the lifetime of a signed URL.
func lifetime(t *testing.T, signed string) time.Duration {
	t.Helper()
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.Atoi(u.Query().Get("X-Amz-Expires"))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds) * time.Second
}

// assumeRole answers as AWS STS does.
func assumeRole(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>key</AccessKeyId>"+
		"<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration>"+
		"</Credentials></AssumeRoleResult></AssumeRoleResponse>", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}
