//go:build !race

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestPageDeletedObject: the list of recent imports says that the object of a completed import was deleted, and offers
// no download of it.
func TestPageDeletedObject(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir(), "SIGNPOST_DOWNLOADS=true")
	b := browse(t, p)
	path, _ := randomFile(t, "gone.txt", 5)
	b.drop(path)
	id := b.state("gone.txt", "completed")
	shown := func(text string, download bool) {
		t.Helper()
		b.until(text, fmt.Sprintf(`(() => {
			const row = document.querySelector('#recent li[data-id=%q]');
			return row?.querySelector(".status").innerText === %q && row.querySelector(".download").hidden === %t;
		})()`, id, text, !download))
	}
	shown("completed", true)
	objects, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "*", id))
	if err != nil || len(objects) != 1 || os.Remove(objects[0]) != nil {
		t.Fatalf("delete the object: got %q, %v, want one", objects, err)
	}
	b.reload()
	shown("completed, object deleted", false)
}
