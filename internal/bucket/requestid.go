package bucket

import (
	"context"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

type requestIDKey struct{}

// IsRequestID reports whether id is 1 to 128 characters of A-Z a-z 0-9 . _ : = - and so cannot forge a log line.
func IsRequestID(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:=-", r))
	})
}

// WithRequestID returns a context whose calls to the store have id in their User-Agent, which the store's access log
// records. An invalid id is omitted: see IsRequestID.
func WithRequestID(ctx context.Context, id string) context.Context {
	if !IsRequestID(id) {
		return ctx
	}
	return context.WithValue(ctx, requestIDKey{}, id)
}

// userAgentSuffix returns what ctx adds to a User-Agent.
func userAgentSuffix(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	if id == "" {
		return ""
	}
	return " signpost-request/" + id
}

// addRequestID adds the id to the SDK's own User-Agent, which signatures do not cover.
func addRequestID(stack *middleware.Stack) error {
	add := func(
		ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
	) (middleware.BuildOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok {
			r.Header.Set("User-Agent", r.Header.Get("User-Agent")+userAgentSuffix(ctx))
		}
		return next.HandleBuild(ctx, in)
	}
	return stack.Build.Add(middleware.BuildMiddlewareFunc("SignpostRequestID", add), middleware.After)
}
