package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

const mib = 1 << 20

// randomFile creates a file with random content.
func randomFile(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	rand.Read(content) //nolint:errcheck // never fails
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// holds checks the object of an import.
func (p *process) holds(t *testing.T, id string, content []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "*", id))
	if err != nil || len(found) != 1 {
		t.Fatalf("import %s: found %v, %v, want one object", id, found, err)
	}
	stored, err := os.ReadFile(found[0])
	if err != nil || !bytes.Equal(stored, content) {
		t.Errorf("import %s: stored %d bytes, %v, want the %d that were chosen", id, len(stored), err, len(content))
	}
}
