//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// asGroup makes c, and all that it starts, a process group: the terminal's Ctrl-C does not reach it, and it is killed as a whole.
func setProcessGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
