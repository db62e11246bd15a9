//go:build !race

package main

import (
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

var scopeMissing = client.Problem{Status: 403, Code: "scope-missing"}

// TestPageAborts: an upload is shown as aborted only after the service has aborted it, and nothing of it stays.
func TestPageAborts(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, _ := randomFile(t, "file.bin", 20*mib)
	b.holdParts(2)
	b.choose(path)
	b.share("file.bin", 0.2)
	b.hold("DELETE", "")
	b.press("file.bin", "abort")
	b.held("the page asks the service to abort")
	id := b.state("file.bin", "aborting")
	if got := p.read(t, id).Status; got == client.ImportStatusAborted {
		t.Errorf("before the service received the DELETE: got %s, want an import in progress", got)
	}
	if focused := b.focused(); focused != "file.bin" {
		t.Errorf("after Abort: got %q focused, want the row, as it has no buttons", focused)
	}
	b.release(client.Problem{})
	b.state("file.bin", "aborted")
	p.wantStatus(t, id, client.ImportStatusAborted)
	b.press("file.bin", "dismiss")
	b.until("its row is gone", row("file.bin")+` === undefined`)
	b.reload()
	b.until("it is forgotten", row("file.bin")+` === undefined`)
}

// TestPageAbortRefused: an upload that the service does not abort is not shown as aborted, and can be resumed.
func TestPageAbortRefused(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, content := randomFile(t, "file.bin", 20*mib)
	b.holdParts(2)
	b.choose(path)
	b.share("file.bin", 0.2)
	b.hold("DELETE", "")
	b.press("file.bin", "abort")
	b.held("the page asks the service to abort")
	b.release(scopeMissing)
	id := b.state("file.bin", "paused")
	b.until("the row says why", `document.querySelector("li.upload .problem").textContent.startsWith("Not aborted.")`)
	b.until("it is said aloud", `document.querySelector("#live").textContent.includes("Not aborted.")`)
	b.releaseParts()
	b.press("file.bin", "resume")
	if done := b.state("file.bin", "completed"); done != id {
		t.Errorf("resumed as import %s, want %s", done, id)
	}
	p.holds(t, id, content)
}

// TestPageAbortsFailed: a failed upload is aborted only after the service has deleted its import, and shows a failure
// to delete it. Dismiss then removes its row.
func TestPageAbortsFailed(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, _ := randomFile(t, "file.bin", 20*mib)
	b.hold("POST", "/complete")
	b.choose(path)
	b.held("the page asks the service to complete the import")
	b.release(client.Problem{Status: 500, Code: "internal-error"})
	id := b.state("file.bin", "failed")

	b.hold("DELETE", "")
	b.press("file.bin", "abort")
	b.held("the page asks the service to delete the import")
	b.state("file.bin", "aborting")
	if focused := b.focused(); focused != "file.bin" {
		t.Errorf("after Abort: got %q focused, want the row, as it has no buttons", focused)
	}
	b.release(scopeMissing)
	b.state("file.bin", "failed")
	const problem = "Not aborted. Your API key or token does not permit this. Ask the operator for one that does. " +
		"Uploaded data may remain in the store until it expires."
	if got := eval[string](b, `document.querySelector("li.upload .problem").textContent`); got != problem {
		t.Errorf("the service refused the DELETE: got %q, want %q", got, problem)
	}
	b.until("it is said aloud", `document.querySelector("#live").textContent.includes("Not aborted.")`)

	b.hold("DELETE", "")
	b.press("file.bin", "abort")
	b.held("the page asks again")
	b.state("file.bin", "aborting")
	if got := p.read(t, id).Status; got == client.ImportStatusAborted {
		t.Errorf("before the service received the DELETE: got %s, want an import in progress", got)
	}
	b.release(client.Problem{})
	b.state("file.bin", "aborted")
	p.wantStatus(t, id, client.ImportStatusAborted)
	b.press("file.bin", "dismiss")
	b.until("its row is gone", row("file.bin")+` === undefined`)
	if focused := b.focused(); focused != "files" {
		t.Errorf("after the last row: got %q focused, want the field for files", focused)
	}
	b.reload()
	b.until("it is forgotten", row("file.bin")+` === undefined`)
}
