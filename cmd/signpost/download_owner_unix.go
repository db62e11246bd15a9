//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f the owner and group of old, where the user may do that.
func keepOwner(f *os.File, old fs.FileInfo) {
	if stat, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid))
	}
}

// checkOwner returns an error if another user may have put file into a folder that belongs to all users, such as /tmp, to receive the
// download or to lead it to a file of this user. Linux has the same rule for a program that opens such a file itself (proc(5),
// protected_symlinks and protected_regular).
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
