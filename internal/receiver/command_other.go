//go:build !unix

package receiver

import "os/exec"

// setProcessGroup does nothing on systems without process groups: only c itself is killed.
func setProcessGroup(*exec.Cmd) {}
