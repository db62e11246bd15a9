package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/versity/versitygw/backend/posix"
)

// ErrInUse is of a folder in which another process runs a store.
var ErrInUse = errors.New("another process runs a local store in this folder")

// folder is the backend over a folder that no other store may use meanwhile: each takes what is under way in it for what a kill has
// left, and undoes it.
type folder struct {
	*posix.Posix
	large *attributes // nil where all attributes are in files
	lock  *flock.Flock
}

// Shutdown lets others in.
func (f folder) Shutdown() {
	f.Posix.Shutdown()
	_ = f.lock.Close() // what remains of it ends with this process
}

// lockFolder takes dir for as long as this process lives, or until the lock is closed: the system ends it even when the process is
// killed. Where there are no such locks, which is on a few file systems and beyond unix and Windows, nobody is kept out.
func lockFolder(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, "lock")) // which stays: to remove it while another process opens it would let in two
	held, err := lock.TryLock()
	switch {
	case held, errors.Is(err, errors.ErrUnsupported):
		return lock, nil
	case err == nil:
		err = &fs.PathError{Op: "lock", Path: dir, Err: ErrInUse}
	case !errors.As(err, new(*fs.PathError)): // the system's number alone
		err = &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	return nil, fmt.Errorf("local store: %w", err)
}
