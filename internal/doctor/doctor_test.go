package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/config"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
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

var checks = []string{"credentials", "bucket", "region", "clock", "lifecycle rules", "CORS rules", "conditional writes",
	"signing rights", "checksums",
	"signed URLs", "unsigned headers", "multipart", "part checksums", "many parts", "leftovers"}

// secrets matches queries of signed URLs, which no output may contain.
var secrets = regexp.MustCompile(`(?i)x-amz-(signature|credential|security-token)|\?`)

// examine runs Examine, verifies what holds for all findings, and returns them by check.
func examine(t *testing.T, ctx context.Context, c config.Config, settings aws.Config) map[string]Finding {
	t.Helper()
	found := map[string]Finding{}
	var order []string
	Examine(ctx, c, &settings, func(f Finding) {
		found[f.Check] = f
		order = append(order, f.Check)
		if secrets.MatchString(f.Found + f.Remedy) {
			t.Errorf("%s: the finding contains a query: %+v", f.Check, f)
		}
		if needs := f.Mark == Warn || f.Mark == Fail; needs != (f.Remedy != "") || f.Found == "" {
			t.Errorf("%s: got %+v, want a text, and a remedy exactly with Warn and Fail", f.Check, f)
		}
	})
	if !slices.Equal(order, checks) {
		t.Errorf("got checks %q, want %q", order, checks)
	}
	return found
}

func testConfig(store *localstore.Store) config.Config {
	return config.Config{Bucket: store.Bucket(), PathStyle: true, URLTTL: time.Hour, JobTTL: 7 * 24 * time.Hour}
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

const (
	abort = `<Rule><Status>Enabled</Status><Filter><Prefix>imports/</Prefix></Filter><AbortIncompleteMultipartUpload>` +
		`<DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>`
	jobs = `<Rule><Status>Enabled</Status><Filter><Prefix>jobs/</Prefix></Filter>` +
		`<Expiration><Days>30</Days></Expiration></Rule>`
	idem = `<Rule><Status>Enabled</Status><Filter><Prefix>idem/</Prefix></Filter>` +
		`<Expiration><Days>7</Days></Expiration></Rule>`
	origin = "https://app.example.com"
)

func withOrigins(c *config.Config) { c.CORSOrigins = []string{origin} }

// answerFor responds to reads of one bucket setting and forwards all other requests.
func answerFor(query string, status int, body string) doer {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Has(query) && r.Method == "GET" && !strings.Contains(r.URL.Path, "imports/") {
			return respond(r, status, body)
		}
		return http.DefaultClient.Do(r)
	}
}

func lifecycle(rules ...string) doer {
	return answerFor("lifecycle", 200, "<LifecycleConfiguration>"+strings.Join(rules, "")+"</LifecycleConfiguration>")
}

func corsRule(origin, methods, rest string) doer {
	var allowed strings.Builder
	for m := range strings.FieldsSeq(methods) {
		allowed.WriteString("<AllowedMethod>" + m + "</AllowedMethod>")
	}
	return answerFor("cors", 200, "<CORSConfiguration><CORSRule><AllowedOrigin>"+origin+"</AllowedOrigin>"+
		allowed.String()+rest+"</CORSRule></CORSConfiguration>")
}

// signsHeader reports whether r is an upload to a signed URL that includes this header.
func signsHeader(r *http.Request, header string) bool {
	return strings.Contains(r.URL.Path, "/imports/") && strings.Contains(r.URL.Query().Get("X-Amz-SignedHeaders"), header)
}

// acceptAll forwards r and returns 200 instead of an error.
func acceptAll(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	if err == nil && response.StatusCode >= 400 {
		response.Body.Close()
		return respond(r, 200, "")
	}
	return response, err
}

// alterResponse forwards r and changes the response.
func alterResponse(r *http.Request, change func(*http.Response)) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	if err == nil {
		change(response)
	}
	return response, err
}

