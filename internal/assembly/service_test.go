package assembly

import (
	"testing"

	"github.com/signpost-s3/signpost/internal/config"
)

// TestAnonymousListing: anonymous callers can list imports only on a loopback listener without AllowAnonymous. With
// AllowAnonymous a proxy may forward requests of other machines.
func TestAnonymousListing(t *testing.T) {
	for _, c := range []struct {
		config config.Config
		want   bool
	}{
		{config.Config{Listen: "127.0.0.1:8080"}, true},
		{config.Config{Listen: "127.0.0.1:8080", AllowAnonymous: true}, false},
		{config.Config{Listen: "0.0.0.0:8080", AllowAnonymous: true}, false},
	} {
		if got := newImports(c.config, nil).AnonymousListing; got != c.want {
			t.Errorf("%+v: got listing %t, want %t", c.config, got, c.want)
		}
	}
}
