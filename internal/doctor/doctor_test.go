package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// doer is an HTTP client that injects faults between doctor and store.
type doer = smithyhttp.ClientDoFunc

// respond returns a response without a request to the store.
func respond(r *http.Request, status int, body string) (*http.Response, error) {
	return &http.Response{Request: r, StatusCode: status, Status: http.StatusText(status), ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Etag": {`"1234"`}}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body))}, nil
}

// respondError returns an S3 error without a request to the store.
func respondError(r *http.Request, status int, code string) (*http.Response, error) {
	return respond(r, status, "<Error><Code>"+code+"</Code><Message>no</Message></Error>")
}

// startStore starts a local store. While it runs, the working directory is the store's, so that tests in this package
// cannot read files by relative paths.
func startStore(t *testing.T) *localstore.Store {
	t.Helper()
	store, err := localstore.Start(t.Context(),
		localstore.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Bucket: "examined"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

var wantChecks = []string{"credentials", "bucket", "region", "clock", "lifecycle rules", "CORS rules",
	"conditional writes", "lists", "signing rights", "checksums", "signed URLs", "forms", "unsigned headers",
	"multipart", "part checksums", "object checksums", "repeated parts", "many parts", "upload lists", "leftovers"}

// secrets matches queries of signed URLs, which no output may contain.
var secrets = regexp.MustCompile(`(?i)x-amz-(signature|credential|security-token)|\?`)

// examineAll runs Examine and returns the findings by check.
func examineAll(t *testing.T, ctx context.Context, o Options, settings aws.Config) map[string]Finding {
	t.Helper()
	return examineChecks(t, ctx, o, settings, checks)
}

// examineChecks runs checks, verifies what holds for all findings, and returns them by check.
func examineChecks(
	t *testing.T, ctx context.Context, o Options, settings aws.Config, checks []check,
) map[string]Finding {
	t.Helper()
	found := map[string]Finding{}
	var order, want []string
	for _, c := range checks {
		want = append(want, c.name)
	}
	examine(ctx, o, &settings, checks, func(f Finding) {
		found[f.Check] = f
		order = append(order, f.Check)
		if secrets.MatchString(f.Found + f.Remedy) {
			t.Errorf("%s: the finding contains a query: %+v", f.Check, f)
		}
		if needs := f.Mark == Warn || f.Mark == Fail; needs != (f.Remedy != "") || f.Found == "" {
			t.Errorf("%s: got %+v, want a text, and a remedy exactly with Warn and Fail", f.Check, f)
		}
	})
	if !slices.Equal(order, want) {
		t.Errorf("got findings of %q, want %q", order, want)
	}
	return found
}

// selectChecks returns the checks with these names.
func selectChecks(names ...string) []check {
	return slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return !slices.Contains(names, c.name) })
}

func testOptions(store *localstore.Store) Options {
	return Options{
		Bucket: store.Bucket(), PathStyle: true, URLTTL: time.Hour, JobTTL: 7 * 24 * time.Hour,
		Names: Names{
			Region: "AWS_REGION", URLTTL: "SIGNPOST_URL_TTL", JobTTL: "SIGNPOST_JOB_TTL",
			SigningKeys: "SIGNPOST_SIGNING_ACCESS_KEY_ID and SIGNPOST_SIGNING_SECRET_ACCESS_KEY",
			SigningRole: "SIGNPOST_SIGNING_ROLE_ARN",
		},
		sleep: func(time.Duration) {}, // the local store ends a request before its client receives an error
		slow:  time.Hour,
	}
}

// expectEmptyBucket fails the test if the examinations left objects or uploads.
func expectEmptyBucket(t *testing.T, store *localstore.Store) {
	t.Helper()
	client := s3.NewFromConfig(store.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	objects, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(store.Bucket())})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects.Contents {
		t.Errorf("left behind: object %s", *o.Key)
	}
	uploads, err := client.ListMultipartUploads(t.Context(),
		&s3.ListMultipartUploadsInput{Bucket: aws.String(store.Bucket())})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads.Uploads {
		t.Errorf("left behind: upload %s of %s", *u.UploadId, *u.Key)
	}
}