func TestExamine(t *testing.T) {
	store := startStore(t)
	const headers, etag = "<AllowedHeader>*</AllowedHeader>", "<ExposeHeader>ETag</ExposeHeader>"
	for _, c := range []struct {
		name   string
		fault  doer
		config func(*config.Config)
		aws    func(*aws.Config)
		check  string // "": all have their usual mark
		mark   Mark
		found  string // part of the finding
		skips  string // checks that are skipped; "+" skips all from the fifth
	}{
		{name: "the local store"},

		{name: "credentials that end soon", aws: expiringIn(30 * time.Minute), check: "credentials", mark: Warn,
			found: "SIGNPOST_URL_TTL=1h"},
		{name: "credentials that end later", aws: expiringIn(61 * time.Minute), check: "credentials", mark: Pass,
			found: "good for another 1h"},
		{name: "credentials that have ended", aws: expiringIn(-time.Minute), check: "credentials", mark: Fail,
			found: "ended at",
			skips: "bucket region clock +"},
		{name: "no credentials", aws: func(c *aws.Config) {
			c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, io.ErrUnexpectedEOF
			})
		}, check: "credentials", mark: Fail, found: "none: unexpected EOF", skips: "bucket region clock +"},

		{name: "no such bucket", config: func(c *config.Config) { c.Bucket = "missing" }, check: "bucket", mark: Fail,
			found: "missing: there is no such bucket", skips: "region +"},
		{name: "no store", aws: func(c *aws.Config) { c.BaseEndpoint = aws.String("http://127.0.0.1:1") }, check: "bucket",
			mark: Fail, found: "connection refused", skips: "region clock +"},
		{name: "no region", aws: func(c *aws.Config) { c.Region = "" }, check: "bucket", mark: Fail,
			found: "AWS_REGION is not set", skips: "region clock +"},
		{name: "another region that works", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) { a.Header.Set("X-Amz-Bucket-Region", "eu-west-1") })
		}, check: "region", mark: Warn, found: "the bucket is in eu-west-1, but us-east-1 is set"},
		{name: "no date", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) { a.Header.Del("Date") })
		}, check: "clock", mark: Warn, found: "tells no time"},

		{name: "complete lifecycle rules", fault: lifecycle(abort, jobs, idem), check: "lifecycle rules", mark: Pass,
			found: "objects do not expire"},
		{name: "one rule for all", fault: lifecycle(strings.ReplaceAll(abort+jobs,
			"</Rule><Rule><Status>Enabled</Status><Filter><Prefix>jobs/</Prefix></Filter>", "")), check: "lifecycle rules",
			mark: Warn, found: "none expires jobs/"},
		{name: "one rule for the bucket",
			fault: lifecycle(strings.NewReplacer("<Prefix>imports/</Prefix>", "<Prefix></Prefix>", "</Rule>",
				"<Expiration><Days>8</Days></Expiration></Rule>").Replace(abort)), check: "lifecycle rules", mark: Pass,
			found: "objects expire after 192h"},
		{name: "no rules", fault: answerFor("lifecycle", 404, "<Error><Code>NoSuchLifecycleConfiguration</Code></Error>"),
			check: "lifecycle rules", mark: Warn,
			found: "none aborts incomplete uploads under imports/; none expires jobs/; none expires idem/"},
		{name: "no rule for given up events", fault: lifecycle(abort, jobs, idem),
			config: func(c *config.Config) { c.WebhookURL = "https://a.test/" }, check: "lifecycle rules", mark: Warn,
			found: "none expires outbox/"},
		{name: "no right to the outbox", fault: func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/outbox/") && r.Method == "PUT" {
				return respond(r, 403, "<Error><Code>AccessDenied</Code></Error>")
			}
			return http.DefaultClient.Do(r)
		}, check: "conditional writes", mark: Fail, found: "writing under outbox/: access denied"},
		{name: "a rule is disabled", fault: lifecycle(strings.Replace(abort, "Enabled", "Disabled", 1), jobs, idem),
			check: "lifecycle rules", mark: Warn, found: "none aborts"},
		{name: "a rule for one owner", fault: lifecycle(strings.Replace(abort, "imports/", "imports/a/", 1), jobs, idem),
			check: "lifecycle rules", mark: Warn, found: "none aborts"},
		{name: "a rule for one tag", fault: lifecycle(abort, jobs,
			strings.Replace(idem, "<Prefix>idem/</Prefix>",
				"<And><Prefix>idem/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>", 1)), check: "lifecycle rules",
			mark: Warn, found: "none expires idem/"},
		{name: "uploads aborted too soon", fault: lifecycle(strings.Replace(abort, ">7<", ">6<", 1), jobs, idem),
			check: "lifecycle rules", mark: Warn, found: `under "imports/" after 144h, sooner than SIGNPOST_JOB_TTL=168h`},
		{name: "objects expire too soon",
			fault: lifecycle(abort, jobs, idem, strings.NewReplacer("jobs/", "imports/", ">30<", ">1<").Replace(jobs)),
			check: "lifecycle rules", mark: Warn, found: "one expires imports/ after 24h"},
		{name: "records expire too soon", fault: lifecycle(abort, strings.Replace(jobs, ">30<", ">6<", 1), idem),
			check: "lifecycle rules", mark: Warn, found: "one expires jobs/ after 144h"},
		{name: "lifecycle: access denied", fault: answerFor("lifecycle", 403, "<Error><Code>AccessDenied</Code></Error>"),
			check: "lifecycle rules", mark: Warn, found: "lack s3:GetLifecycleConfiguration"},
		{name: "lifecycle: 405", fault: answerFor("lifecycle", 405, "<Error><Code>MethodNotAllowed</Code></Error>"),
			check: "lifecycle rules", mark: Warn, found: "the store has no lifecycle rules"},
		{name: "lifecycle: no answer", fault: func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("lifecycle") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return http.DefaultClient.Do(r)
		}, check: "lifecycle rules", mark: Warn, found: "the store does not answer in time"},
		{name: "lifecycle: no XML", fault: answerFor("lifecycle", 200, "{}"), check: "lifecycle rules", mark: Warn,
			found: ""},
		{name: "lifecycle: empty rule", fault: lifecycle("<Rule></Rule>"), check: "lifecycle rules", mark: Warn,
			found: "none aborts"},

		{name: "complete CORS rules", config: withOrigins, fault: corsRule(origin, "PUT POST GET HEAD", headers+etag),
			check: "CORS rules", mark: Pass, found: "exactly " + origin},
		{name: "no CORS rule for an origin", config: withOrigins, check: "CORS rules", mark: Fail,
			found: origin + " may not PUT, POST, GET"},
		{name: "a method is missing", config: withOrigins, fault: corsRule(origin, "PUT GET", headers+etag),
			check: "CORS rules",
			mark:  Fail, found: origin + " may not POST"},
		{name: "ETag is not exposed", config: withOrigins, fault: corsRule(origin, "PUT POST GET", headers),
			check: "CORS rules",
			mark:  Warn, found: "not shown ETag"},
		{name: "headers are not allowed", config: withOrigins, fault: corsRule(origin, "PUT POST GET", etag),
			check: "CORS rules",
			mark:  Warn, found: "some headers only"},
		{name: "every origin", config: withOrigins, fault: corsRule("*", "PUT POST GET", headers+etag), check: "CORS rules",
			mark: Warn, found: "* is allowed"},
		{name: "a family of origins", config: withOrigins,
			fault: corsRule("https://*.example.com", "PUT POST GET", headers+etag), check: "CORS rules", mark: Warn,
			found: "https://*.example.com is allowed"},
		{name: "rules without origins", fault: corsRule("*", "GET", ""), check: "CORS rules", mark: Warn,
			found: "* is allowed"},
		{name: "CORS: 501, no origins", fault: answerFor("cors", 501, "<Error><Code>NotImplemented</Code></Error>"),
			check: "CORS rules", mark: Pass, found: "the store has no CORS rules"},
		{name: "CORS: 501", config: withOrigins, fault: answerFor("cors", 501, "<Error><Code>NotImplemented</Code></Error>"),
			check: "CORS rules", mark: Warn, found: "the store has no CORS rules"},
		{name: "CORS: access denied", config: withOrigins,
			fault: answerFor("cors", 403, "<Error><Code>AccessDenied</Code></Error>"), check: "CORS rules", mark: Warn,
			found: "lack s3:GetBucketCORS"},

		{name: "conditions are ignored", fault: ignoreConditions(), check: "conditional writes", mark: Fail,
			found: "a second PUT with If-None-Match: * is taken; a PUT with If-Match and a stale ETag is taken"},
		{name: "conditions are not known", fault: func(r *http.Request) (*http.Response, error) {
			if r.Method == "PUT" && r.Header.Get("If-None-Match") != "" {
				return respondError(r, 501, "NotImplemented")
			}
			return http.DefaultClient.Do(r)
		}, check: "conditional writes", mark: Fail, found: "NotImplemented"},
		{name: "records may not be written", fault: func(r *http.Request) (*http.Response, error) {
			if r.Method == "PUT" && strings.Contains(r.URL.Path, "/jobs/") {
				return respondError(r, 403, "AccessDenied")
			}
			return http.DefaultClient.Do(r)
		}, check: "conditional writes", mark: Fail, found: "access denied"},

		{name: "checksums are ignored", fault: func(r *http.Request) (*http.Response, error) {
			if signsHeader(r, "x-amz-checksum") {
				return acceptAll(r)
			}
			return http.DefaultClient.Do(r)
		}, check: "checksums", mark: Warn, found: "a wrong crc64nvme is taken; a wrong sha256 is taken"},
		{name: "a checksum is not known", fault: func(r *http.Request) (*http.Response, error) {
			if signsHeader(r, "x-amz-checksum-crc64nvme") && !r.URL.Query().Has("partNumber") {
				return respondError(r, 501, "NotImplemented")
			}
			return http.DefaultClient.Do(r)
		}, check: "checksums", mark: Warn, found: "crc64nvme is not known (501 NotImplemented)"},
		{name: "checksums are not kept", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) { a.Header.Del("X-Amz-Checksum-Sha256") })
		}, check: "checksums", mark: Warn, found: "HEAD does not return sha256"},

		{name: "a longer body is taken", fault: func(r *http.Request) (*http.Response, error) {
			if signsHeader(r, "content-length") {
				return acceptAll(r)
			}
			return http.DefaultClient.Do(r)
		}, check: "signed URLs", mark: Fail, found: "one byte more than signed is taken"},

		{name: "no multipart", fault: func(r *http.Request) (*http.Response, error) {
			if r.Method == "POST" {
				return respondError(r, 501, "NotImplemented")
			}
			return http.DefaultClient.Do(r)
		}, check: "multipart", mark: Warn, found: "no multipart uploads", skips: "part"},
		{name: "a part is refused", fault: func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("partNumber") == "2" {
				return respondError(r, 413, "<script>")
			}
			return http.DefaultClient.Do(r)
		}, check: "multipart", mark: Fail, found: "uploading part 2: 413 Request Entity Too Large", skips: "part"},
		{name: "no If-None-Match in completion", fault: func(r *http.Request) (*http.Response, error) {
			if r.Method == "POST" && r.Header.Get("If-None-Match") != "" {
				return respondError(r, 501, "NotImplemented")
			}
			return http.DefaultClient.Do(r)
		}, check: "multipart", mark: Fail, found: "completing with If-None-Match: NotImplemented", skips: "part"},
		{name: "other bytes come back", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) {
				if r.Method == "GET" && r.URL.Query().Has("X-Amz-Signature") {
					a.Body = io.NopCloser(io.MultiReader(strings.NewReader("?"), a.Body))
				}
			})
		}, check: "multipart", mark: Fail, found: "other bytes than were uploaded", skips: "part"},

		{name: "no checksums of parts", fault: func(r *http.Request) (*http.Response, error) {
			if r.Method == "POST" && r.Header.Get("X-Amz-Checksum-Algorithm") != "" {
				return respondError(r, 400, "InvalidRequest")
			}
			return http.DefaultClient.Do(r)
		}, check: "part checksums", mark: Warn, found: "beginning an upload: InvalidRequest"},
		{name: "the checksum of the whole is not kept", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) {
				if a.ContentLength > firstPart {
					a.Header.Del("X-Amz-Checksum-Crc64nvme")
				}
			})
		}, check: "part checksums", mark: Warn, found: "HEAD does not return the whole's"},

		{name: "old uploads", fault: answerFor("uploads", 200, "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"+
			startedUpload(8*24*time.Hour)+startedUpload(7*24*time.Hour+time.Minute)+startedUpload(7*24*time.Hour-time.Minute)+
			"</ListMultipartUploadsResult>"),
			check: "leftovers", mark: Warn, found: "incomplete uploads among the first 3 older than SIGNPOST_JOB_TTL=168h: 2"},
		{name: "uploads: access denied", fault: answerFor("uploads", 403, "<Error><Code>AccessDenied</Code></Error>"),
			check: "leftovers", mark: Warn, found: "lack s3:ListBucketMultipartUploads"},
		{name: "uploads: 501", fault: answerFor("uploads", 501, "<Error><Code>NotImplemented</Code></Error>"),
			check: "leftovers", mark: Warn, found: "does not list"},
		{name: "a signed URL is cut off", fault: func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("X-Amz-Signature") {
				return nil, fmt.Errorf("Put %q: %w", r.URL, io.ErrUnexpectedEOF) // like http.Client
			}
			return http.DefaultClient.Do(r)
		}, check: "signed URLs", mark: Fail, found: "unexpected EOF", skips: "checksums unsigned multipart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, settings := testConfig(store), store.AWSConfig()
			if c.fault != nil {
				settings.HTTPClient = c.fault
			}
			if c.config != nil {
				c.config(&cfg)
			}
			if c.aws != nil {
				c.aws(&settings)
			}
			found := examine(t, t.Context(), cfg, settings)
			for i, check := range checks {
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

// startedUpload returns the list entry of an upload that started this long ago.
func startedUpload(ago time.Duration) string {
	return "<Upload><Key>imports/public/a</Key><UploadId>1</UploadId><Initiated>" +
		time.Now().Add(-ago).UTC().Format(time.RFC3339) + "</Initiated></Upload>"
}

// ignoreConditions forwards the first conditional write and returns 200 for all later ones.
func ignoreConditions() doer {
	var written atomic.Bool
	return func(r *http.Request) (*http.Response, error) {
		if r.Method == "PUT" && r.Header.Get("If-None-Match")+r.Header.Get("If-Match") != "" && written.Swap(true) {
			return respond(r, 200, "")
		}
		return http.DefaultClient.Do(r)
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
	found := examine(t, t.Context(), testConfig(store), settings)
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
	Examine(t.Context(), testConfig(store), &settings, func(f Finding) { last = f })
	if last.Check != "scratch" || last.Mark != Warn || !strings.Contains(last.Found, "access denied") {
		t.Errorf("last finding: got %+v, want a warning about the scratch", last)
	}
}

// TestExamineInterrupted: an examination that is canceled at any request, before or after the store handles it, ends
// soon and leaves nothing in the bucket.
func TestExamineInterrupted(t *testing.T) {
	store := startStore(t)
	var total atomic.Int64
	settings := store.AWSConfig()
	settings.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		total.Add(1)
		return http.DefaultClient.Do(r)
	})
	examine(t, t.Context(), testConfig(store), settings)
	if total.Load() < 20 {
		t.Fatalf("got %d requests, want more than 20", total.Load())
	}
	var all sync.WaitGroup
	free := make(chan struct{}, 16) // each holds 5 MiB and mostly waits
	for at := range total.Load() {
		for _, after := range []bool{false, true} {
			free <- struct{}{}
			all.Go(func() {
				interrupt(t, store, at+1, after)
				<-free
			})
		}
	}
	all.Wait()
	expectEmptyBucket(t, store)
}

