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
	fmt.Fprintf(i.stdout, "signpost %s %s/%s %s\n", versionText(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Fprint(i.stdout, commitLine(info.Settings))
	}
	return nil
}

// commitLine returns a line with the commit that was built, or "" if the go command recorded none.
func commitLine(build []debug.BuildSetting) string {
	settings := map[string]string{}
	for _, s := range build {
		settings[s.Key] = s.Value
	}
	if settings["vcs.revision"] == "" {
		return ""
	}
	line := fmt.Sprintf("commit %s of %s", settings["vcs.revision"], settings["vcs.time"])
	if settings["vcs.modified"] == "true" {
		line += ", with uncommitted changes"
	}
	return line + "\n"
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
