package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

func open(t *testing.T) *Bucket {
	t.Helper()
	target := storetest.Open(t)
	b, err := Open(t.Context(), Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAddress checks that URLs have the clients' endpoint in the store's style.
func TestAddress(t *testing.T) {
	for _, c := range []struct {
		name, region, endpoint, public string
		pathStyle                      bool
		want                           string
	}{
		{"data", "eu-west-1", "", "", false, "https://data.s3.eu-west-1.amazonaws.com/k?"},
		{"data", "us-east-1", "", "", false, "https://data.s3.us-east-1.amazonaws.com/k?"},
		{"data", "cn-north-1", "", "", false, "https://data.s3.cn-north-1.amazonaws.com.cn/k?"},
		{"data", "eu-west-1", "", "", true, "https://s3.eu-west-1.amazonaws.com/data/k?"},
		// no certificate covers names with dots
		{"data.example.com", "eu-west-1", "", "", false, "https://s3.eu-west-1.amazonaws.com/data.example.com/k?"},
		{"data", "us-east-1", "http://minio:9000", "", true, "http://minio:9000/data/k?"},
		{"data", "us-east-1", "http://minio:9000", "", false, "http://data.minio:9000/k?"},
		// an IP address has no subdomains
		{"data", "us-east-1", "http://10.0.0.7:9000", "", false, "http://10.0.0.7:9000/data/k?"},
		{"data", "us-east-1", "http://minio:9000", "https://s3.example.com", true, "https://s3.example.com/data/k?"},
		{"data", "us-east-1", "http://minio:9000", "https://s3.example.com", false, "https://data.s3.example.com/k?"},
		{"data", "us-east-1", "http://minio:9000", "https://example.com/s3/", true, "https://example.com/s3/data/k?"},
	} {
		settings := aws.Config{Region: c.region, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "")}
		if c.endpoint != "" {
			settings.BaseEndpoint = &c.endpoint
		}
		b, err := Open(t.Context(), Options{Name: c.name, AWS: settings, PublicEndpoint: c.public, PathStyle: c.pathStyle})
		if err != nil {
			t.Errorf("Open %+v: %v", c, err)
			continue
		}
		put, err := b.SignPut(t.Context(), Upload{Key: "k", From: time.Now(), Until: time.Now().Add(time.Hour)})
		if err != nil || !strings.HasPrefix(put.URL.Reveal(), c.want) {
			t.Errorf("SignPut with %+v: got %s, %v, want %s", c, put.URL.Reveal(), err, c.want)
		}
	}
}

// TestVariants checks that the SDK's settings for other endpoints apply to signed URLs, and that other kinds of
// bucket are rejected.
func TestVariants(t *testing.T) {
	settings := aws.Config{
		Region:      "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
	}
	for env, want := range map[string]string{
		"AWS_USE_FIPS_ENDPOINT":      "https://data.s3-fips.us-east-1.amazonaws.com/k?",
		"AWS_USE_DUALSTACK_ENDPOINT": "https://data.s3.dualstack.us-east-1.amazonaws.com/k?",
	} {
		t.Run(env, func(t *testing.T) {
			t.Setenv(env, "true")
			t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true") // the suite's own store
			loaded, err := config.LoadDefaultConfig(
				t.Context(),
				config.WithRegion("us-east-1"),
				config.WithCredentialsProvider(settings.Credentials),
			)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Open(t.Context(), Options{Name: "data", AWS: loaded})
			if err != nil {
				t.Fatal(err)
			}
			put, err := b.SignPut(t.Context(), Upload{Key: "k", From: time.Now(), Until: time.Now().Add(time.Hour)})
			if err != nil || !strings.HasPrefix(put.URL.Reveal(), want) {
				t.Errorf("SignPut: got %s, %v, want %s", put.URL.Reveal(), err, want)
			}
		})
	}
	if _, err := Open(t.Context(), Options{Name: "data--use1-az4--x-s3", AWS: settings}); err == nil ||
		!strings.Contains(err.Error(), "s3express") {
		t.Errorf("Open of a directory bucket: got %v, want a refusal", err)
	}
}

// TestLifetime checks that a lifetime is the minimum of the requested one, that of the credentials, and S3's week.
func TestLifetime(t *testing.T) {
	from := time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC)
	second := from.Truncate(time.Second)
	for _, c := range []struct {
		until   time.Duration
		expires time.Duration // of the credentials; 0: never
		want    time.Duration // 0: an error
	}{
		{time.Hour, 0, time.Hour},
		{time.Hour, 10 * time.Minute, 10 * time.Minute},
		{time.Hour, 2 * time.Hour, time.Hour},
		{time.Hour, 90*time.Second + 900*time.Millisecond, 90 * time.Second},
		{30 * 24 * time.Hour, 0, 7 * 24 * time.Hour},
		{time.Second, 0, time.Second},
		{time.Hour, time.Second, time.Second},
		{time.Hour, 999 * time.Millisecond, 0},
		{time.Hour, -time.Hour, 0},
	} {
		provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID:     "AKIA",
				SecretAccessKey: "secret",
				CanExpire:       c.expires != 0,
				Expires:         second.Add(c.expires),
			}, nil
		})
		b, err := Open(t.Context(), Options{Name: "data", AWS: aws.Config{Region: "us-east-1", Credentials: provider}})
		if err != nil {
			t.Fatal(err)
		}
		for name, sign := range map[string]func(context.Context, Upload) (SignedRequest, error){
			"SignPut": b.SignPut, "SignForm": b.SignForm,
		} {
			got, err := sign(t.Context(), Upload{Key: "k", From: from, Until: second.Add(c.until)})
			if c.want == 0 {
				if !errors.Is(err, ErrCredentialsExpired) {
					t.Errorf("%s %+v: got %v, want ErrCredentialsExpired", name, c, err)
				}
				continue
			}
			if life := got.ExpiresAt.Sub(second); err != nil || life != c.want {
				t.Errorf("%s %+v: got %s, %v, want %s", name, c, life, err, c.want)
			}
			if inURL := fmt.Sprintf("X-Amz-Expires=%d&", c.want/time.Second); name == "SignPut" &&
				!strings.Contains(got.URL.Reveal(), inURL) {
				t.Errorf("%s %+v: got %s, want %s", name, c, got.URL.Reveal(), inURL)
			}
		}
	}
}