// usualMark returns the mark of a check on an unaltered local store.
func usualMark(check string) Mark {
	switch check {
	case "lifecycle rules":
		return Warn
	case "many parts": // the store accepts no parts below 5 MiB
		return Skip
	}
	return Pass
}

// alterResponse forwards r and changes the response.
func alterResponse(r *http.Request, change func(*http.Response)) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	if err == nil {
		change(response)
	}
	return response, err
}

// refuse returns an S3 error for the requests that match, and forwards all others.
func refuse(status int, code string, match func(*http.Request) bool) doer {
	return func(r *http.Request) (*http.Response, error) {
		if match(r) {
			return respondError(r, status, code)
		}
		return http.DefaultClient.Do(r)
	}
}

// faultRow is a fault of a store, or a setting, and the finding that it causes.
type faultRow struct {
	name    string
	fault   doer
	options func(*Options)
	aws     func(*aws.Config)
	mark    Mark
	found   string // part of the finding
}

// apply returns the settings of a row.
func (f faultRow) apply(store *localstore.Store) (Options, aws.Config) {
	o, settings := testOptions(store), store.AWSConfig()
	if f.fault != nil {
		settings.HTTPClient = f.fault
	}
	if f.options != nil {
		f.options(&o)
	}
	if f.aws != nil {
		f.aws(&settings)
	}
	return o, settings
}

// testCheck runs one check, after those that it depends on, once for each row.
func testCheck(t *testing.T, name string, rows []faultRow) {
	t.Helper()
	store := startStore(t)
	selected := selectChecks("credentials", "bucket", name)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o, settings := row.apply(store)
			got := examineChecks(t, t.Context(), o, settings, selected)[name]
			if got.Mark != row.mark || !strings.Contains(got.Found, row.found) {
				t.Errorf("%s: got %+v, want %s %q", name, got, row.mark, row.found)
			}
		})
	}
	expectEmptyBucket(t, store)
}

// TestExamine: one fault does not change the marks of other checks, except of those that cannot run.
func TestExamine(t *testing.T) {
	store := startStore(t)
	for _, c := range []struct {
		faultRow
		check string // "": all have their usual mark
		skips string // checks that are skipped; "+" skips all from the fifth
	}{
		{faultRow{name: "the local store"}, "", ""},
		{faultRow{name: "credentials that end soon", aws: expiringIn(30 * time.Minute),
			mark: Warn, found: "SIGNPOST_URL_TTL=1h"}, "credentials", ""},
		{faultRow{name: "credentials that end later", aws: expiringIn(61 * time.Minute),
			mark: Pass, found: "valid for another 1h"}, "credentials", ""},
		{faultRow{name: "credentials that have ended", aws: expiringIn(-time.Minute),
			mark: Fail, found: "expired at"}, "credentials", "bucket region clock +"},
		{faultRow{name: "no credentials", aws: func(c *aws.Config) {
			c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, io.ErrUnexpectedEOF
			})
		}, mark: Fail, found: "not found: unexpected EOF"}, "credentials", "bucket region clock +"},
		{faultRow{name: "no such bucket", options: func(o *Options) { o.Bucket = "missing" },
			mark: Fail, found: "missing: this bucket does not exist"}, "bucket", "region +"},
		{faultRow{name: "no store", aws: func(c *aws.Config) { c.BaseEndpoint = aws.String("http://127.0.0.1:1") },
			mark: Fail, found: "connection refused"}, "bucket", "region clock +"},
		{faultRow{name: "no region", aws: func(c *aws.Config) { c.Region = "" },
			mark: Fail, found: "AWS_REGION is not set"}, "bucket", "region clock +"},
		{faultRow{name: "another region that works", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) { a.Header.Set("X-Amz-Bucket-Region", "eu-west-1") })
		}, mark: Warn, found: "the bucket is in eu-west-1, but us-east-1 is configured"}, "region", ""},
		{faultRow{name: "no date", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) { a.Header.Del("Date") })
		}, mark: Warn, found: "does not report its time"}, "clock", ""},
		{faultRow{name: "no multipart", fault: refuse(501, "NotImplemented", func(r *http.Request) bool {
			return r.Method == "POST" && r.URL.Query().Has("uploads")
		}), mark: Warn, found: "does not support multipart uploads"}, "multipart", "part object repeated upload"},
		{faultRow{name: "a signed URL is cut off", fault: func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("X-Amz-Signature") {
				return nil, fmt.Errorf("Put %q: %w", r.URL, io.ErrUnexpectedEOF) // like http.Client
			}
			return http.DefaultClient.Do(r)
		}, mark: Fail, found: "unexpected EOF"}, "signed URLs", "checksums forms unsigned multipart part object repeated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, settings := c.apply(store)
			found := examineAll(t, t.Context(), o, settings)
			for i, check := range wantChecks {
				want := usualMark(check)
				if check == c.check {
					want = c.mark
				} else if strings.Contains(c.skips, strings.Fields(check)[0]) || strings.Contains(c.skips, "+") && i > 3 {
					want = Skip
				}
				if got := found[check]; got.Mark != want || check == c.check && !strings.Contains(got.Found, c.found) {
					t.Errorf("%s: got %+v, want %s %q", check, got, want, map[bool]string{true: c.found}[check == c.check])
				}
			}
		})
	}
	expectEmptyBucket(t, store)
}

