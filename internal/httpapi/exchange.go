package httpapi

import (
	"cmp"
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/openapi"
)

// exchange is Echo's context of one request, extended by what the checks find out for the handler and the access log.
type exchange struct {
	echo.Context
	operation *operation // nil: not an operation of the API
	owner     string     // empty: not authenticated
	scope     auth.Scope // of the owner's key or token
	body      []byte     // JSON that the validator accepted; nil: none
	audit     audit
}

// operation is an operation of the OpenAPI document, and the scope that it requires.
type operation struct {
	openapi.Operation
	scope auth.Scope
}

// operationsByRoute returns the operations of the OpenAPI document by method and Echo's path. An operation without a
// known scope is forbidden to all callers.
func operationsByRoute() map[string]*operation {
	operations := make(map[string]*operation, len(openapi.Operations))
	for _, o := range openapi.Operations {
		scope, _ := auth.ParseScopes(o.Scope)
		path := strings.NewReplacer("{", ":", "}", "").Replace(o.Path)
		operations[o.Method+path] = &operation{o, scope}
	}
	return operations
}

// setRequestID sets X-Request-Id in the response: the request's value if it is valid, or a new UUID.
func (x *exchange) setRequestID() {
	id := x.Request().Header.Get(requestIDHeader)
	if !bucket.IsRequestID(id) {
		id = uuid.NewString()
	}
	x.Response().Header().Set(requestIDHeader, id)
}

func (x *exchange) requestID() string { return x.Response().Header().Get(requestIDHeader) }

// requestIDHeader is echo.HeaderXRequestID in the spelling of http.Header, to which each call would convert it.
const requestIDHeader = "X-Request-Id"

// context returns the request's context. Calls to the store with it carry the request ID.
func (x *exchange) context() context.Context {
	return bucket.WithRequestID(x.Request().Context(), x.requestID())
}

// ownerOrPublic returns the owner of the imports that the request may reach.
func (x *exchange) ownerOrPublic() string { return cmp.Or(x.owner, imports.Public) }

// allows reports whether the caller has scope. All callers have it if requests are not authenticated.
func (x *exchange) allows(scope auth.Scope) bool { return x.owner == "" || x.scope&scope == scope }

// check inspects a request before its handler. If it returns an error, that is the response.
type check func(*exchange) error

// inOrder returns middleware that runs checks until one returns an error.
func inOrder(checks ...check) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			for _, check := range checks {
				if err := check(c.(*exchange)); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}