// TestRecords checks that a record is created once, and only replaced with its current ETag.
func TestRecords(t *testing.T) {
	b := open(t)
	key := fmt.Sprintf("jobs/test/%d.json", time.Now().UnixNano())
	if _, err := b.ReadRecord(t.Context(), key); !errors.Is(err, ErrNotFound) {
		t.Fatalf("ReadRecord of nothing: got %v, want ErrNotFound", err)
	}
	if err := b.CreateRecord(t.Context(), key, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateRecord(t.Context(), key, []byte("2")); !errors.Is(err, ErrChanged) {
		t.Errorf("CreateRecord twice: got %v, want ErrChanged", err)
	}
	first, err := b.ReadRecord(t.Context(), key)
	if err != nil || string(first.Body) != "1" {
		t.Fatalf("ReadRecord: got %q, %v, want 1", first.Body, err)
	}
	etag, err := b.ReplaceRecord(t.Context(), key, first.ETag, []byte("3"))
	if err != nil || etag == first.ETag {
		t.Errorf("ReplaceRecord: got ETag %s, %v, want a new one", etag, err)
	}
	if _, err := b.ReplaceRecord(t.Context(), key, first.ETag, []byte("4")); !errors.Is(err, ErrChanged) {
		t.Errorf("ReplaceRecord with an old ETag: got %v, want ErrChanged", err)
	}
	if last, err := b.ReadRecord(t.Context(), key); err != nil || string(last.Body) != "3" || last.ETag != etag {
		t.Errorf("ReadRecord: got %q, %v, want 3", last.Body, err)
	}
}

// TestErrors checks the error for each response of a store.
func TestErrors(t *testing.T) {
	target := storetest.Open(t)
	wrongSecret, noStore := target.AWS.Copy(), target.AWS.Copy()
	wrongSecret.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := target.AWS.Credentials.Retrieve(ctx)
		c.SecretAccessKey += "x"
		return c, err
	})
	noStore.BaseEndpoint = aws.String("http://127.0.0.1:1")
	for _, c := range []struct {
		name     string
		settings aws.Config
		bucket   string
		want     error
	}{
		{"correct settings", target.AWS, target.Bucket, nil},
		{"no such bucket", target.AWS, target.Bucket + "-not", ErrNotFound},
		{"wrong secret", wrongSecret, target.Bucket, ErrForbidden},
		{"no store", noStore, target.Bucket, ErrUnavailable},
	} {
		b, err := Open(t.Context(), Options{Name: c.bucket, AWS: c.settings, PathStyle: target.PathStyle})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Check(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("Check, %s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestCompositeChecksum checks that composite checksums are ignored, whether or not the store returns their type.
func TestCompositeChecksum(t *testing.T) {
	for _, kind := range []string{"", "COMPOSITE", "FULL_OBJECT"} {
		value, known := "yZRlqg==-3", false
		if kind == "FULL_OBJECT" {
			value, known = "yZRlqg==", true
		}
		settings := aws.Config{
			Region:      "us-east-1",
			Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
			HTTPClient: smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
				h := http.Header{"X-Amz-Checksum-Crc32": {value}, "Content-Length": {"3"}}
				if kind != "" {
					h.Set("X-Amz-Checksum-Type", kind)
				}
				return &http.Response{StatusCode: 200, Header: h, Body: http.NoBody, Request: r}, nil
			}),
		}
		b, err := Open(t.Context(), Options{Name: "data", AWS: settings})
		if err != nil {
			t.Fatal(err)
		}
		if o, err := b.Head(t.Context(), "k"); err != nil || (o.Checksums["crc32"] != "") != known {
			t.Errorf("Head of type %q: got %v, %v, want known %v", kind, o.Checksums, err, known)
		}
	}
}
