package openapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestErrOfEveryResponse checks that each response has Err, and that the zero response is an error.
func TestErrOfEveryResponse(t *testing.T) {
	calls := reflect.TypeFor[client.ClientWithResponsesInterface]()
	for call := range calls.Methods() {
		response := call.Type.Out(0)
		checked, ok := reflect.New(response.Elem()).Interface().(interface{ Err() error })
		if !ok {
			t.Errorf("%s: %s has no Err", call.Name, response)
		} else if checked.Err() == nil {
			t.Errorf("%s: a response without status: got no error", call.Name)
		}
	}
}

func TestErr(t *testing.T) {
	const problem = `{"type":"about:blank","title":"Bad Request","status":400,"detail":"The request is invalid.",` +
		`"code":"invalid-request","request_id":"r","errors":[{"pointer":"/size","detail":"must be an integer"}]}`
	const job = `{"id":"i","status":"awaiting_upload","mode":"single","created_at":"2026-01-02T03:04:05Z"}`
	const other = "the response 200 OK is not from a Signpost service of this version"
	for _, c := range []struct {
		name, mediaType, body string
		status                int
		want                  string
	}{
		{"created", "application/json", job, 201, ""},
		{"an older service", "application/json", `{"id":"i","status":"awaiting_upload","upload_url":"u"}`, 200, other},
		{"a problem", "application/problem+json", problem, 400,
			"the service returned 400 invalid-request: The request is invalid; /size must be an integer"},
		{"a gateway's message", "application/json", `{"message":"Forbidden"}`, 403,
			"the service returned 403 Forbidden: Forbidden"},
		{"a proxy's page", "text/html", "<html>", 502, "the service returned 502 Bad Gateway"},
		{"a page", "text/html", "<html>", 200, other},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.mediaType)
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		defer server.Close()
		api, err := client.NewClientWithResponses(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		r, err := api.CreateImportWithResponse(t.Context(), nil, client.ImportRequest{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := ""
		if err := r.Err(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got error %q, want %q", c.name, got, c.want)
		}
		var p *client.Problem
		if is := errors.As(r.Err(), &p); is != strings.Contains(c.mediaType, "problem") {
			t.Errorf("%s: a *Problem: got %t", c.name, is)
		}
	}
}

// TestNotModified checks that a 304 response, which has no import, is an error.
func TestNotModified(t *testing.T) {
	r := client.GetImportResponse{HTTPResponse: &http.Response{StatusCode: http.StatusNotModified}}
	if err := r.Err(); !errors.Is(err, client.ErrNotModified) {
		t.Errorf("got %v, want ErrNotModified", err)
	}
}

// TestErrOfUntracked checks that a 200 response to a create is an error unless it has the URL of an untracked import.
func TestErrOfUntracked(t *testing.T) {
	for body, want := range map[string]bool{`{"upload_url":"u"}`: true, `{"imports":[]}`: false, `{}`: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}))
		defer server.Close()
		api, err := client.NewClientWithResponses(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Check(api.CreateImportWithBodyWithResponse(t.Context(), nil, "", nil))
		if (err == nil) != want {
			t.Errorf("%s: got %v, want success: %t", body, err, want)
		}
	}
}
