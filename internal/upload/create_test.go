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
