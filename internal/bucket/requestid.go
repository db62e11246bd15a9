package bucket

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxRequestID is the longest request id that is passed on.
const maxRequestID = 128

type requestIDKey struct{}

// WithRequestID returns a context whose calls to the store carry id in their User-Agent, which the store's access log keeps. An
// id that is not 1 to 128 of A-Z a-z 0-9 . _ : = - is left out.
func WithRequestID(ctx context.Context, id string) context.Context {
	if id == "" || len(id) > maxRequestID {
		return ctx
	}
	for _, c := range []byte(id) {
		if !isRequestIDByte(c) {
			return ctx
		}
	}
	return context.WithValue(ctx, requestIDKey{}, id)
}

func isRequestIDByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '.' || c == '_' || c == ':' || c == '=' || c == '-'
}

// agentSuffix is what ctx adds to a User-Agent.
func userAgentSuffix(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	if id == "" {
		return ""
	}
	return " signpost-request/" + id
}

// addRequestID makes the SDK add it too, once its own User-Agent is there. Signatures do not cover that header.
func addRequestID(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("SignpostRequestID", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok {
			r.Header.Set("User-Agent", r.Header.Get("User-Agent")+userAgentSuffix(ctx))
		}
		return next.HandleBuild(ctx, in)
	}), middleware.After)
}
