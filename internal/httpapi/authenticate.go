package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
)

// authenticate checks credentials and scope before the request is parsed. Rejected requests count against the rate
// limit, so that keys cannot be guessed without limit.
func authenticate(authenticator auth.Authenticator, limit *limiter) check {
	return func(x *exchange) error {
		if x.operation == nil {
			return nil
		}
		caller, err := authenticator(x.Request())
		if err != nil {
			x.audit.recordRefusal(err)
			return cmp.Or(limit.count(x), unauthenticated(err))
		}
		x.owner, x.scope = caller.Owner, caller.Scope
		if caller.Scope&x.operation.scope == 0 {
			x.audit = audit{action: "authorize", reason: "scope-missing"}
			return cmp.Or(limit.count(x), error(newProblem(http.StatusForbidden, "scope-missing",
				fmt.Sprintf("This operation requires the scope %s. Use a key or token that has it.", x.operation.scope))))
		}
		return nil
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
			Detail: "The service cannot verify access tokens, because their issuer does not respond. Try again later.",
		}
	}
	return err
}
