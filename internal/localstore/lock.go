package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/versity/versitygw/backend/posix"
)

// ErrInUse is the error for a folder that another process uses.
var ErrInUse = errors.New("another process runs a local store in this folder")

// folder is the backend on a folder that no other store may use at the same time: each would take the other's
// operations in progress for interrupted ones, and undo them.
type folder struct {
	*posix.Posix
	large *attributes // nil if all attributes are in files
	lock  *flock.Flock
}

// Shutdown releases the folder.
func (f folder) Shutdown() {
	f.Posix.Shutdown()
	_ = f.lock.Close() // the system releases it at the latest when the process ends
}

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
