package app

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDirections: data flows one way, so no package reaches one that it should not know of. "Reaches" is transitive.
func TestDirections(t *testing.T) {
	const module = "github.com/signpost-s3/signpost/"
	const (
		echo      = "github.com/labstack/echo/v4"
		kin       = "github.com/getkin/kin-openapi/openapi3"
		versitygw = "github.com/versity/versitygw/s3api"
		sdk       = "github.com/aws/aws-sdk-go-v2/service/s3"
		docs      = "github.com/swaggo/files/v2"
		localS3   = module + "internal/localstore"
		oidc      = "github.com/coreos/go-oidc/v3/oidc"
		metrics   = "github.com/prometheus/client_golang/prometheus"
	)
	for pkg, forbidden := range map[string][]string{
		"gen/client":              {echo, kin, sdk, module + "gen/api"},
		"gen/api":                 {kin, sdk},
		"internal/sigv4":          {echo, kin, sdk, module},
		"internal/bucket":         {echo, kin, module + "internal/imports", module + "gen/api"},
		"internal/imports":        {echo, kin, module + "gen/api", module + "internal/httpapi"},
		"internal/webhook":        {echo, kin, sdk, module},
		"internal/parameterstore": {echo, kin, sdk, module},
		"internal/s3events":       {echo, kin, sdk, module},
		"internal/config": {echo, kin, sdk, module + "gen/api", module + "internal/bucket", module + "internal/imports", module + "internal/httpapi",
			module + "internal/auth", module + "internal/outbox", module + "internal/app", module + "internal/serve"},
		"internal/outbox":      {echo, kin, module + "gen/api", module + "internal/httpapi", module + "internal/config", module + "internal/app"},
		"internal/sweep":       {echo, kin, module + "gen/api", module + "internal/httpapi", module + "internal/config", module + "internal/app"},
		"internal/web":         {sdk, module + "internal/"},
		"internal/cors":        {echo, kin, sdk, module},
		"internal/auth":        {echo, kin, oidc, module + "internal/httpapi"},
		"internal/httpapi":     {localS3, versitygw, oidc, metrics, module + "internal/config", module + "internal/app"},
		"internal/app":         {localS3, versitygw, oidc, metrics, module + "internal/serve"},
		"internal/serve":       {localS3, versitygw},
		"internal/metrics":     {echo, kin, sdk, module + "internal/"},
		"internal/localstore":  {echo, kin, module + "internal/bucket", module + "internal/imports", module + "internal/config", module + "internal/app"},
		"openapi":              {echo, sdk, module + "internal/"},
		"internal/lambdaevent": {echo, kin, module + "internal/httpapi", module + "internal/config", module + "internal/app"},
		"cmd/lambda":           {localS3, versitygw, docs, oidc, metrics, module + "internal/web", module + "internal/serve", module + "gen/client"},
	} {
		out, err := exec.Command("go", "list", "-deps", module+pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		reached := strings.Fields(string(out))
		for _, f := range forbidden {
			if i := slices.IndexFunc(reached, func(r string) bool {
				return r == f || strings.HasSuffix(f, "/") && strings.HasPrefix(r, f) && r != module+pkg
			}); i >= 0 {
				t.Errorf("%s reaches %s, which it should not know of", pkg, reached[i])
			}
		}
	}
}
