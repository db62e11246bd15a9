package oidc

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/lambdaevent"
)

// ownerBehindGateway returns the owner of an HTTP API's event whose JWT authorizer verified claims.
func ownerBehindGateway(t *testing.T, claims object) (owner string) {
	t.Helper()
	event := object{"version": "2.0", "rawPath": "/", "requestContext": object{
		"http": object{"method": "GET"}, "authorizer": object{"jwt": object{"claims": claims}},
	}}
	function := lambdaevent.Proxy{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		caller, err := auth.NewGateway(false)(r)
		if err != nil {
			t.Error(err)
		}
		owner = caller.Owner
	})}
	if _, err := function.Invoke(t.Context(), must(json.Marshal(event))); err != nil {
		t.Fatal(err)
	}
	return owner
}
