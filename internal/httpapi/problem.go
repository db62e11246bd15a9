package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// retryAfter is the Retry-After of a 503, in seconds.
const retryAfter = "5"

// problem is an error of the HTTP layer, and the only source of problem documents. Domain errors are converted by
// problemOf.
type problem struct {
	Status int
	Code   string
	Detail string
	Errors []api.FieldError
	Header [2]string // name and value; empty: none
}

func (p *problem) Error() string {
	if len(p.Errors) > 0 {
		return fmt.Sprintf("%s: %s", p.Code, p.Errors[0].Detail)
	}
	return p.Code + ": " + p.Detail
}

// newProblem returns a problem without field errors or header.
func newProblem(status int, code, detail string) *problem {
	return &problem{Status: status, Code: code, Detail: detail}
}

// problemOf maps an error to a problem. An unexpected error is a 500 whose cause is only logged.
func problemOf(err error) *problem {
	var p *problem
	var domain *imports.Error
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &domain) && statuses[domain.Kind] != 0:
		return domainProblem(domain)
	case errors.Is(err, context.Canceled):
		return newProblem(499, "client-closed-request", "The client disconnected before the response.")
	case errors.As(err, &routing) && routing.Code >= 400 && routing.Code < 500:
		return routingProblem(routing)
	}
	return newProblem(http.StatusInternalServerError, "internal-error",
		"The service failed unexpectedly. Report the request_id to its operator.")
}

func domainProblem(e *imports.Error) *problem {
	p := newProblem(statuses[e.Kind], e.Code, e.Detail)
	for i, f := range e.Fields {
		if i == maxFieldErrors {
			p.Errors = append(p.Errors, unlisted(len(e.Fields)-i))
			break
		}
		p.Errors = append(p.Errors, api.FieldError{
			Pointer: optional(jsonPointer(f.Path...)), Parameter: optional(f.Parameter), Detail: f.Detail,
		})
	}
	if e.Kind == imports.Unavailable {
		p.Header = [2]string{"Retry-After", retryAfter}
	}
	return p
}

// statuses are the statuses of domain errors.
var statuses = map[imports.Kind]int{
	imports.Invalid:      http.StatusBadRequest,
	imports.NotFound:     http.StatusNotFound,
	imports.Forbidden:    http.StatusForbidden,
	imports.Conflict:     http.StatusConflict,
	imports.Refused:      http.StatusUnprocessableEntity,
	imports.Full:         http.StatusInsufficientStorage,
	imports.NotCompleted: http.StatusInternalServerError,
	imports.Unavailable:  http.StatusServiceUnavailable,
}

// routingProblem maps errors of Echo and the generated code, whose own messages are not meant for clients.
func routingProblem(e *echo.HTTPError) *problem {
	switch e.Code {
	case http.StatusNotFound:
		return newProblem(e.Code, "not-found", "This path does not exist. Paths of the API begin with /import.")
	case http.StatusMethodNotAllowed:
		return newProblem(e.Code, "method-not-allowed",
			"This path does not support this method. Use one that the Allow header lists.")
	}
	return newProblem(e.Code, "bad-request", "The request is malformed. Compare it with the OpenAPI document of this service.")
}

// renderProblem writes err as a problem document (RFC 9457). Echo may call it twice for one request.
func renderProblem(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p := problemOf(err)
	header := c.Response().Header()
	if p.Header[0] != "" {
		header.Set(p.Header[0], p.Header[1])
	}
	path := c.Request().URL.EscapedPath()
	if strings.HasPrefix(path, "//") { // would be a reference to another host (RFC 3986, section 4.2)
		path = "/." + path
	}
	document := api.Problem{
		Type:      "about:blank",
		Title:     http.StatusText(p.Status),
		Status:    int32(p.Status),
		Detail:    p.Detail,
		Instance:  &path,
		Code:      p.Code,
		RequestID: header.Get(requestIDHeader),
		Errors:    p.Errors,
	}
	header.Set(echo.HeaderContentType, "application/problem+json")
	_ = c.JSON(p.Status, document) // fails only if the client is gone
}
