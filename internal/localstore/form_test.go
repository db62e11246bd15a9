package localstore_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// form is a POST form as a server signs it and a browser sends it.
type form struct {
	signed  time.Time
	expires time.Time
	fields  map[string]string // each is also a condition of the policy
	extra   map[string]string // fields without a condition
	least   int               // content-length-range
	most    int
	secret  string
	content string

	unsigned bool   // only the fields and the file
	after    string // a field after the file
	end      string // text after the last boundary
}

func newForm(s *localstore.Store, key, content string) *form {
	return &form{
		signed: time.Now().UTC(), expires: time.Now().UTC().Add(time.Hour), most: len(content),
		fields: map[string]string{"key": key}, secret: s.Credentials().SecretAccessKey, content: content, end: "\r\n",
	}
}

func hash(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (f *form) request(t *testing.T, s *localstore.Store) *http.Request {
	t.Helper()
	day := f.signed.Format("20060102")
	all := map[string]string{
		"x-amz-algorithm":  "AWS4-HMAC-SHA256",
		"x-amz-credential": s.Credentials().AccessKeyID + "/" + day + "/" + s.AWSConfig().Region + "/s3/aws4_request",
		"x-amz-date":       f.signed.Format("20060102T150405Z"),
	}
	for name, value := range f.fields {
		all[name] = value
	}
	conditions := []any{
		map[string]string{"bucket": s.Bucket()},
		[]any{"content-length-range", f.least, f.most},
	}
	for name, value := range all {
		conditions = append(conditions, map[string]string{name: value})
	}
	document, err := json.Marshal(map[string]any{
		"expiration": f.expires.Format("2006-01-02T15:04:05.000Z"), "conditions": conditions,
	})
	if err != nil {
		t.Fatal(err)
	}
	all["policy"] = base64.StdEncoding.EncodeToString(document)
	key := hash(hash(hash(hash([]byte("AWS4"+f.secret), day), s.AWSConfig().Region), "s3"), "aws4_request")
	all["x-amz-signature"] = hex.EncodeToString(hash(key, all["policy"]))
	if f.unsigned {
		all = f.fields
	}
	for name, value := range f.extra {
		all[name] = value
	}

	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range all {
		// With a type on each field, as some clients send it, the form that versitygw receives has another length.
		fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=%q\r\n"+
			"Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", w.Boundary(), name, value)
	}
	fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n"+
		"Content-Type: text/plain\r\n\r\n%s\r\n", w.Boundary(), f.content)
	if f.after != "" {
		fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\n%s\r\n",
			w.Boundary(), f.after)
	}
	fmt.Fprintf(&body, "--%s--%s", w.Boundary(), f.end)
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.Endpoint()+"/"+s.Bucket(), &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	return req
}

func TestValidForms(t *testing.T) {
	s := start(t, t.TempDir())
	content := strings.Repeat("form content\r\n", 100)
	f := newForm(s, "forms/a", content)
	f.fields["content-type"] = "text/x-form"
	f.fields["content-disposition"] = `attachment; filename="a.txt"`
	f.fields["x-amz-meta-owner"] = "me"
	f.fields["x-amz-checksum-sha256"] = sums(content)["sha256"]
	f.fields["success_action_status"] = "201"
	if status, code, _ := send(t, f.request(t, s)); status != http.StatusCreated {
		t.Fatalf("POST = %d %s, want 201", status, code)
	}
	if got, _ := stored(t, s, "forms/a"); got != content {
		t.Errorf("stored %d bytes, want the %d sent", len(got), len(content))
	}
	head, err := client(s).HeadObject(t.Context(), &s3.HeadObjectInput{
		Bucket: aws.String(s.Bucket()), Key: aws.String("forms/a"), ChecksumMode: "ENABLED",
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"Content-Type":        {aws.ToString(head.ContentType), "text/x-form"},
		"Content-Disposition": {aws.ToString(head.ContentDisposition), `attachment; filename="a.txt"`},
		"metadata owner":      {head.Metadata["owner"], "me"},
		"sha256":              {aws.ToString(head.ChecksumSHA256), sums(content)["sha256"]},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %q, want %q", what, pair[0], pair[1])
		}
	}
}

