package upload

import (
	"errors"
	"strings"
	"testing"
)

// TestUnsafeRequests: only S3 uploads and downloads are sent.
func TestUnsafeRequests(t *testing.T) {
	const store = "https://bucket.s3.example/key?X-Amz-Signature=secret"
	header := func(name string) map[string]string { return map[string]string{name: "x"} }
	for _, c := range []struct {
		server, method, url string
		headers             map[string]string
		rejected            string // part of the reason; empty: it is sent
	}{
		{"https://api.example", "PUT", store, nil, ""},
		{"https://api.example", "PUT", store, header("Content-Type"), ""},
		{"https://api.example", "PUT", store, header("if-none-match"), ""},
		{"https://api.example", "PUT", store, header("X-Amz-Checksum-Crc64nvme"), ""},
		{"https://api.example", "PUT", store, header("x-amz-meta-note"), ""},
		{"https://api.example", "DELETE", store, nil, "only PUT"},
		{"https://api.example", "POST", store, nil, "only PUT"},
		{"https://api.example", "put", store, nil, "only PUT"},
		{"https://api.example", "", store, nil, "only PUT"},
		{"https://api.example", "PUT", store, header("Authorization"), "header Authorization"},
		{"https://api.example", "PUT", store, header("cookie"), "header cookie"},
		{"https://api.example", "PUT", store, header("Host"), "header Host"},
		{"https://api.example", "PUT", store, header("X-Forwarded-For"), "header X-Forwarded-For"},
		{"https://api.example", "PUT", store, header("Transfer-Encoding"), "header Transfer-Encoding"},
		{"https://api.example", "PUT", store, header("x-amz-a: b\r\nHost"), "header x-amz-a: b Host"},
		{"https://api.example", "PUT", store, header("x-amz-meta-\u212a"), "header x-amz-meta-\u212a"},
		{"https://api.example", "PUT", store, map[string]string{"x-amz-meta-a": "b\r\nHost: c"}, "header x-amz-meta-a"},
		{"https://api.example", "PUT", "https://user:password@bucket.s3.example/key", nil, "user name"},
		{"https://api.example", "PUT", "file:///etc/passwd", nil, "only http and https"},
		{"https://api.example", "PUT", "/key", nil, "only http and https"},
		{"https://api.example", "PUT", "https:key", nil, "only http and https"},
		{"https://api.example", "PUT", "https://bucket\x7f/", nil, "invalid"},
		{"https://api.example", "PUT", "http://10.0.0.1/key", nil, "for this machine only"},
		{"https://api.example", "PUT", "http://127.0.0.1.example/key", nil, "for this machine only"},
		{"https://api.example", "PUT", "http://127.0.0.1:9000/key", nil, ""},
		{"https://api.example", "PUT", "http://[::1]:9000/key", nil, ""},
		{"https://api.example", "PUT", "http://localhost:9000/key", nil, ""},
		{"http://api.example", "PUT", "http://10.0.0.1/key", nil, ""},
	} {
		api, err := NewAPI(c.server, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = api.check("PUT", signedRequest{c.method, c.url, c.headers})
		switch {
		case c.rejected == "" && err != nil:
			t.Errorf("%s, %s %s %v: got %v, want it sent", c.server, c.method, c.url, c.headers, err)
		case c.rejected != "" && (!errors.Is(err, ErrUnsafeRequest) || !strings.Contains(err.Error(), c.rejected)):
			t.Errorf("%s, %s %s %v: got %v, want it rejected: %s", c.server, c.method, c.url, c.headers, err, c.rejected)
		case err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "password@")):
			t.Errorf("%s: the error shows a credential: %v", c.url, err)
		}
	}
	api, err := NewAPI("https://api.example", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for url, safe := range map[string]bool{
		store: true, "http://localhost/": true, "http://10.0.0.1/": false, "file:///etc/passwd": false,
	} {
		if err := api.CheckDownload(url); (err == nil) != safe {
			t.Errorf("download from %s: got %v, want it sent: %t", url, err, safe)
		}
	}
}
