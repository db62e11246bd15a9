package bucket

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Inspection is what a response of the store reveals about the bucket and the store, even an error.
type Inspection struct {
	Answered   bool
	Server     string        // the header Server, such as MinIO; may be empty
	Region     string        // the bucket's; empty if the response has none
	HasDate    bool          // the response has a date
	ClockAhead time.Duration // the store's clock minus ours; precision: 1 s
}

// Inspect is Check without a write. It returns what the response reveals, also with an error.
func (b *Bucket) Inspect(ctx context.Context) (Inspection, error) {
	out, err := invoke(ctx, b.uncutCall("HeadBucket"), b.client.HeadBucket, &s3.HeadBucketInput{Bucket: &b.name})
	var header http.Header
	var refusal *awshttp.ResponseError
	switch {
	case err == nil:
		header = responseHeader(out.ResultMetadata)
	case errors.As(err, &refusal) && refusal.Response != nil && refusal.HTTPStatusCode() != 0:
		header = refusal.Response.Header
	default:
		return Inspection{}, err
	}
	s := Inspection{Answered: true, Server: header.Get("Server"), Region: header.Get("X-Amz-Bucket-Region")}
	if date, e := http.ParseTime(header.Get("Date")); e == nil {
		s.HasDate, s.ClockAhead = true, date.Sub(time.Now().Truncate(time.Second))
	}
	return s, err
}

func responseHeader(m middleware.Metadata) http.Header {
	if response, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response); ok {
		return response.Header
	}
	return nil
}

// CountListedParts returns how many parts the store lists for m, at most 1,000. ListParts returns fewer if the store
// lists parts that it lost, or one part more than once.
func (b *Bucket) CountListedParts(ctx context.Context, m Multipart) (int, error) {
	in := &s3.ListPartsInput{Bucket: &b.name, Key: &m.Key, UploadId: &m.UploadID}
	out, err := invoke(ctx, b.uncutCall("ListParts"), b.client.ListParts, in)
	if err != nil {
		return 0, err
	}
	return len(out.Parts), nil
}

// ListsPrefixes reports whether the store has listed an upload below a prefix that is not a whole key.
func (b *Bucket) ListsPrefixes() bool { return b.listsPrefixes.Load() }

// Unsupported reports whether err says that the store does not implement the operation.
func Unsupported(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "XNotImplemented":
			return true
		}
	}
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return false
	}
	status := response.HTTPStatusCode()
	return status == http.StatusNotImplemented || status == http.StatusMethodNotAllowed
}

// LifecycleRule is an enabled lifecycle rule.
type LifecycleRule struct {
	Prefix                  string
	Filtered                bool // applies only to objects with certain tags or sizes
	Aborts, Expires         bool // aborts incomplete uploads; expires objects
	AbortAfter, ExpireAfter time.Duration
}

// Lifecycle returns the enabled rules. A bucket without rules is not an error.
func (b *Bucket) Lifecycle(ctx context.Context) ([]LifecycleRule, error) {
	in := &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.name}
	out, err := invoke(ctx, b.uncutCall("GetBucketLifecycleConfiguration"), b.client.GetBucketLifecycleConfiguration, in)
	if err != nil {
		return nil, ignoreCode("NoSuchLifecycleConfiguration", err)
	}
	var rules []LifecycleRule
	for _, r := range out.Rules {
		if r.Status == types.ExpirationStatusEnabled {
			rules = append(rules, newLifecycleRule(r))
		}
	}
	return rules, nil
}

func newLifecycleRule(r types.LifecycleRule) LifecycleRule {
	const day = 24 * time.Hour
	//lint:ignore SA1019 old rules still have it
	rule := LifecycleRule{Prefix: aws.ToString(r.Prefix)}
	if f := r.Filter; f != nil {
		rule.Prefix += aws.ToString(f.Prefix)
		rule.Filtered = f.Tag != nil || f.ObjectSizeGreaterThan != nil || f.ObjectSizeLessThan != nil
		if and := f.And; and != nil {
			rule.Prefix += aws.ToString(and.Prefix)
			rule.Filtered = len(and.Tags) > 0 || and.ObjectSizeGreaterThan != nil || and.ObjectSizeLessThan != nil
		}
	}
	if a := r.AbortIncompleteMultipartUpload; a != nil {
		rule.Aborts, rule.AbortAfter = true, time.Duration(aws.ToInt32(a.DaysAfterInitiation))*day
	}
	if e := r.Expiration; e != nil && (e.Days != nil || e.Date != nil) { // a Date counts as 0 days
		rule.Expires, rule.ExpireAfter = true, time.Duration(aws.ToInt32(e.Days))*day
	}
	return rule
}

// ignoreCode returns nil if err has this code, otherwise err.
func ignoreCode(code string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == code {
		return nil
	}
	return err
}
