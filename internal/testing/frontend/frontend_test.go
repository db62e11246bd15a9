// Package frontend tests that third-party front ends work with this service: Uppy and a React component in a browser, a
// TypeScript client generated from the OpenAPI document, a TypeScript program that uses the upload library, and Prism,
// a proxy that checks calls against this document. Their npm packages have the versions in testdata; they use the real
// binary. The package contains only tests.
package frontend

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// variable enables these tests, which need an npm registry; go test ./... must not.
const variable = "SIGNPOST_TEST_FRONTEND"

// limit is the timeout of all waits. They normally take seconds, but a machine may be busy.
const limit = 2 * time.Minute

// needs skips a test that was not requested. If it was, a missing tool is a failure.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if os.Getenv(variable) != "1" {
		t.Skipf("front ends come from the npm registry: set %s=1, or run .ci/browser", variable)
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
}

// install copies these files of testdata to a new folder, with the packages in its package-lock.json.
func install(t *testing.T, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
	return dir
}

// run returns the standard output of a program.
func run(t *testing.T, dir, program string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = dir
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", program, arguments, err, out, &complaints)
	}
	return string(out)
}

// file creates a file of size pseudorandom bytes, which are the same each time.
func file(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size)}).Read(content)
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// differ describes in one line how got differs from want.
func differ(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("got %d bytes, want %d, the same", len(got), len(want))
}
