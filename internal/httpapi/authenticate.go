package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
)

// guard asks who calls before anything of a call is looked at, and whether they may do what they ask for. Whom it refuses is counted
// like any other caller, or trying keys would be the one thing without a limit.
func authenticate(authenticate auth.Authenticator, limit *limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := c.(*exchange)
			if x.operation == nil {
				return next(c)
			}
			caller, err := authenticate(c.Request())
			if err != nil {
				x.audit.recordRefusal(err)
				return cmp.Or(limit.count(x), unauthenticated(err))
			}
			x.owner, x.scope = caller.Owner, caller.Scope
			if caller.Scope&x.operation.scope == 0 {
				x.audit = audit{action: "authorize", reason: "scope-missing"}
				return cmp.Or(limit.count(x), error(&problem{
					Status: http.StatusForbidden, Code: "scope-missing",
					Detail: fmt.Sprintf("This needs the scope %s, which this API key or token does not have.", x.operation.scope),
				}))
			}
			return next(c)
		}
	}
}

// may reports whether the caller has all of scope. Where nobody is asked who they are, everybody has.
func (x *exchange) allows(scope auth.Scope) bool { return x.owner == "" || x.scope&scope == scope }

// withheld takes out of an answer the signed requests that its caller's scopes do not reach: to read an import is not to send it, and
// to send one is not to fetch what others sent.
func withholdURLs(next api.StrictHandlerFunc, _ string) api.StrictHandlerFunc {
	return func(c echo.Context, request any) (any, error) {
		response, err := next(c, request)
		job, isJob := response.(jobResponse)
		if !isJob {
			return response, err
		}
		x := c.(*exchange)
		if !x.allows(auth.Create) {
			job.Upload, job.UploadURL = nil, nil
		}
		if !x.allows(auth.Read) {
			job.DownloadURL = nil
		}
		return job, err
	}
}

// unauthenticated is the answer to callers of whom nothing is known.
func unauthenticated(err error) error {
	var refusal *auth.Refusal
	if errors.As(err, &refusal) {
		return &problem{Status: http.StatusUnauthorized, Code: "unauthenticated", Detail: refusal.Detail, Header: [2]string{"WWW-Authenticate", refusal.Challenge}}
	}
	if errors.Is(err, auth.ErrUnavailable) {
		return &imports.Error{Kind: imports.Unavailable, Code: "identity-unavailable", Detail: "Who calls cannot be found out at the moment. Try again later.", Cause: err}
	}
	return err
}

// identify hands on who calls, and in which request, to those who know nothing of HTTP.
func withCall(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := c.(*exchange)
		if x.owner == "" && !needsValidation(c) { // a bare import of nobody's, for which nobody is asked anything
			return next(c)
		}
		call := imports.Call{Owner: x.owner, RequestID: c.Response().Header().Get(echo.HeaderXRequestID)}
		c.SetRequest(c.Request().WithContext(imports.WithCall(c.Request().Context(), call)))
		return next(c)
	}
}
