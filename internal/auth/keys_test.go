package auth

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeysAuthenticate(t *testing.T) {
	var lines, known []string
	want := map[string]Caller{}
	for _, c := range []struct {
		name  string
		scope Scope
	}{{"ci", Create}, {"ci", All}, {"alice", Read}} {
		key, line, err := NewKey(c.name, c.scope)
		if err != nil {
			t.Fatal(err)
		}
		lines, known, want[key] = append(lines, line), append(known, key), Caller{"key-" + c.name, c.scope}
	}
	keys, err := OpenKeys(write(t, filepath.Join(t.TempDir(), "keys"), strings.Join(lines, "\n")), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range known {
		if got, ok := keys.Authenticate(key); !ok || got != want[key] {
			t.Errorf("got %v, %t; want %v", got, ok, want[key])
		}
	}
	for what, key := range map[string]string{
		"nothing": "", "a hash": lines[0], "a key and more": known[0] + "\x00",
		"the longest key": strings.Repeat("k", maxKey), "a longer key": strings.Repeat("k", maxKey+1),
		"a key and spaces": known[0] + strings.Repeat(" ", maxKey),
	} {
		if got, ok := keys.Authenticate(key); ok {
			t.Errorf("%s: got %v, want no caller", what, got)
		}
	}
}

func TestOpenKeys(t *testing.T) {
	dir := t.TempDir()
	large := write(t, filepath.Join(dir, "large"), strings.Repeat("#\n", maxKeysFile))
	broken := write(t, filepath.Join(dir, "broken"), "a\nb\n")
	locked := write(t, filepath.Join(dir, "locked"), "")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "missing"): "no such file or directory",
		dir:                           "must be a regular file, so that it can be reloaded",
		"/dev/null":                   "must be a regular file, so that it can be reloaded",
		large:                         "must be at most 1048576 bytes; is it a file of keys?",
		broken: "line 1: " + errFields.Error() +
			"\nSETTING: line 2: " + errFields.Error(),
		locked: "permission denied",
	} {
		if path == locked && os.Geteuid() == 0 {
			continue
		}
		_, err := OpenKeys(path, "SETTING")
		if want = "SETTING: " + want; textOf(err) != want {
			t.Errorf("OpenKeys(%q): got %v, want %s", path, err, want)
		}
	}
}

func TestKeysWatch(t *testing.T) {
	key, line, err := NewKey("ci", All)
	if err != nil {
		t.Fatal(err)
	}
	other, otherLine, err := NewKey("bob", All)
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(t.TempDir(), "keys"), line)
	keys, err := OpenKeys(path, "SETTING")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var log sink
		go keys.Watch(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
		for _, step := range []struct {
			what       string
			do         func()
			ci, bob    bool
			told       string
			complained bool
		}{
			{"at the start", func() {}, true, false, "count=1", false},
			{"nothing new", func() { write(t, path, line) }, true, false, "", false},
			{"one more", func() { write(t, path, line+"\n"+otherLine) }, true, true, "count=2", false},
			{"broken", func() { write(t, path, otherLine+"\n"+key) }, true, true, "line 2: contains an API key", true},
			{"gone", func() { remove(t, path) }, true, true, "no such file", true},
			{"back, without one", func() { write(t, path, otherLine) }, false, true, "count=1", false},
			{"empty", func() { write(t, path, "") }, false, false, "file is empty", false},
		} {
			step.do()
			time.Sleep(time.Second)
			synctest.Wait()
			_, ci := keys.Authenticate(key)
			_, bob := keys.Authenticate(other)
			if ci != step.ci || bob != step.bob {
				t.Errorf("%s: ci is known: %t, bob: %t; want %t, %t", step.what, ci, bob, step.ci, step.bob)
			}
			said := log.take()
			if !strings.Contains(said, step.told) || (said == "") != (step.told == "") ||
				strings.Contains(said, "level=ERROR") != step.complained ||
				strings.Contains(said, key) {
				t.Errorf("%s: the log says %q, want %q, an error: %t", step.what, said, step.told, step.complained)
			}
		}
	})
}

// sink is a log that a test takes.
type sink struct {
	mu   sync.Mutex
	text []byte
}

func (s *sink) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, text...)
	return len(text), nil
}

func (s *sink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(s.text)
	s.text = nil
	return text
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestKeysConcurrentUse(t *testing.T) {
	key, keys := openKey(t)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			if _, err := keys.read(); err != nil {
				t.Error(err)
			}
		}
	})
	for range 10_000 {
		if _, ok := keys.Authenticate(key); !ok {
			t.Fatal("the key is not known while the file is read")
		}
	}
	stop()
	all.Wait()
}

func TestKeysAuthenticateAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	key, keys := openKey(t)
	for what, k := range map[string]string{"known": key, "unknown": strings.Repeat("k", maxKey)} {
		if got := testing.AllocsPerRun(1000, func() { keys.Authenticate(k) }); got != 0 {
			t.Errorf("%s: got %v allocations, want none", what, got)
		}
	}
}

func BenchmarkKeysAuthenticate(b *testing.B) {
	key, keys := openKey(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := keys.Authenticate(key); !ok {
			b.Fatal("the key is not known")
		}
	}
}
