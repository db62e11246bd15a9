// Package filewatch reports changes of the contents of files.
package filewatch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// interval is the time between two reads of the files. A change is reported once two reads agree, so within a second.
const interval = 500 * time.Millisecond

// maxRead limits what is read of a file, in bytes. Keys and certificates are far smaller.
const maxRead = 4 << 20

// Watch calls changed each time the contents of one of the files change, until ctx ends. Files that change together
// cause one call. A file that is still being written causes none. Watch also calls changed when it starts, because the
// caller's copy may be outdated. A file that is removed or cannot be read has changed.
//
// Watch reads the files at a fixed interval, because inotify does not report changes on network file systems. This also
// detects that a symbolic link, such as a Kubernetes secret, has another target.
func Watch(ctx context.Context, changed func(), paths ...string) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var last, reported [sha256.Size]byte
	for {
		now := Digest(paths)
		if now == last && now != reported {
			reported = now
			changed()
		}
		last = now
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Digest returns a digest of the contents of the files, or of the errors where they cannot be read.
func Digest(paths []string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range paths {
		contents, err := Read(path, maxRead)
		fmt.Fprintf(h, "%d %s %v\n", len(contents), contents, err)
	}
	h.Sum(sum[:0])
	return sum
}

// Read returns the contents of the file at path, of which it reads at most one byte more than limit. Its errors do not
// name the file.
func Read(path string, limit int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // opening a pipe may block forever
		return nil, errors.New("must be a regular file, so that it can be reloaded")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit+1))
}
