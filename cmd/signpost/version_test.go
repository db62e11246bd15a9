package main

import (
	"runtime/debug"
	"testing"
)

func TestCommitLine(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "3d7b20b"}
	at := debug.BuildSetting{Key: "vcs.time", Value: "2026-11-30T06:23:45Z"}
	for _, c := range []struct {
		build []debug.BuildSetting
		want  string
	}{
		{nil, ""},
		{[]debug.BuildSetting{revision, at}, "commit 3d7b20b of 2026-11-30T06:23:45Z\n"},
		{
			[]debug.BuildSetting{revision, at, {Key: "vcs.modified", Value: "true"}},
			"commit 3d7b20b of 2026-11-30T06:23:45Z, with uncommitted changes\n",
		},
	} {
		if got := commitLine(c.build); got != c.want {
			t.Errorf("%v: got %q, want %q", c.build, got, c.want)
		}
	}
}
