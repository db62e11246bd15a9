//go:build !unix

package main

import "os/exec"

// setProcessGroup does nothing on systems without process groups: only c itself is killed.
func asGroup(*exec.Cmd) {}
