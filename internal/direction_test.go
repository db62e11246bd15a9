package internal

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDirections: dependencies point one way, so no package reaches one that is above it, or one that its users should
// not have to link. "Reaches" is transitive.
func TestDirections(t *testing.T) {
	const (
		module   = "github.com/signpost-s3/signpost/"
		internal = module + "internal/"

		echo      = "github.com/labstack/echo/v4"
		kin       = "github.com/getkin/kin-openapi/openapi3"
		versitygw = "github.com/versity/versitygw/s3api"
		sdk       = "github.com/aws/aws-sdk-go-v2/service/s3"
		docs      = "github.com/swaggo/files/v2"
		oidc      = "github.com/go-jose/go-jose/v4"
		metrics   = "github.com/prometheus/client_golang/prometheus"

		localstore = internal + "localstore"
		httpapi    = internal + "httpapi"
		config     = internal + "config"
		doctor     = internal + "doctor"
		assembly   = internal + "assembly"
		server     = internal + "server"
		api        = module + "gen/api"
	)
	// Any package may reach these helpers.
	helpers := []string{
		internal + "filewatch", internal + "hostport", internal + "retryafter", internal + "s3limits",
	}
	// A name that ends in "/" stands for all packages below it.
	for pkg, forbidden := range map[string][]string{
		"gen/client":              {echo, kin, sdk, api},
		"gen/api":                 {kin, sdk},
		"openapi":                 {echo, sdk, internal},
		"openapi/export":          {echo, sdk, internal, api},
		"internal/filewatch":      {echo, kin, sdk, module},
		"internal/hostport":       {echo, kin, sdk, module},
		"internal/retryafter":     {echo, kin, sdk, module},
		"internal/s3limits":       {echo, kin, sdk, module},
		"internal/format":         {echo, kin, sdk, module},
		"internal/sigv4":          {echo, kin, sdk, module},
		"internal/webhook":        {echo, kin, sdk, module},
		"internal/parameterstore": {echo, kin, sdk, module},
		"internal/s3events":       {echo, kin, sdk, module},
		"internal/metrics":        {echo, kin, sdk, internal},
		"internal/web":            {sdk, internal},
		"internal/config":         {echo, kin, sdk, api, internal + "bucket", internal + "imports", httpapi, internal + "auth"},
		"internal/bucket":         {echo, kin, api, internal + "imports", config},
		"internal/imports":        {echo, kin, api, httpapi, config},
		"internal/outbox":         {echo, kin, api, httpapi, config, doctor, assembly},
		"internal/sweep":          {echo, kin, api, httpapi, config, doctor, assembly},
		"internal/auth":           {echo, kin, oidc, httpapi, config},
		"internal/httpapi":        {localstore, versitygw, oidc, metrics, config, doctor, assembly},
		"internal/doctor":         {echo, kin, api, httpapi, internal + "imports", internal + "outbox", assembly, localstore, versitygw},
		"internal/assembly":       {localstore, versitygw, oidc, metrics, server},
		"internal/server":         {localstore, versitygw},
		"internal/localstore":     {echo, kin, internal + "bucket", internal + "imports", config, doctor, assembly},
		"internal/lambdaevent":    {echo, kin, httpapi, config, doctor, assembly},
		"internal/receiver":       {echo, kin, sdk, api, httpapi, config, internal + "bucket", internal + "imports", internal + "webhook"},
		"internal/remedy":         {echo, kin, sdk, api, httpapi, config, internal + "bucket", internal + "imports"},
		"internal/download":       {echo, kin, sdk, api, httpapi, config, internal + "bucket", internal + "imports"},
		"internal/progress":       {echo, kin, sdk, api, httpapi, config, internal + "bucket", internal + "imports"},
		"cmd/lambda":              {localstore, versitygw, docs, oidc, metrics, internal + "web", server, module + "gen/client"},
	} {
		out, err := exec.Command("go", "list", "-deps", module+pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		for _, reached := range strings.Fields(string(out)) {
			if reached == module+pkg || slices.Contains(helpers, reached) {
				continue
			}
			if slices.ContainsFunc(forbidden, func(f string) bool {
				return reached == f || strings.HasSuffix(f, "/") && strings.HasPrefix(reached, f)
			}) {
				t.Errorf("%s must not reach %s", pkg, reached)
			}
		}
	}
}