func TestInvalidForms(t *testing.T) {
	s := start(t, t.TempDir())
	for name, row := range map[string]struct {
		change func(*form)
		status int
		code   string
	}{
		"as signed":                {func(*form) {}, 204, ""},
		"as many bytes as allowed": {func(f *form) { f.most = len(f.content) }, 204, ""},
		"one byte too many":        {func(f *form) { f.most = len(f.content) - 1 }, 400, "EntityTooLarge"},
		"another secret":           {func(f *form) { f.secret = "guessed" }, 403, "SignatureDoesNotMatch"},
		"a field not signed":       {func(f *form) { f.extra = map[string]string{"x-amz-meta-a": "b"} }, 403, "AccessDenied"},
		"another key":              {func(f *form) { f.extra = map[string]string{"key": "other"} }, 403, "AccessDenied"},
		"a wrong checksum": {
			func(f *form) { f.fields["x-amz-checksum-sha256"] = sums("else")["sha256"] }, 400, "BadDigest",
		},
		"policy expired": {func(f *form) { f.expires = f.signed.Add(-time.Second) }, 403, "AccessDenied"},
		"signed two hours ago, policy valid": {
			func(f *form) { f.signed = f.signed.Add(-2 * time.Hour) }, 204, "",
		},
		"signed two hours ago, and metadata says when": {
			func(f *form) {
				f.signed = f.signed.Add(-2 * time.Hour)
				f.fields["x-amz-meta-at"] = f.signed.Format("20060102T150405Z")
			}, 204, "",
		},
		"signed two hours ago, policy expired": {
			func(f *form) { f.signed, f.expires = f.signed.Add(-2*time.Hour), f.signed.Add(-time.Hour) }, 403, "AccessDenied",
		},
		"signed two hours ago with another secret": {
			func(f *form) { f.signed, f.secret = f.signed.Add(-2*time.Hour), "guessed" }, 403, "AccessDenied",
		},
		"signed eight days ago": {
			func(f *form) { f.signed = f.signed.Add(-8 * 24 * time.Hour) }, 403, "AccessDenied",
		},
		"one byte too few":         {func(f *form) { f.least = len(f.content) + 1 }, 400, "EntityTooSmall"},
		"no line break at the end": {func(f *form) { f.least, f.end = f.most, "" }, 204, ""},
		"a submit button":          {func(f *form) { f.least, f.after = f.most, "Upload" }, 204, ""},
		"text after the form":      {func(f *form) { f.least, f.end = f.most, "\r\nepilogue" }, 204, ""},
		"a clock 14 minutes ahead": {func(f *form) { f.signed = f.signed.Add(14 * time.Minute) }, 204, ""},
		"a clock 16 minutes ahead": {func(f *form) { f.signed = f.signed.Add(16 * time.Minute) }, 403, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			key := strings.NewReplacer(" ", "-", ",", "").Replace(name)
			f := newForm(s, key, "the content")
			row.change(f)
			status, code, _ := send(t, f.request(t, s))
			if status != row.status || code != row.code {
				t.Errorf("POST = %d %q, want %d %q", status, code, row.status, row.code)
			}
			if got, ok := stored(t, s, key); ok != (row.status == 204) || ok && got != "the content" {
				t.Errorf("stored: %v, %q", ok, got)
			}
		})
	}
}

func TestTruncatedFormStoresNothing(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{1000, 20 << 20} {
		s := start(t, dir)
		req := newForm(s, "cut", strings.Repeat("x", size)).request(t, s)
		var body bytes.Buffer
		if _, err := body.ReadFrom(req.Body); err != nil {
			t.Fatal(err)
		}
		conn := sendHead(t, s, req, body.Len())
		if _, err := conn.Write(body.Bytes()[:body.Len()-size/2]); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		s = start(t, dir)
		if _, ok := stored(t, s, "cut"); ok {
			t.Errorf("half of a form of %d bytes was stored", size)
		}
		s.Close()
	}
}
