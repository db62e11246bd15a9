package openapi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// TestReadmeErrors compares the codes in the tables of README.md with those in the product code.
func TestReadmeErrors(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "## What does an error mean?")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|.+\\|.+\\|$").FindAllStringSubmatch(section, -1) {
		documented[row[1]] = true
	}
	delete(documented, "code") // the head of the table
	produced := codes(t)
	for _, response := range parse(t, openapi.YAML).at("x-amazon-apigateway-gateway-responses").children() {
		produced[gatewayProblem(t, response).Code] = true
	}
	for _, code := range slices.Sorted(maps.Keys(produced)) {
		if !documented[code] {
			t.Errorf("README.md lacks the code %s", code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(documented)) {
		if !produced[code] {
			t.Errorf("README.md has the code %s, which the product code does not", code)
		}
	}
}

// codePositions are the functions that return errors to clients, with the position of the argument that is the code.
var codePositions = map[string]int{"newProblem": 1, "unsupported": 0, "unavailable": 0}

// codes returns the codes of all errors that clients can receive: the Code constants, the Code fields of literals, and
// the arguments of the functions in codePositions.
func codes(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	add := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if code, err := strconv.Unquote(literal.Value); err == nil {
				found[code] = true
			}
		}
	}
	for _, folder := range []string{"imports", "httpapi", "server", "lambdaevent", "web"} {
		files, err := filepath.Glob("../internal/" + folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("internal/%s: got %d files, %v", folder, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					if strings.HasPrefix(n.Names[0].Name, "Code") && len(n.Values) == 1 {
						add(n.Values[0])
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
						add(n.Value)
					}
				case *ast.CallExpr:
					if function, ok := n.Fun.(*ast.Ident); ok {
						if at, ok := codePositions[function.Name]; ok && at < len(n.Args) {
							add(n.Args[at])
						}
					}
				}
				return true
			})
		}
	}
	return found
}
