package bucket

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// TestSigningCredentials checks that uploads use the signing credentials and expire with them. Downloads and the
// service's calls use its own credentials.
func TestSigningCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeStore{answer: respond(200, "")}
		own, signing := &keys{id: "own", life: 50 * time.Minute}, &keys{id: "signing", life: 40 * time.Minute}
		b, err := Open(t.Context(), Options{
			Name: "data", Signing: aws.NewCredentialsCache(signing),
			AWS: aws.Config{
				Region:      "us-east-1",
				Credentials: aws.NewCredentialsCache(own),
				HTTPClient:  &http.Client{Transport: w},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		u := Upload{Key: "k", From: now, Until: now.Add(time.Hour)}
		for name, c := range map[string]struct {
			sign func() (SignedRequest, error)
			id   string
			life time.Duration
		}{
			"SignPut":  {func() (SignedRequest, error) { return b.SignPut(t.Context(), u) }, "signing", 40 * time.Minute},
			"SignForm": {func() (SignedRequest, error) { return b.SignForm(t.Context(), u) }, "signing", 40 * time.Minute},
			"SignParts": {func() (SignedRequest, error) {
				parts, err := b.SignParts(t.Context(), Multipart{Key: "k", UploadID: "1"}, []Part{{Number: 1}}, u.From, u.Until)
				if err != nil {
					return SignedRequest{}, err
				}
				return parts[0], nil
			}, "signing", 40 * time.Minute},
			"SignGet": {
				func() (SignedRequest, error) { return b.SignGet(t.Context(), "k", "attachment", u.From, u.Until) }, "own",
				50 * time.Minute,
			},
		} {
			r, err := c.sign()
			by := r.URL.Reveal() + r.Fields["x-amz-credential"]
			if err != nil || !strings.Contains(by, "AKIA"+c.id) || r.ExpiresAt.Sub(now) != c.life {
				t.Errorf("%s: signed by %s for %s, %v, want %s for %s", name, by, r.ExpiresAt.Sub(now), err, c.id, c.life)
			}
		}
		if err := b.CreateRecord(t.Context(), "r", nil); err != nil {
			t.Error(err)
		}
		if _, err := b.Head(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		for _, r := range w.requests {
			if by := r.URL.RawQuery + r.Header.Get("Authorization"); !strings.Contains(by, "AKIAown") {
				t.Errorf("%s: signed by %s, want own", r.Method, by)
			}
		}
		if left, ends, err := b.CredentialsLeft(t.Context()); left != 40*time.Minute || !ends || err != nil {
			t.Errorf("CredentialsLeft: got %s, %v, %v, want 40m, those of the signing credentials", left, ends, err)
		}
		time.Sleep(30 * time.Minute)
		own.set("own", time.Minute)
		time.Sleep(20 * time.Minute) // both are renewed
		if left, _, err := b.CredentialsLeft(t.Context()); left != time.Minute || err != nil {
			t.Errorf("CredentialsLeft: got %s, %v, want 1m, those of the service", left, err)
		}
		signing.fail(errors.New("the role was removed"))
		time.Sleep(time.Hour)
		if _, err := b.SignPut(t.Context(), Upload{Key: "k", From: time.Now(), Until: time.Now().Add(time.Hour)}); !errors.Is(
			err,
			ErrCredentialsExpired,
		) {
			t.Errorf("SignPut without signing credentials: got %v, want ErrCredentialsExpired", err)
		}
		if err := b.CreateRecord(t.Context(), "r", nil); err != nil {
			t.Errorf("CreateRecord without signing credentials: %v, want no error", err)
		}
	})
}

// TestOnAWS checks that only names of S3's endpoints are Amazon S3. Customers' machines and load balancers also have
// names in the domain of AWS, and another store can run there.
func TestOnAWS(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"":                                   true,
		"https://s3.eu-west-1.amazonaws.com": true,
		"https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com":  true,
		"https://s3.cn-north-1.amazonaws.com.cn":                 true,
		"https://s3.amazonaws.com":                               true,
		"https://s3-fips.dualstack.us-gov-west-1.amazonaws.com":  true,
		"https://s3-accelerate.dualstack.amazonaws.com":          true,
		"https://s3.us-isob-east-1.sc2s.sgov.gov":                true,
		"http://ec2-203-0-113-25.compute-1.amazonaws.com:9000":   false,
		"http://minio-1234.us-east-1.elb.amazonaws.com":          false,
		"http://s3-1234567890.us-east-1.elb.amazonaws.com":       false,
		"http://s3-0123456789abcdef.elb.us-east-1.amazonaws.com": false,
		"https://s3.example.com":                                 false,
		"http://minio:9000":                                      false,
		"https://amazonaws.com.example.com":                      false,
		"https://evilamazonaws.com":                              false,
		"http://127.0.0.1:9000":                                  false,
	} {
		settings := aws.Config{Region: "eu-west-1", Credentials: static()}
		if endpoint != "" {
			settings.BaseEndpoint = &endpoint
		}
		if got := OnAWS(settings); got != want {
			t.Errorf("OnAWS at %q: got %v, want %v", endpoint, got, want)
		}
	}
}
