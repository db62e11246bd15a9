package upload

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// openStore opens the resume store of a fixed service in dir.
func openStore(t *testing.T, dir string) *ResumeStore {
	t.Helper()
	r, err := OpenResumeStore(dir, "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCompletedList: uploads that were not used for resumeTTL disappear. Lines of earlier versions get a time.
func TestCompletedList(t *testing.T) {
	dir := t.TempDir()
	r := openStore(t, dir)
	now := time.Now().UTC()
	line := func(fingerprint, id string, age time.Duration) string {
		return string(completedUpload{fingerprint, id, identity{1, 2}, now.Add(-age)}.line())
	}
	text := line("recent", "1", resumeTTL-time.Hour) + line("expired", "2", resumeTTL+time.Hour) + "old 3\n" +
		line("twice", "4", time.Hour) + line("twice", "5", time.Minute) + "{broken\n\n"
	if err := os.WriteFile(r.listFile(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r = openStore(t, dir)
		for fingerprint, want := range map[string]string{"recent": "1", "expired": "", "old": "3", "twice": "5"} {
			if got := r.completedUpload(&source{fingerprint: fingerprint}); got.ID != want {
				t.Errorf("%s: got %+v, want import %q", fingerprint, got, want)
			}
		}
		list, err := os.ReadFile(r.listFile())
		if err != nil || strings.Count(string(list), "\n") != 3 || strings.Contains(string(list), " ") {
			t.Errorf("got %q, %v, want three lines, which earlier versions ignore", list, err)
		}
	}
	// A skip renews an entry, once a day.
	s := &source{fingerprint: "recent", identity: identity{1, 2}}
	for range 2 {
		r.recordCompleted(s, "1")
	}
	r = openStore(t, dir)
	if got := r.completedUpload(s); now.Sub(got.Used) > time.Minute || got.identity != s.identity {
		t.Errorf("after a skip: got %+v, want a new time", got)
	}
}

// TestCompletedListConcurrently: stores that are opened, and so compact the list, lose no line of other processes.
func TestCompletedListConcurrently(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir)
	var writers sync.WaitGroup
	const files, processes = 50, 4
	for p := range processes {
		writers.Go(func() {
			for f := range files {
				r, err := OpenResumeStore(dir, "http://127.0.0.1")
				if err != nil {
					t.Error(err)
					return
				}
				s := &source{fingerprint: fmt.Sprintf("%d-%d", p, f)}
				r.recordCompleted(s, "first") // a line without use after the next one
				r.recordCompleted(s, "second")
			}
		})
	}
	writers.Wait()
	if got := len(openStore(t, dir).completed); got != processes*files {
		t.Errorf("got %d entries, want %d", got, processes*files)
	}
}

// TestLockFiles: lock files do not accumulate, and a lock excludes other processes although its file may be removed.
func TestLockFiles(t *testing.T) {
	dir := t.TempDir()
	r := openStore(t, dir)
	s := &source{fingerprint: "a"}
	lockFiles := func() int {
		found, err := filepath.Glob(filepath.Join(r.dir, "a.lock"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	lock := func() *resumeEntry {
		t.Helper()
		e, err := r.lockEntry(s)
		if err != nil || e == nil {
			t.Fatalf("lock: got %v, %v, want it", e, err)
		}
		return e
	}
	e := lock()
	e.write(resumeState{ID: "1"})
	long := time.Now().Add(-resumeTTL - time.Hour)
	for _, path := range []string{e.file, e.lock.Path()} {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	r.removeExpired(time.Now())
	if _, err := openStore(t, dir).lockEntry(s); err != ErrBusy || lockFiles() != 1 || e.read("").ID != "1" {
		t.Errorf("expired files of an upload in progress: got %v, want ErrBusy, and the files kept", err)
	}
	e.unlock()
	if lockFiles() != 1 {
		t.Error("the lock file of a state is removed")
	}
	r.removeExpired(time.Now())
	if lockFiles() != 0 || e.read("").ID != "" {
		t.Error("expired files are kept")
	}
	e = lock()
	e.unlock()
	if lockFiles() != 0 {
		t.Error("the lock file of a finished upload is kept")
	}
	// Many processes at a time: never two hold the lock.
	var all sync.WaitGroup
	var held sync.Mutex
	for range 8 {
		all.Go(func() {
			for range 200 {
				e, err := r.lockEntry(s)
				if err != nil || e == nil {
					continue
				}
				if !held.TryLock() {
					t.Error("two hold the lock")
					return
				}
				runtime.Gosched()
				held.Unlock()
				e.unlock()
			}
		})
	}
	all.Wait()
}
