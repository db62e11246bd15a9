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

// retryAfter is how many seconds a caller is asked to wait while the store is away.
const retryAfter = "5"

// problem is a failure found at the edge: its status, a stable code, words for the caller, headers it needs.
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

// problemOf is the one ordered switch from error to answer. What it does not foresee is a fault of ours, told by its id alone.
func problemOf(err error) *problem {
	var p *problem
	var domain *imports.Error
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &domain) && domain.Kind != imports.Internal:
		return domainProblem(domain)
	case errors.Is(err, context.Canceled):
		return &problem{Status: 499, Code: "client-closed-request", Detail: "The client went away before the answer."}
	case errors.As(err, &routing) && routing.Code >= 400 && routing.Code < 500:
		return routingProblem(routing)
	}
	return &problem{Status: http.StatusInternalServerError, Code: "internal-error", Detail: "The service failed. Report this with the request_id."}
}

func domainProblem(e *imports.Error) *problem {
	p := &problem{Status: http.StatusInternalServerError, Code: e.Code, Detail: e.Detail}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, api.FieldError{Pointer: optional(f.Pointer), Parameter: optional(f.Parameter), Detail: f.Detail})
	}
	switch e.Kind {
	case imports.Invalid:
		p.Status = http.StatusBadRequest
	case imports.NotFound:
		p.Status = http.StatusNotFound
	case imports.Forbidden:
		p.Status = http.StatusForbidden
	case imports.Conflict:
		p.Status = http.StatusConflict
	case imports.Refused:
		p.Status = http.StatusUnprocessableEntity
	case imports.Full:
		p.Status = http.StatusInsufficientStorage
	case imports.NotCompleted:
		p.Status = http.StatusInternalServerError
	case imports.Unavailable:
		p.Status, p.Header = http.StatusServiceUnavailable, [2]string{"Retry-After", retryAfter}
	}
	return p
}

// ofRouting words what Echo and the generated code refuse. Their own messages are for programmers.
func routingProblem(e *echo.HTTPError) *problem {
	switch e.Code {
	case http.StatusNotFound:
		return &problem{Status: e.Code, Code: "not-found", Detail: "There is nothing at this path. The API begins at /import."}
	case http.StatusMethodNotAllowed:
		return &problem{Status: e.Code, Code: "method-not-allowed", Detail: "This path does not take this method; see the Allow header."}
	}
	return &problem{Status: e.Code, Code: "bad-request", Detail: "The request cannot be understood."}
}

// renderProblem answers err as RFC 9457 has it. Echo may call it twice for one request.
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
	if strings.HasPrefix(path, "//") { // as a reference, that would name another host (RFC 3986, section 4.2)
		path = "/." + path
	}
	document := api.Problem{
		Type:      "about:blank",
		Title:     http.StatusText(p.Status),
		Status:    int32(p.Status),
		Detail:    p.Detail,
		Instance:  &path,
		Code:      p.Code,
		RequestID: header.Get(echo.HeaderXRequestID),
		Errors:    p.Errors,
	}
	if c.Request().Method == http.MethodHead {
		c.Response().WriteHeader(p.Status)
		return
	}
	_ = writeJSON(c.Response(), p.Status, typeProblem, document) // a client that is gone needs no answer
}
