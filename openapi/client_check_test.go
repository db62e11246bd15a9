package openapi_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

func TestCheck(t *testing.T) {
	connection := errors.New("connection refused")
	problem := &client.Problem{Status: 404, Code: "import-not-found"}
	for name, test := range map[string]struct {
		response *client.GetImportResponse
		err      error
		want     error
	}{
		"success":     {&client.GetImportResponse{JSON200: new(client.Import)}, nil, nil},
		"no response": {nil, connection, connection},
		"a problem": {&client.GetImportResponse{HTTPResponse: &http.Response{StatusCode: 404},
			ApplicationProblemJSONDefault: problem}, nil, problem},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := client.Check(test.response, test.err)
			if response != test.response || err != test.want {
				t.Errorf("got %v, %v, want the response and %v", response, err, test.want)
			}
		})
	}
}
