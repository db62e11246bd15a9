package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrNotModified reports that the import still has an ETag that IfNoneMatch contains.
var ErrNotModified = errors.New("the import is unchanged")

// Error returns the problem in one line.
func (p *Problem) Error() string {
	text := fmt.Sprintf("the service returned %d %s: %s", p.Status, p.Code, strings.TrimSuffix(p.Detail, "."))
	for _, e := range p.Errors {
		text += "; " + strings.TrimSpace(e.Pointer+e.Parameter+" "+e.Detail)
	}
	return text
}

// Err returns nil if JSON201 is set, or JSON200 after a request without a body. Otherwise it returns a *Problem, or
// another error if the response is not from the service, or from an older one, which answered all creates with 200.
func (r CreateImportResponse) Err() error {
	untracked := r.JSON200 != nil && r.JSON200.UploadURL != "" && !hadBody(r.HTTPResponse)
	return failure(r.HTTPResponse, r.Body, r.ApplicationProblemJSONDefault, r.JSON201 != nil || untracked)
}

// hadBody reports whether the request of a response had a body.
func hadBody(r *http.Response) bool {
	return r != nil && r.Request != nil && r.Request.Body != nil && r.Request.Body != http.NoBody
}

// Err returns nil if JSON200 is set. It returns ErrNotModified for a 304 response, or else an error as
// [CreateImportResponse.Err] does.
func (r GetImportResponse) Err() error {
	if r.StatusCode() == http.StatusNotModified {
		return ErrNotModified
	}
	return failure(r.HTTPResponse, r.Body, r.ApplicationProblemJSONDefault, r.JSON200 != nil)
}

// Err returns nil if JSON200 is set, or else an error as [CreateImportResponse.Err] does.
func (r ListImportsResponse) Err() error {
	return failure(r.HTTPResponse, r.Body, r.ApplicationProblemJSONDefault, r.JSON200 != nil)
}

// Err returns nil if JSON200 is set, or JSON202 while the store assembles the object. Otherwise it returns an error as
// [CreateImportResponse.Err] does.
func (r CompleteImportResponse) Err() error {
	return failure(r.HTTPResponse, r.Body, r.ApplicationProblemJSONDefault, r.JSON200 != nil || r.JSON202 != nil)
}

// Err returns nil if the import is deleted, or else an error as [CreateImportResponse.Err] does.
func (r DeleteImportResponse) Err() error {
	return failure(r.HTTPResponse, r.Body, r.ApplicationProblemJSONDefault, r.StatusCode() == http.StatusNoContent)
}

// Err returns nil if JSON200 is set, or else an error as [CreateImportResponse.Err] does.
func (r SignPartsResponse) Err() error {
	return failure(r.HTTPResponse, r.Body, r.ApplicationProblemJSONDefault, r.JSON200 != nil)
}

// Err returns nil if JSON200 is set, or else an error as [CreateImportResponse.Err] does.
func (r ListPartsResponse) Err() error {
	return failure(r.HTTPResponse, r.Body, r.ApplicationProblemJSONDefault, r.JSON200 != nil)
}

// failure returns the error of a response, unless it is the declared success.
func failure(response *http.Response, body []byte, problem *Problem, success bool) error {
	switch {
	case success:
		return nil
	case problem != nil && problem.Code != "":
		return problem
	case response == nil:
		return errors.New("there is no response")
	case response.StatusCode < 300:
		return fmt.Errorf("the response %s is not from a Signpost service of this version", response.Status)
	}
	var gateway struct{ Message string } // of an API gateway
	_ = json.Unmarshal(body, &gateway)
	return errors.New(strings.TrimSuffix("the service returned "+response.Status+": "+gateway.Message, ": "))
}
