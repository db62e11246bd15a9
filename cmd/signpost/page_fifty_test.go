package main

import (
	"fmt"
	"testing"
)

// TestPageFifty: 50 files that are dropped together are all uploaded and listed.
func TestPageFifty(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	var paths []string
	contents := map[string][]byte{}
	for n := range 50 {
		name := fmt.Sprintf("file-%d.bin", n)
		path, content := randomFile(t, name, 1000*(n+1))
		paths, contents[name] = append(paths, path), content
	}
	b.drop(paths...)
	for name, content := range contents {
		p.holds(t, b.state(name, "completed"), content)
	}
	b.until("the recent imports are listed", `document.querySelectorAll("#recent li[data-status=completed]").length >= 20`)
}
