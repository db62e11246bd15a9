package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker (make build). The default is the module's version.
var version string

type versionCmd struct{}

func (versionCmd) Run(i *invocation) error {
	_, err := fmt.Fprintf(i.stdout, "signpost %s %s/%s %s\n",
		versionText(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return err
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
