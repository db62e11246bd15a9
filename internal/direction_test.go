package internal

import (
	"cmp"
	"os/exec"
	"strings"
	"testing"
)

// layers are the packages of this module. A package imports only packages of the lines below it.
var layers = []string{
	"cmd/signpost cmd/lambda internal/testing/bench internal/testing/soak internal/testing/frontend internal/web/generate",
	"internal/server",
	"internal/tracing",
	"internal/assembly",
	"internal/doctor",
	"internal/config",
	"internal/httpapi internal/lambdaevent internal/sweep internal/auth/oidc",
	"internal/auth internal/outbox internal/testing/world",
	"internal/imports",
	"internal/bucket internal/testing/storetest",
	"internal/localstore internal/web internal/webhook internal/download internal/progress",
	"internal/remedy",
	"internal/upload internal/receiver",
	"internal/filewatch internal/format internal/hostport internal/metrics internal/parameterstore internal/retryafter",
	"internal/s3events internal/s3limits internal/sigv4 internal/terminal internal/testing/lambdatest",
	"internal/testing/logtest internal/testing/slowline gen/api gen/client gen/browser openapi/export " +
		"internal/testing/otlptest",
	"openapi internal",
}

// unlinked are packages that others must not link, not even through other packages.
var unlinked = []struct{ packages, forbidden string }{
	{"gen/client internal/upload internal/download internal/progress internal/remedy internal/receiver",
		"echo kin-openapi s3 gen/api"},
	{"gen/api internal/metrics internal/webhook internal/sigv4 internal/s3events", "kin-openapi s3"},
	{"openapi openapi/export", "echo s3"},
	{"internal/web", "s3 esbuild"},
	{"cmd/signpost", "esbuild"},
	{"internal/bucket internal/imports internal/auth internal/outbox internal/sweep internal/lambdaevent " +
		"internal/doctor internal/localstore", "echo kin-openapi gen/api"},
	{"internal/doctor", "internal/imports"},
	{"internal/config", "echo s3 internal/bucket"},
	{"internal/server", "internal/localstore versitygw"},
	{"cmd/lambda", "internal/localstore versitygw internal/web swagger-ui go-jose prometheus gen/client " +
		"x509roots otel"},
}

const module = "github.com/signpost-s3/signpost/"

// others are packages of other modules, by their names in unlinked.
var others = map[string]string{
	"echo":        "github.com/labstack/echo/v4",
	"esbuild":     "github.com/evanw/esbuild/pkg/api",
	"kin-openapi": "github.com/getkin/kin-openapi/openapi3",
	"s3":          "github.com/aws/aws-sdk-go-v2/service/s3",
	"versitygw":   "github.com/versity/versitygw/s3api",
	"swagger-ui":  "github.com/swaggo/files/v2",
	"go-jose":     "github.com/go-jose/go-jose/v4",
	"prometheus":  "github.com/prometheus/client_golang/prometheus",
	"x509roots":   "golang.org/x/crypto/x509roots/fallback",
	"otel":        "go.opentelemetry.io/otel/trace",
}

// TestLayers: dependencies point down, and each package of this module is in a layer.
func TestLayers(t *testing.T) {
	graph := importGraph(t)
	layer := map[string]int{}
	for n, line := range layers {
		for name := range strings.FieldsSeq(line) {
			layer[module+name] = n
			if graph[module+name] == nil {
				t.Errorf("there is no package %s", name)
			}
		}
	}
	for pkg, imports := range graph {
		if _, ok := layer[pkg]; !ok && strings.HasPrefix(pkg, module) {
			t.Errorf("%s is in no layer", pkg)
		}
		for _, imported := range imports {
			if strings.HasPrefix(imported, module) && layer[imported] <= layer[pkg] {
				t.Errorf("%s imports %s, which is not in a layer below", pkg, imported)
			}
		}
	}
}

// TestUnlinked: no package links what its users should not have to link.
func TestUnlinked(t *testing.T) {
	graph := importGraph(t)
	for _, rule := range unlinked {
		for name := range strings.FieldsSeq(rule.packages) {
			linked := map[string]bool{}
			link(graph, module+name, linked)
			for forbidden := range strings.FieldsSeq(rule.forbidden) {
				other := cmp.Or(others[forbidden], module+forbidden)
				if graph[other] == nil {
					t.Errorf("nothing imports %s", other)
				}
				if linked[other] {
					t.Errorf("%s links %s", name, other)
				}
			}
		}
	}
}

// link adds pkg, and what it imports, to linked.
func link(graph map[string][]string, pkg string, linked map[string]bool) {
	if linked[pkg] {
		return
	}
	linked[pkg] = true
	for _, imported := range graph[pkg] {
		link(graph, imported, linked)
	}
}

// importGraph returns the imports of all packages of this module, and of those that they link.
func importGraph(t *testing.T) map[string][]string {
	t.Helper()
	const format = `{{.ImportPath}} {{join .Imports " "}}`
	out, err := exec.Command("go", "list", "-deps", "-f", format, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	graph := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		packages := strings.Fields(line)
		graph[packages[0]] = packages[1:]
	}
	return graph
}
