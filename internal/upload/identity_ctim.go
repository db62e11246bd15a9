//go:build linux || openbsd || dragonfly || solaris

package upload

import (
	"os"
	"syscall"
)

func identityOf(info os.FileInfo) identity {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return identity{uint64(stat.Ino), stat.Ctim.Nano()}
	}
	return identity{}
}