// expiringIn makes the credentials expire after this time.
func expiringIn(in time.Duration) func(*aws.Config) {
	return func(c *aws.Config) {
		inner := c.Credentials
		c.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			creds, err := inner.Retrieve(ctx)
			creds.CanExpire, creds.Expires = true, time.Now().Add(in)
			return creds, err
		})
	}
}

// TestExamineOtherRegion: a bucket in another region redirects requests and returns its region.
func TestExamineOtherRegion(t *testing.T) {
	store := startStore(t)
	settings := store.AWSConfig()
	settings.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		response, err := respondError(r, http.StatusMovedPermanently, "PermanentRedirect")
		response.Header.Set("X-Amz-Bucket-Region", "eu-west-1")
		response.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		return response, err
	})
	found := examineAll(t, t.Context(), testOptions(store), settings)
	if found["bucket"].Mark != Fail || found["region"].Mark != Fail ||
		found["region"].Remedy != "set AWS_REGION=eu-west-1" || found["clock"].Mark != Pass {
		t.Errorf("got %+v, want failures of bucket and region alone", found)
	}
}

// TestExamineLeavesScratch: objects that cannot be deleted are reported.
func TestExamineLeavesScratch(t *testing.T) {
	store := startStore(t)
	settings := store.AWSConfig()
	settings.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if r.Method == "DELETE" {
			return respondError(r, 403, "AccessDenied")
		}
		return http.DefaultClient.Do(r)
	})
	var last Finding
	Examine(t.Context(), testOptions(store), &settings, func(f Finding) { last = f })
	if last.Check != "cleanup" || last.Mark != Warn || !strings.Contains(last.Found, "access denied") {
		t.Errorf("last finding: got %+v, want a warning about the scratch", last)
	}
}

// TestSessionWithoutEnd runs only the check of credentials, because the local store accepts no session tokens.
func TestSessionWithoutEnd(t *testing.T) {
	d := &doctor{local: true, settings: aws.Config{Credentials: credentials.NewStaticCredentialsProvider("ASIA",
		"secret", "token")}}
	if f := d.credentials(t.Context()); f.Mark != Warn || !strings.Contains(f.Found, "a session of unknown lifetime") {
		t.Errorf("credentials: got %+v, want a warning", f)
	}
}
