//go:build unix

package download

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// canResume reports whether a temporary file with a predictable name is safe.
const canResume = true

// isOwn reports whether file belongs to the user.
func isOwn(file fs.FileInfo) bool {
	stat, ok := file.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// keepOwner sets the owner and group of f to those of old, if the user may do that.
func keepOwner(f *os.File, old fs.FileInfo) {
	if stat, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid))
	}
}

// checkOwner returns an error if another user may have created file in a shared directory such as /tmp, to receive or
// misdirect the download. Linux applies the same rule to opened files (proc(5), protected_symlinks and
// protected_regular).
func checkOwner(file fs.FileInfo, folder string) error {
	in, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if in.Mode()&fs.ModeSticky == 0 || in.Mode().Perm()&0o002 == 0 {
		return nil
	}
	stat, ok := file.Sys().(*syscall.Stat_t)
	owner, known := in.Sys().(*syscall.Stat_t)
	if !ok || !known || int(stat.Uid) == os.Geteuid() || stat.Uid == owner.Uid {
		return nil
	}
	return errors.New("belongs to another user, in a folder where all users can create files: choose another name")
}
