package assembly

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
)

// TestCheckSigning: a role that cannot be assumed is an error that names its setting.
func TestCheckSigning(t *testing.T) {
	settings := aws.Config{
		Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("own", "s", ""),
		HTTPClient: smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
			const body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
			return &http.Response{Request: r, StatusCode: 403, Header: http.Header{},
				Body: io.NopCloser(strings.NewReader(body))}, nil
		}),
	}
	c := config.Config{Bucket: "data", SigningRoleARN: "arn:aws:iam::123456789012:role/uploads"}
	store, err := newBucket(t.Context(), c, settings, bucket.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `SIGNPOST_SIGNING_ROLE_ARN="arn:aws:iam::123456789012:role/uploads": ` +
		`the role cannot be assumed: AccessDenied: no: allow sts:AssumeRole, also in the trust policy of the role`
	if err := CheckSigning(t.Context(), c, store); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
