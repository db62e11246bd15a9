package auth

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAppendKey(t *testing.T) {
	_, line, err := NewKey("new", Create)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, before string
		after        string
		complaint    string
	}{
		{"empty", "", line + "\n", ""},
		{"keys", "ci " + hashA + "\n", "ci " + hashA + "\n" + line + "\n", ""},
		{"no newline at the end", "ci " + hashA, "ci " + hashA + "\n" + line + "\n", ""},
		{"a comment without newline", "# keys", "# keys\n" + line + "\n", ""},
		{"broken", "ci", "ci", "line 1: " + errFields.Error()},
		{"the key is there", line, line, "line 2: the key is the same as in line 1"},
		{"full", strings.Repeat("#", maxKeysFile-len(line)), strings.Repeat("#", maxKeysFile-len(line)), "must be at most"},
	} {
		path := write(t, filepath.Join(t.TempDir(), "keys"), c.before)
		err := AppendKey(path, line)
		if (err == nil) != (c.complaint == "") || !strings.Contains(textOf(err), c.complaint) {
			t.Errorf("%s: got %v, want %q", c.what, err, c.complaint)
		}
		if got := contents(t, path); got != c.after {
			t.Errorf("%s: the file holds %.200q, want %.200q", c.what, got, c.after)
		}
	}
}

func TestAppendKeyCreatesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	_, line, err := NewKey("new", Create)
	if err != nil {
		t.Fatal(err)
	}
	if err := AppendKey(path, line); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v; want 0600", info.Mode(), err)
	}
	if got := contents(t, path); got != line+"\n" {
		t.Errorf("got %q, want %q", got, line+"\n")
	}
	if err := AppendKey(filepath.Join(path, "keys"), line); err == nil {
		t.Error("below a file: got no error, want one")
	}
}

// TestAppendKeyConcurrently adds keys concurrently, also to a file without a trailing newline.
func TestAppendKeyConcurrently(t *testing.T) {
	const many = 20
	path := write(t, filepath.Join(t.TempDir(), "keys"), "# keys")
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			_, line, err := NewKey("new", Create)
			if err == nil {
				err = AppendKey(path, line)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if lines, err := parseKeys(path, []byte(contents(t, path))); err != nil || len(lines) != many {
		t.Errorf("got %d keys, %v; want %d", len(lines), err, many)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
