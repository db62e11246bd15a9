package sigv4_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// TestPinnedSDKSignsChecksums checks that the SDK signs checksums as headers (core v1.43.8 and later). Earlier ones
// move them into the query, which S3 ignores.
func TestPinnedSDKSignsChecksums(t *testing.T) {
	url, _ := presignPut(
		t,
		"http://localhost:9000",
		true,
		&s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), ChecksumSHA256: aws.String("abc=")},
		fixedCredentials(""),
		noon,
		time.Hour,
	)
	if !strings.Contains(url, "X-Amz-SignedHeaders=host%3Bx-amz-checksum-sha256&") {
		t.Errorf("PresignPutObject with a checksum: got %s, want it among the signed headers", url)
	}
}

// FuzzPresignEqualsSDK checks that our URL is the SDK's for any key, host style, token, expiry and headers.
func FuzzPresignEqualsSDK(f *testing.F) {
	f.Add(
		"imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55",
		"",
		"",
		"",
		"",
		int64(0),
		uint32(3600),
		int64(1767323045),
		uint8(0),
	)
	f.Add(
		"a b+c/ü/%2F/..//~",
		"tok/en+=",
		"text/plain; charset=utf-8",
		"attachment; filename=\"a  b\"",
		"x",
		int64(1),
		uint32(1),
		int64(0),
		uint8(1),
	)
	f.Add(
		"/lead/and/trail/",
		strings.Repeat("T/", 550),
		" padded  value ",
		"",
		"many   inner  spaces",
		int64(5<<30),
		uint32(604800),
		int64(4102444799),
		uint8(2),
	)
	f.Add("\x00\x01\x7f\xff\xfe", "", "", "", "", int64(42), uint32(60), int64(951782399), uint8(3))
	f.Add("?#&=;:@!$'()*,[]", "t", "a/b", "inline", "é", int64(0), uint32(900), int64(1709210096), uint8(7))

	f.Fuzz(
		func(
			t *testing.T, key, token, contentType, disposition, meta string,
			length int64, expires uint32, unix int64, style uint8,
		) {
			endpoint := []string{
				"https://s3.eu-central-1.amazonaws.com", "http://localhost:9000", "https://store.example.com:443",
				"http://store.example.com:80",
			}[style%4]
			pathStyle := style&4 != 0
			if key == "" || length < 0 || unix < 0 || unix > 253402300799 || !printable(token, contentType, disposition, meta) {
				t.Skip()
			}
			life := time.Duration(expires%604800+1) * time.Second
			at, c := time.Unix(unix, 0), fixedCredentials(token)
			in := &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key}
			r := sigv4.Request{
				Method:  "PUT",
				Key:     key,
				Params:  []sigv4.Param{{Name: "x-id", Value: "PutObject"}},
				Time:    at,
				Expires: life,
			}
			header := func(name, value string, field **string) {
				if value != "" {
					*field = &value
					r.Headers = append(r.Headers, sigv4.Header{Name: name, Value: value})
				}
			}
			header("content-type", contentType, &in.ContentType)
			header("content-disposition", disposition, &in.ContentDisposition)
			if meta != "" {
				in.Metadata = map[string]string{"note": meta}
				r.Headers = append(r.Headers, sigv4.Header{Name: "x-amz-meta-note", Value: meta})
			}
			if style&8 != 0 {
				header("if-none-match", "*", &in.IfNoneMatch)
				header("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=", &in.ChecksumCRC64NVME)
			}
			if length > 0 {
				in.ContentLength = &length
				r.Headers = append(r.Headers, sigv4.Header{Name: "content-length", Value: itoa(length)})
			}

			want, wantHost := presignPut(t, endpoint, pathStyle, in, c, at, life)
			base, _, _ := strings.Cut(want, "?")
			base = strings.TrimSuffix(base, escapedPath(base))
			if pathStyle {
				base += "/bucket"
			}
			e, err := sigv4.ParseEndpoint(base)
			if err != nil {
				t.Fatalf("ParseEndpoint(%q): %v", base, err)
			}
			got := sigv4.NewSigner("eu-central-1").
				Presign(sigv4.Credentials{
					AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
				}, e, r)
			if strings.ContainsFunc(got.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
				t.Errorf("Presign of %q: got %s, which JSON would have to escape", key, got.Reveal())
			}
			// We omit a default port, which the SDK keeps in the URL but not in what it signs.
			for _, port := range []string{".com:443/", ".com:80/"} {
				want = strings.Replace(want, port, ".com/", 1)
			}
			if got.Reveal() != want {
				t.Errorf("Presign of %q (host %s):\n got %s\nwant %s", key, wantHost, got.Reveal(), want)
			}
		},
	)
}

// FuzzPresignEqualsSigner checks the same with the SDK's low-level signer, for other methods and query parameters.
func FuzzPresignEqualsSigner(f *testing.F) {
	f.Add("GET", "key", "uploadId", "2~VmQ-x_y.z", "")
	f.Add("PUT", "a/b", "partNumber", "10000", "token")
	f.Add("HEAD", "k", "versionId", "a b&c=d+e/f", "")
	f.Add("DELETE", "k", "response-content-disposition", "attachment; filename*=UTF-8''%e2%82%ac", "x")
	f.Fuzz(func(t *testing.T, method, key, param, value, token string) {
		if !isMethod(method) || key == "" || param == "" || param[0] < 'a' || param[0] > 'z' || !printable(token) {
			t.Skip()
		}
		c := fixedCredentials(token)
		e, err := sigv4.ParseEndpoint("https://bucket.example.com")
		if err != nil {
			t.Fatal(err)
		}
		r := sigv4.Request{
			Method:  method,
			Key:     key,
			Params:  []sigv4.Param{{Name: param, Value: value}},
			Time:    noon,
			Expires: time.Minute,
		}
		got := sigv4.NewSigner("eu-central-1").
			Presign(sigv4.Credentials{
				AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
			}, e, r).
			Reveal()

		base, _, _ := strings.Cut(got, "?")
		req, err := http.NewRequest(method, base, nil)
		if err != nil {
			t.Skip()
		}
		q := req.URL.Query()
		q.Set(param, value)
		q.Set("X-Amz-Expires", "60")
		req.URL.RawQuery = q.Encode()
		want, _, err := s3Signer.PresignHTTP(t.Context(), c, req, "UNSIGNED-PAYLOAD", "s3", "eu-central-1", noon)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("Presign %s %q %q=%q:\n got %s\nwant %s", method, key, param, value, got, want)
		}
	})
}
