package doctor

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/signpost-s3/signpost/internal/bucket"
)

const origin = "https://app.example.com"

func withOrigins(o *Options) { o.CORSOrigins = []string{origin} }

// TestCORSRules gives the local store CORS rules and reads what its preflights say. Rules of the bucket that cannot be
// read change nothing but the remedy.
func TestCORSRules(t *testing.T) {
	store := startStore(t)
	client := s3.NewFromConfig(store.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	usual := bucket.CORSRule([]string{origin})
	rule := func(change func(*types.CORSRule)) *types.CORSRule {
		r := usual
		change(&r)
		return &r
	}
	selected := selectChecks("credentials", "bucket", "CORS rules")
	for _, c := range []struct {
		faultRow
		rule   *types.CORSRule // nil: none
		remedy string          // part of the remedy
	}{
		{faultRow{name: "the rule of the API", options: withOrigins, mark: Pass, found: "only " + origin}, &usual, ""},
		{faultRow{name: "no rule", options: withOrigins, mark: Fail,
			found: "refused to pages of " + origin + ": PUT (403 AccessForbidden), POST (403 AccessForbidden), GET"},
			nil, "one CORS rule: exactly these origins, methods PUT, POST, GET, HEAD"},
		{faultRow{name: "a method is missing", options: withOrigins, mark: Fail, found: ": POST (403 AccessForbidden)"},
			rule(func(r *types.CORSRule) { r.AllowedMethods = []string{"PUT", "GET"} }), "one CORS rule"},
		{faultRow{name: "ETag is not exposed", options: withOrigins, mark: Warn, found: "ETag is not exposed to " + origin,
			fault: func(r *http.Request) (*http.Response, error) {
				return alterResponse(r, func(a *http.Response) { a.Header.Del("Access-Control-Expose-Headers") })
			}}, &usual, "one CORS rule"},
		{faultRow{name: "headers are not allowed", options: withOrigins, mark: Fail, found: ": PUT (403 AccessForbidden)"},
			rule(func(r *types.CORSRule) { r.AllowedHeaders = []string{"content-type"} }), "one CORS rule"},
		{faultRow{name: "every origin", options: withOrigins, mark: Warn, found: "pages of every other origin"},
			rule(func(r *types.CORSRule) { r.AllowedOrigins = []string{"*"} }), "one CORS rule"},
		{faultRow{name: "every origin of MinIO", options: withOrigins, mark: Warn, found: "pages of every other origin",
			fault: asServer("MinIO", http.DefaultClient.Do)},
			rule(func(r *types.CORSRule) { r.AllowedOrigins = []string{"*"} }), "api cors_allow_origin=" + origin},
		{faultRow{name: "no origins", mark: Pass, found: "no browser origins are set"}, nil, ""},
		{faultRow{name: "every origin, none set", mark: Pass, found: "no browser origins are set; the store allows all"},
			rule(func(r *types.CORSRule) { r.AllowedOrigins = []string{"*"} }), ""},
		{faultRow{name: "no rules of buckets", options: withOrigins, mark: Fail, found: "refused to pages of",
			fault: refuseSetting("cors", 501, "NotImplemented")}, nil, "in the store's settings, or in a proxy"},
		{faultRow{name: "rules may not be read", options: withOrigins, mark: Pass, found: "only " + origin,
			fault: refuseSetting("cors", 403, "AccessDenied")}, &usual, ""},
		{faultRow{name: "the preflight does not allow a header", options: withOrigins, mark: Fail,
			found: "PUT (the preflight does not allow x-amz-meta-name)",
			fault: answerPreflight("PUT", "content-disposition, Content-Type,if-none-match,x-amz-checksum-sha256")}, &usual, ""},
		{faultRow{name: "the preflight does not allow the method", options: withOrigins, mark: Fail,
			found: "PUT (the preflight does not allow the method)", fault: answerPreflight("GET", "*")}, &usual, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &s3.DeleteBucketCorsInput{Bucket: aws.String(store.Bucket())}
			if _, err := client.DeleteBucketCors(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			if c.rule != nil {
				if _, err := client.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: aws.String(store.Bucket()),
					CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{*c.rule}}}); err != nil {
					t.Fatal(err)
				}
			}
			o, settings := c.apply(store)
			got := examineChecks(t, t.Context(), o, settings, selected)["CORS rules"]
			if got.Mark != c.mark || !strings.Contains(got.Found, c.found) || !strings.Contains(got.Remedy, c.remedy) {
				t.Errorf("got %+v, want %s %q and the remedy %q", got, c.mark, c.found, c.remedy)
			}
		})
	}
	expectEmptyBucket(t, store)
}

// answerPreflight answers preflights with these methods and headers.
func answerPreflight(methods, headers string) doer {
	return func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodOptions {
			return http.DefaultClient.Do(r)
		}
		response, err := respond(r, http.StatusOK, "")
		response.Header.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		response.Header.Set("Access-Control-Allow-Methods", methods)
		response.Header.Set("Access-Control-Allow-Headers", headers)
		return response, err
	}
}
