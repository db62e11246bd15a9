//go:build !(linux || openbsd || dragonfly || solaris || darwin || freebsd || netbsd)

package upload

import "os"

func identityOf(os.FileInfo) identity { return identity{} }
