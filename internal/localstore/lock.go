package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrInUse is the error for a folder that another process uses.
var ErrInUse = errors.New("another process runs a local store in this folder")

// lockFolder locks dir until the lock is closed. The system releases it if the process is killed. Some file systems
// and platforms have no such locks; there it does not lock.
func lockFolder(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, "lock")) // never removed: another process may be opening it
	held, err := lock.TryLock()
	switch {
	case held, errors.Is(err, errors.ErrUnsupported):
		return lock, nil
	case err == nil:
		err = &fs.PathError{Op: "lock", Path: dir, Err: ErrInUse}
	case !errors.As(err, new(*fs.PathError)): // an errno without context
		err = &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	return nil, fmt.Errorf("local store: %w", err)
}
