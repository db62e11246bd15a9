package doctor

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestUnsignedHeaders: doctor reports a store that honors unsigned headers, and serve refuses to start with it.
func TestUnsignedHeaders(t *testing.T) {
	store := startStore(t)
	lenient := storetest.NewQuirky(t, store.AWSConfig(), store.Bucket(), storetest.HonorsUnsignedHeaders)
	root := store.Credentials()
	with := func(id, secret string) func(*Options) {
		return func(o *Options) {
			o.Signing = func(aws.Config) aws.CredentialsProvider {
				return credentials.NewStaticCredentialsProvider(id, secret, "")
			}
		}
	}
	restricted := with(lenient.Restricted.AccessKeyID, lenient.Restricted.SecretAccessKey)
	tagsOnly := lenient.AWS.Copy() // a proxy that drops x-amz-copy-source and x-amz-acl
	tagsOnly.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		r.Header.Del("X-Amz-Copy-Source")
		r.Header.Del("X-Amz-Acl")
		return http.DefaultClient.Do(r)
	})
	broken := lenient.AWS.Copy()
	broken.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			return respondError(r, http.StatusServiceUnavailable, "SlowDown")
		}
		return http.DefaultClient.Do(r)
	})
	full := lenient.AWS.Copy() // refuses small uploads, except that of the check "signed URLs"
	full.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut && r.ContentLength == int64(len("signpost probe ")+36) {
			return respondError(r, http.StatusInsufficientStorage, "XMinioStorageFull")
		}
		return http.DefaultClient.Do(r)
	})
	foreign := lenient.AWS.Copy() // objects belong to the account that uploaded them
	var theirs sync.Map
	foreign.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Query().Get("X-Amz-Credential"), lenient.Restricted.AccessKeyID) {
			theirs.Store(r.URL.Path, true)
		} else if _, ok := theirs.Load(r.URL.Path); ok && r.Method == http.MethodGet {
			return respondError(r, http.StatusForbidden, "AccessDenied")
		}
		return http.DefaultClient.Do(r)
	})
	const all = "x-amz-copy-source on PUT URLs, x-amz-copy-source on part URLs, x-amz-tagging on PUT URLs, x-amz-acl " +
		"on PUT URLs"
	for _, c := range []struct {
		name    string
		aws     aws.Config
		options func(*Options)

		unsigned, rights Mark
		found            string // part of the doctor's finding about unsigned headers
		start            string // part of the error of RequireSignedHeaders; "": no error
		log              string // part of the log of RequireSignedHeaders
	}{
		{"refused", store.AWSConfig(), func(*Options) {}, Pass, Pass, "have no effect", "",
			`"msg":"unsigned headers rejected by the store"`},
		{"honored", lenient.AWS, func(*Options) {}, Fail, Pass,
			"honored: " + all + "; a client with one upload URL can read every object",
			"set SIGNPOST_SIGNING_ACCESS_KEY_ID and SIGNPOST_SIGNING_SECRET_ACCESS_KEY, or SIGNPOST_SIGNING_ROLE_ARN,", ""},
		{"allowed", lenient.AWS, func(o *Options) { o.AllowUnsignedHeaders = true }, Warn, Pass, all, "",
			`"headers":["x-amz-copy-source on PUT URLs"`},
		{"signed with an account that may only put", lenient.AWS, restricted, Pass, Pass, "have no effect", "",
			"rejected by the store"},
		{"signed with an account that may read", lenient.AWS, with(root.AccessKeyID, root.SecretAccessKey), Fail, Fail, all,
			"remove s3:GetObject from the credentials that sign uploads", ""},
		{"signed with an account that does not exist", lenient.AWS, with("UNKNOWN", "secret"), Skip, Pass,
			"signed URLs do not work",
			"cannot check whether the store honors unsigned headers: uploading by a signed URL: 403", ""},
		{"signed with another owner's account", foreign, restricted, Pass, Fail, "have no effect", "",
			"rejected by the store"},
		{"tags only", tagsOnly, func(*Options) {}, Fail, Pass,
			"honored: x-amz-tagging on PUT URLs; a client with an upload URL can set them",
			"the store honors headers that an upload URL does not sign (x-amz-tagging on PUT URLs)", ""},
		{"the store fails", broken, func(*Options) {}, Fail, Pass, "503 SlowDown",
			"cannot check whether the store honors unsigned headers: 503 SlowDown", ""},
		{"the store fails, allowed", broken, func(o *Options) { o.AllowUnsignedHeaders = true }, Fail, Pass,
			"503 SlowDown", "", "unsigned headers not checked"},
		{"the store is full", full, func(*Options) {}, Fail, Pass, "store is full",
			"honors unsigned headers: store is full", ""},
		{"the store is full, signed", full, restricted, Fail, Pass, "store is full", "", "unsigned headers not checked"},
		{"clients reach another address", lenient.AWS, func(o *Options) { o.PublicEndpoint = "http://127.0.0.1:1" },
			Skip, Pass, "signed URLs do not work",
			"the store honors headers", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(store)
			c.options(&o)
			found := examineChecks(t, t.Context(), o, c.aws,
				selectChecks("credentials", "bucket", "signing rights", "signed URLs", "unsigned headers"))
			if got := found["unsigned headers"]; got.Mark != c.unsigned || !strings.Contains(got.Found, c.found) {
				t.Errorf("unsigned headers: got %+v, want %s %q", got, c.unsigned, c.found)
			}
			if got := found["signing rights"]; got.Mark != c.rights {
				t.Errorf("signing rights: got %+v, want %s", got, c.rights)
			}
			var log bytes.Buffer
			err := RequireSignedHeaders(t.Context(), o, c.aws, slog.New(slog.NewJSONHandler(&log, nil)))
			if (err != nil) != (c.start != "") || err != nil && !strings.Contains(err.Error(), c.start) ||
				!strings.Contains(log.String(), c.log) {
				t.Errorf("RequireSignedHeaders: got %v and the log %s, want %q and %q", err, log.String(), c.start, c.log)
			}
			if secrets.MatchString(log.String()) || err != nil && secrets.MatchString(err.Error()) {
				t.Errorf("RequireSignedHeaders: %v and the log %s contain a query", err, log.String())
			}
		})
	}
	expectEmptyBucket(t, store)
}

// TestUnsignedHeadersOnAWS: AWS S3 is not probed.
func TestUnsignedHeadersOnAWS(t *testing.T) {
	settings := aws.Config{Region: "eu-west-1", HTTPClient: doer(func(r *http.Request) (*http.Response, error) {
		t.Errorf("got a request to %s, want none", r.URL.Host)
		return respondError(r, 403, "AccessDenied")
	})}
	var log bytes.Buffer
	if err := RequireSignedHeaders(t.Context(), Options{Bucket: "b"}, settings,
		slog.New(slog.NewJSONHandler(&log, nil))); err != nil || log.Len() > 0 {
		t.Errorf("RequireSignedHeaders: got %v and the log %s, want neither", err, log.String())
	}
}
