// Package frontend proves that front ends which others have made upload by this service as they are: Uppy in a
// browser, and a TypeScript client generated from the contract. They come from npm, by the versions that testdata
// pins, and speak to the real binary. It has tests alone.
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

// variable enables these tests: they need a network with an npm registry, which go test ./... must do without.
const variable = "SIGNPOST_TEST_FRONTEND"

// limit is how long a test waits for anything. What it waits for takes seconds; a machine may be busy.
const limit = time.Minute

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

// install puts these files of testdata into a folder of their own, with the packages that the folder's
// package-lock.json pins.
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

// run gives what a program says on its standard output.
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

// file makes one of size bytes under name. Its bytes look random, and are the same each time.
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

// differ says how got differs from want, in a line.
func differ(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("got %d bytes, want %d, the same", len(got), len(want))
}
