// Package filewatch reports that the contents of files have changed.
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

// interval is how often files are looked at. What changed is told at the second look that finds it the same, so within a second.
const interval = 500 * time.Millisecond

// maxRead bounds what is read of a file at each look. Keys and certificates are far smaller.
const maxRead = 4 << 20

// Watch calls changed each time that the contents of one of the files are other than before, until ctx ends: once for all that
// changed together, and not while they are still being written. It calls it when it starts, too, for what was read before may be
// old by then. That a file is gone or cannot be read is a change as well.
//
// It reads the files over and over, which costs little as they are small. So it sees a Kubernetes secret change, which is a symbolic
// link that comes to point elsewhere, and works on network file systems, of whose changes inotify knows nothing.
func Watch(ctx context.Context, changed func(), paths ...string) {
	look := time.NewTicker(interval)
	defer look.Stop()
	var last, told [sha256.Size]byte
	for {
		now := Digest(paths)
		if now == last && now != told {
			told = now
			changed()
		}
		last = now
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// Digest is of all that the files hold, or of why they cannot be read.
func Digest(paths []string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range paths {
		contents, err := read(path)
		fmt.Fprintf(h, "%d %s %v\n", len(contents), contents, err)
	}
	h.Sum(sum[:0])
	return sum
}

func read(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file") // to open a pipe may take for ever
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxRead))
}
