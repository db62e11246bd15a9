package upload

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// rewrite writes other bytes of the same length, and sets the modification time back.
func rewrite(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	err = os.WriteFile(path, content(int(info.Size()), 9), 0o600)
	return errors.Join(err, os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// replace renames a copy with the same modification time over the file.
func replace(path string, seed uint64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	err = os.WriteFile(path+".new", content(int(info.Size()), seed), 0o600)
	err = errors.Join(err, os.Chtimes(path+".new", info.ModTime(), info.ModTime()))
	return errors.Join(err, os.Rename(path+".new", path))
}

// TestIdentityDuringUpload changes the ctime during the upload. The content decides whether that is an error.
func TestIdentityDuringUpload(t *testing.T) {
	needsIdentity(t)
	w := start(t)
	for _, c := range []struct {
		name    string
		change  func(path string) error
		changed bool
	}{
		{"rewritten, with its modification time", rewrite, true},
		{"another mode", func(path string) error { return os.Chmod(path, 0o400) }, false},
		{"another link", func(path string) error { return os.Link(path, path+".link") }, false},
		{"replaced by rename", func(path string) error { return replace(path, 9) }, false},
	} {
		for _, size := range []int{3000, 11 * mib} {
			path, body := file(t, content(size, 1)), content(size, 1)
			var once sync.Once
			var parts atomic.Int32
			w.limiter = newLimiter(1)
			w.useProxies(t, func(x exchange) bool {
				if n := parts.Add(1); size < mib || n == 3 { // after the first part was sent
					once.Do(func() {
						if err := c.change(path); err != nil {
							t.Error(err)
						}
					})
				}
				return false
			}, nil)
			w.retry.budget, w.retry.baseDelay = time.Millisecond, time.Millisecond
			r, err := w.File(t.Context(), path, Options{Checksum: CRC64NVME, PartSize: 5 * mib})
			if c.changed {
				if err == nil {
					t.Errorf("%s, %d bytes: got %+v, want an error", c.name, size, r)
				}
				continue
			}
			if err != nil || !bytes.Equal(w.stored(t, r), body) {
				t.Errorf("%s, %d bytes: got %+v, %v, want the file as it was", c.name, size, r, err)
			}
		}
	}
}

// TestIdentityAfterUpload changes a file, but neither its size nor its modification time, between two runs. The second
// run compares the content with the import's checksum, and skips an equal file. Without a checksum it uploads again.
// It is the same on a store that verifies no checksum: the declared one counts.
func TestIdentityAfterUpload(t *testing.T) {
	needsIdentity(t)
	t.Run("verified", func(t *testing.T) { testIdentityAfterUpload(t, start(t)) })
	t.Run("not verified", func(t *testing.T) {
		target := storetest.Open(t)
		target.AWS = storetest.NewQuirky(t, target.AWS, target.Bucket, storetest.ListsNoChecksums).AWS
		testIdentityAfterUpload(t, startOn(t, target))
	})
}

func testIdentityAfterUpload(t *testing.T, w *world) {
	for _, c := range []struct {
		name     string
		change   func(path string) error
		checksum Algorithm
		skipped  bool
	}{
		{"no change", func(string) error { return nil }, CRC64NVME, true},
		{"no change", func(string) error { return nil }, None, true},
		{"rewritten", rewrite, CRC64NVME, false},
		{"replaced by other content", func(path string) error { return replace(path, 9) }, CRC32C, false},
		{"replaced by the same content", func(path string) error { return replace(path, 1) }, SHA256, true},
		{"another mode", func(path string) error { return os.Chmod(path, 0o400) }, CRC64NVME, true},
		{"another mode", func(path string) error { return os.Chmod(path, 0o400) }, None, false},
	} {
		path, o := file(t, content(3000, 1)), Options{Checksum: c.checksum}
		w.useProxies(t, nil, nil)
		first, err := w.File(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.change(path); err != nil {
			t.Fatal(err)
		}
		second, err := w.File(t.Context(), path, o)
		if err != nil || second.Skipped != c.skipped || (second.ID == first.ID) != c.skipped {
			t.Errorf("%s, %s: got %+v, %v, want skipped: %t", c.name, c.checksum, second, err, c.skipped)
		}
		if want, err := os.ReadFile(path); err != nil || !bytes.Equal(w.stored(t, second), want) {
			t.Errorf("%s, %s: the store has other content than the file, %v", c.name, c.checksum, err)
		}
		// The new identity is recorded.
		if p, err := w.Plan(path, o); err != nil || p.CompletedID != second.ID {
			t.Errorf("%s, %s: got plan %+v, %v, want it to skip", c.name, c.checksum, p, err)
		}
	}
}

func needsIdentity(t *testing.T) {
	t.Helper()
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "openbsd":
	default:
		t.Skip("this system reports neither ctime nor inode")
	}
}
