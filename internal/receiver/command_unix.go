//go:build unix

package receiver

import (
	"os/exec"
	"syscall"
)

// setProcessGroup runs c in its own process group, so that Ctrl-C does not reach it and its children are killed with
// it.
func setProcessGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
