package openapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

func TestSend(t *testing.T) {
	var got *http.Request
	var body string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, body = r, string(content)
		if r.URL.Path == "/denied" {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
		}
	}))
	defer store.Close()
	down := httptest.NewServer(nil)
	down.Close()

	for name, test := range map[string]struct {
		server, path, content string
		err                   string // part of the error; empty: success
	}{
		"a body":             {store.URL, "/object", "text", ""},
		"an empty body":      {store.URL, "/object", "", ""},
		"the store rejects":  {store.URL, "/denied", "text", "the store returned 403 Forbidden AccessDenied Request has expired"},
		"the store is down":  {down.URL, "/object", "text", "connection refused"},
		"the URL is invalid": {"http://\x7f", "/object", "text", "the signed URL is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			part := client.SignedPart{Method: "PUT", URL: test.server + test.path + "?X-Amz-Signature=secret", PartNumber: 7,
				Headers: map[string]string{"If-None-Match": "*", "Content-Length": "4"}}
			err := part.Send(t.Context(), http.DefaultClient, strings.NewReader(test.content), int64(len(test.content)))
			if test.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got.Method != "PUT" || got.Header.Get("If-None-Match") != "*" || body != test.content ||
					got.ContentLength != int64(len(test.content)) || len(got.TransferEncoding) != 0 {
					t.Errorf("got %s with %v, %d bytes %q, want the signed request", got.Method, got.Header, got.ContentLength, body)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) || !strings.HasPrefix(err.Error(), "part 7: ") ||
				strings.Contains(err.Error(), "secret") {
				t.Errorf("got error %v, want one of part 7 with %q and without the URL", err, test.err)
			}
		})
	}
}

func TestSendRejectsForms(t *testing.T) {
	form := client.UploadRequest{Method: "POST", URL: "http://127.0.0.1", Fields: map[string]string{"key": "imports/1"}}
	err := form.Send(t.Context(), http.DefaultClient, strings.NewReader("x"), 1)
	if err == nil || !strings.Contains(err.Error(), "mode single") {
		t.Errorf("got error %v, want one that names mode single", err)
	}
}

func TestWithAPIKey(t *testing.T) {
	var got string
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("X-Api-Key")
	}))
	defer service.Close()
	api, err := client.NewClient(service.URL, client.WithAPIKey("secret"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := api.GetImport(t.Context(), "id", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got != "secret" {
		t.Errorf("X-Api-Key: got %q, want the key", got)
	}
}

// TestSendWithoutUpload checks that the response for a multipart upload, which has no upload, is an error.
func TestSendWithoutUpload(t *testing.T) {
	var created client.Import
	err := created.Upload.Send(t.Context(), http.DefaultClient, strings.NewReader("x"), 1)
	if err == nil || !strings.Contains(err.Error(), "multipart") {
		t.Errorf("got error %v, want one that names mode multipart", err)
	}
}

// doerFunc is an HttpRequestDoer.
type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestSendHidesURL checks that errors of clients that retry, which quote the URL, lose its signature.
func TestSendHidesURL(t *testing.T) {
	retrying := doerFunc(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("PUT %s: giving up after 5 attempts", r.URL)
	})
	part := client.SignedPart{Method: "PUT", URL: "http://127.0.0.1/object?X-Amz-Signature=secret", PartNumber: 7}
	err := part.Send(t.Context(), retrying, strings.NewReader("x"), 1)
	if want := "part 7: upload: PUT http://127.0.0.1/object: giving up after 5 attempts"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
