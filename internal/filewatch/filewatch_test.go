package filewatch

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// within is the time in which a change must be reported.
const within = time.Second

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "first")
	write(t, b, "other")
	var calls atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		go Watch(ctx, func() { calls.Add(1) }, a, b)
		for _, step := range []struct {
			what string
			do   func()
			want int32
		}{
			{"at the start", func() {}, 1},
			{"no change", func() {}, 0},
			{"one changes", func() { write(t, a, "second") }, 1},
			{"both change", func() { write(t, a, "third"); write(t, b, "third") }, 1},
			{"written again with the same text", func() { write(t, a, "third") }, 0},
			{"of the same size and time", func() { write(t, a, "Third"); at(t, a) }, 1},
			{"text moves between the files", func() { write(t, a, ""); write(t, b, "Thirdthird") }, 1},
			{"removed", func() { remove(t, a) }, 1},
			{"still removed", func() {}, 0},
			{"created again", func() { write(t, a, "") }, 1},
			{"becomes a folder", func() { remove(t, a); mkdir(t, a) }, 1},
			{"a file again", func() { remove(t, a); write(t, a, "") }, 1},
		} {
			step.do()
			if got := after(within, &calls); got != step.want {
				t.Errorf("%s: called %d times, want %d", step.what, got, step.want)
			}
		}
		stop()
		write(t, a, "after the end")
		if got := after(10*within, &calls); got != 0 {
			t.Errorf("after the end: called %d times, want 0", got)
		}
	})
}

// TestHalfWrittenFile: a file that is still being written is reported when it is complete.
func TestHalfWrittenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "")
	var calls atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		go Watch(t.Context(), func() { calls.Add(1) }, path)
		after(within+interval/2, &calls) // between two reads
		for text := "x"; len(text) < 20; text += "x" {
			write(t, path, text)
			time.Sleep(interval)
		}
		if got := after(0, &calls); got != 0 {
			t.Errorf("while it is written: called %d times, want 0", got)
		}
		if got := after(within, &calls); got != 1 {
			t.Errorf("when it is written: called %d times, want 1", got)
		}
	})
}

// TestKubernetesSecret: Kubernetes mounts a secret's files as links through ..data, a link to the folder of one
// version, and replaces that link.
func TestKubernetesSecret(t *testing.T) {
	dir := t.TempDir()
	for version, text := range map[string]string{"..1": "old", "..2": "new"} {
		mkdir(t, filepath.Join(dir, version))
		write(t, filepath.Join(dir, version, "file"), text)
	}
	data, path := filepath.Join(dir, "..data"), filepath.Join(dir, "file")
	link(t, "..1", data)
	link(t, "..data/file", path)
	var calls atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		go Watch(t.Context(), func() { calls.Add(1) }, path)
		after(within, &calls)
		link(t, "..2", data+"_tmp")
		if err := os.Rename(data+"_tmp", data); err != nil {
			t.Fatal(err)
		}
		if got := after(within, &calls); got != 1 {
			t.Errorf("called %d times, want 1", got)
		}
	})
}

// after returns the number of calls in the next d.
func after(d time.Duration, calls *atomic.Int32) int32 {
	time.Sleep(d)
	synctest.Wait()
	return calls.Swap(0)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at(t, path)
}

// at sets the modification time that all files of these tests have.
func at(t *testing.T, path string) {
	t.Helper()
	if err := os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}
