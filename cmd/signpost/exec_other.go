//go:build !unix

package main

import "os/exec"

// asGroup does nothing where there are no process groups: c is killed alone.
func asGroup(*exec.Cmd) {}
