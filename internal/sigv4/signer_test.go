package sigv4

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestWorkedExample is the pre-signed URL of
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
func TestWorkedExample(t *testing.T) {
	e := endpoint(t, "https://examplebucket.s3.amazonaws.com")
	got := NewSigner("us-east-1").Presign(exampleCredentials, e, Request{
		Method:  "GET",
		Key:     "test.txt",
		Time:    time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC),
		Expires: 24 * time.Hour,
	})
	const want = "https://examplebucket.s3.amazonaws.com/test.txt" +
		"?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
		"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
		"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	if got.Reveal() != want {
		t.Errorf("Presign:\n got %s\nwant %s", got.Reveal(), want)
	}
}

// TestPolicyExample is the form of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html.
func TestPolicyExample(t *testing.T) {
	const policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
	s, at := NewSigner("us-east-1"), time.Date(2015, 12, 29, 0, 0, 0, 0, time.UTC)
	if got, want := s.SignPolicy(exampleCredentials, at, policy), "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"; got != want {
		t.Errorf("SignPolicy: got %s, want %s", got, want)
	}
	const scope = "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"
	if got := s.Credential(exampleCredentials, at); got != scope {
		t.Errorf("Credential: got %s, want %s", got, scope)
	}
}

// TestKeyFollowsDayAndCredentials signs concurrently while days and credentials change and compares with fresh signers.
func TestKeyFollowsDayAndCredentials(t *testing.T) {
	e := endpoint(t, "https://bucket.s3.eu-west-1.amazonaws.com")
	shared := NewSigner("eu-west-1")
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				c := Credentials{"AKIA", fmt.Sprint("secret", (worker+i)%3), strings.Repeat("t", i%2)}
				r := Request{
					Method:  "PUT",
					Key:     fmt.Sprint("k", i),
					Time:    midnight.Add(time.Duration(i%5-2) * time.Second),
					Expires: time.Hour,
				}
				if got, want := shared.Presign(c, e, r), NewSigner("eu-west-1").Presign(c, e, r); got != want {
					t.Errorf("Presign at %v with %v: got %s, want %s", r.Time, c, got.Reveal(), want.Reveal())
				}
			}
		})
	}
	wg.Wait()
}

func TestPresignAllocatesOnlyItsResult(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop what it is given")
	}
	s, e, r := NewSigner("us-east-1"), endpoint(t, "https://bucket.s3.us-east-1.amazonaws.com"), barePut
	s.Presign(exampleCredentials, e, r)
	if got := testing.AllocsPerRun(1000, func() { s.Presign(exampleCredentials, e, r) }); got > 1 {
		t.Errorf("Presign allocates %v times, want once, for the URL", got)
	}
}

func TestSecretURLHidesItsQuery(t *testing.T) {
	u := NewSigner("us-east-1").Presign(exampleCredentials, endpoint(t, "http://localhost:9000/bucket"), barePut)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("signed", "url", u, "nested", struct{ U SecretURL }{u})
	for _, printed := range []string{
		fmt.Sprint(u), fmt.Sprintf("%+v %#v %q", u, u, u), fmt.Sprintf("%+v", struct{ U SecretURL }{u}), log.String(),
	} {
		if strings.Contains(printed, "X-Amz") {
			t.Errorf("printed a signed query: %s", printed)
		}
	}
	if !strings.Contains(u.Reveal(), "X-Amz-Signature=") {
		t.Errorf("Reveal: got %s, want the whole URL", u.Reveal())
	}
}

func TestParseEndpoint(t *testing.T) {
	for raw, want := range map[string]Endpoint{
		"https://b.s3.amazonaws.com":   {"https://b.s3.amazonaws.com", "b.s3.amazonaws.com", "/"},
		"https://b.example.com:443/":   {"https://b.example.com", "b.example.com", "/"},
		"http://example.com:80/b":      {"http://example.com", "example.com", "/b/"},
		"https://example.com:80/b":     {"https://example.com:80", "example.com:80", "/b/"},
		"http://[::1]:80/a%20b/c":      {"http://[::1]", "[::1]", "/a%20b/c/"},
		"https://S3.Example.com/B":     {"https://s3.example.com", "s3.example.com", "/B/"},
		"http://127.0.0.1:9000/b":      {"http://127.0.0.1:9000", "127.0.0.1:9000", "/b/"},
		"ftp://example.com":            {},
		"//example.com":                {},
		"https://":                     {},
		"https://user@example.com":     {},
		"https://example.com/?x=y":     {},
		"https://example.com:port/abc": {},
		`https://exam"ple.com/b`:       {},
		"https://my_store:9000/b":      {"https://my_store:9000", "my_store:9000", "/b/"},
	} {
		if got, err := ParseEndpoint(raw); got != want || (err == nil) != (want != Endpoint{}) {
			t.Errorf("ParseEndpoint(%q): got %+v, %v, want %+v", raw, got, err, want)
		}
	}
}

var (
	exampleCredentials = Credentials{
		AccessKeyID:     "AKIAIOSFODNN7EXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	}
	barePut = Request{
		Method:  "PUT",
		Key:     "imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55",
		Params:  []Param{{"x-id", "PutObject"}},
		Time:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Expires: time.Hour,
	}
)

func endpoint(t testing.TB, raw string) Endpoint {
	t.Helper()
	e, err := ParseEndpoint(raw)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
