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

// authenticate checks credentials and scope before the request is parsed. Rejected requests count against the rate
// limit, so that keys cannot be guessed without limit.
func authenticate(authenticator auth.Authenticator, limit *limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := c.(*exchange)
			if x.operation == nil {
				return next(c)
			}
			caller, err := authenticator(c.Request())
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

// allows reports whether the caller has scope. All callers have it if requests are not authenticated.
func (x *exchange) allows(scope auth.Scope) bool { return x.owner == "" || x.scope&scope == scope }

// withholdURLs removes signed requests from a response if the caller lacks their scope: reading an import does not
// permit uploading it, and creating one does not permit downloading it.
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

// unauthenticated converts an error of an auth.Authenticator.
func unauthenticated(err error) error {
	var refusal *auth.Error
	if errors.As(err, &refusal) {
		p := newProblem(http.StatusUnauthorized, "unauthenticated", refusal.Detail)
		p.Header = [2]string{"WWW-Authenticate", refusal.Challenge}
		return p
	}
	if errors.Is(err, auth.ErrUnavailable) {
		return &imports.Error{
			Kind: imports.Unavailable, Code: "identity-unavailable", Cause: err,
			Detail: "The caller's identity cannot be checked at the moment. Try again later.",
		}
	}
	return err
}

// withCall adds the owner and the request id to the request's context, for packages that do not know HTTP.
func withCall(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := c.(*exchange)
		if x.owner == "" && !needsValidation(c) { // an untracked import of an anonymous caller: the fastest path
			return next(c)
		}
		call := imports.Call{Owner: x.owner, RequestID: c.Response().Header().Get(echo.HeaderXRequestID)}
		c.SetRequest(c.Request().WithContext(imports.WithCall(c.Request().Context(), call)))
		return next(c)
	}
}