// interrupt cancels an examination at one of its requests, before or after the store handles it.
func interrupt(t *testing.T, store *localstore.Store, at int64, after bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var count atomic.Int64
	settings := store.AWSConfig()
	settings.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		now := count.Add(1) == at
		if now && !after {
			cancel()
		}
		response, err := http.DefaultClient.Do(r)
		if now && after {
			if err == nil {
				response.Body.Close()
			}
			cancel()
			return nil, context.Canceled
		}
		return response, err
	})
	found := examine(t, ctx, testConfig(store), settings)
	if ctx.Err() == nil {
		t.Errorf("request %d: got no such request", at)
	}
	for check, f := range found {
		if f.Mark == Fail {
			t.Errorf("%s, interrupted at request %d: got %+v, want no failure", check, at, f)
		}
	}
}

func TestFindRule(t *testing.T) {
	for pattern, want := range map[string]bool{origin: true, "*": true, "https://*.example.com": true,
		"https://app.example.com*": true,
		"http://app.example.com":   false, "https://app.example.com.evil": false, "https://app*app.example.com": false,
		"": false} {
		rules := []types.CORSRule{{AllowedOrigins: []string{pattern}, AllowedMethods: []string{"PUT"}}}
		if got := find(rules, origin, "PUT") != nil; got != want {
			t.Errorf("find(%q, %q): got %v, want %v", pattern, origin, got, want)
		}
	}
}

// TestSessionWithoutEnd runs only the check of credentials, because the local store accepts no session tokens.
func TestSessionWithoutEnd(t *testing.T) {
	d := &doctor{local: true, settings: aws.Config{Credentials: credentials.NewStaticCredentialsProvider("ASIA",
		"secret", "token")}}
	if f := d.credentials(t.Context()); f.Mark != Warn || !strings.Contains(f.Found, "a session without a known end") {
		t.Errorf("credentials: got %+v, want a warning", f)
	}
}
