package sigv4_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

// s3Signer escapes paths once, as S3 requires and PresignClient does.
var s3Signer = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })

func fixedCredentials(token string) aws.Credentials {
	return aws.Credentials{
		AccessKeyID:     "AKIAIOSFODNN7EXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		SessionToken:    token,
	}
}

// presignPut presigns with the SDK's PresignClient at a fixed time.
func presignPut(
	t testing.TB,
	endpoint string,
	pathStyle bool,
	in *s3.PutObjectInput,
	c aws.Credentials,
	at time.Time,
	life time.Duration,
) (signedURL, host string) {
	t.Helper()
	client := s3.New(s3.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &endpoint,
		UsePathStyle: pathStyle,
		Credentials:  aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
	})
	out, err := s3.NewPresignClient(client).PresignPutObject(t.Context(), in, func(o *s3.PresignOptions) {
		o.Expires = life
		o.Presigner = signerAt{at}
	})
	if err != nil {
		t.Fatalf("PresignPutObject: %v", err)
	}
	return out.URL, out.SignedHeader.Get("Host")
}

// signerAt returns the SDK's signer with a stopped clock.
type signerAt struct{ at time.Time }

func (s signerAt) PresignHTTP(
	ctx context.Context,
	c aws.Credentials,
	r *http.Request,
	payloadHash, service, region string,
	_ time.Time,
	optFns ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return s3Signer.PresignHTTP(ctx, c, r, payloadHash, service, region, s.at, optFns...)
}

// printable reports whether HTTP can carry every value in a header.
func printable(values ...string) bool {
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
			return false
		}
	}
	return true
}

func isMethod(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' })
}

func escapedPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
