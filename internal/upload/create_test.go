package upload

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestCreateStatuses checks that the response of an older service to a create, 200 instead of 201, is accepted.
func TestCreateStatuses(t *testing.T) {
	const id = "01a22529-74d5-7f84-bc00-7bf3810bf0e7"
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		api, err := NewAPI("http://signpost.example", nil, roundTripFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status,
				Header:     http.Header{"Content-Type": {"application/json"}},
				Body:       io.NopCloser(strings.NewReader(`{"id":"` + id + `","status":"awaiting_upload"}`)),
			}, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if job, err := api.Create(t.Context(), client.ImportRequest{}, ""); err != nil || job.ID != id {
			t.Errorf("%d: got %q, %v, want %q", status, job.ID, err, id)
		}
	}
}

// TestCreateWithoutPath checks that a service that does not know relative_path gets a request without it, and that
// other errors of the path are returned.
func TestCreateWithoutPath(t *testing.T) {
	const id = "01a22529-74d5-7f84-bc00-7bf3810bf0e7"
	for detail, want := range map[string]int{ // want is the number of requests
		"is not a member of this request; known are checksum, content_type": 2,
		"must have at most 1024 characters":                                 1,
	} {
		requests := 0
		api, err := NewAPI("http://signpost.example", nil, roundTripFunc(func(r *http.Request) (*http.Response, error) {
			requests++
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			response := &http.Response{StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}}}
			answer := `{"id":"` + id + `","status":"awaiting_upload"}`
			if strings.Contains(string(body), "relative_path") {
				response.StatusCode = http.StatusBadRequest
				answer = `{"status":400,"code":"invalid-request","detail":"The request is invalid.",` +
					`"errors":[{"pointer":"/relative_path","detail":"` + detail + `"}]}`
			}
			response.Body = io.NopCloser(strings.NewReader(answer))
			return response, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		upload := New(api, http.DefaultClient, 1).newTransfer(t.Context(), "a.jpg", Options{RelativePath: "photos/a.jpg"})
		job, err := upload.create(t.Context(), upload.importRequest(client.ImportRequestModeSingle), "")
		if requests != want || (err == nil) != (want == 2) || err == nil && job.ID != id {
			t.Errorf("%s: got import %q, %v after %d requests, want %d requests", detail, job.ID, err, requests, want)
		}
	}
}
