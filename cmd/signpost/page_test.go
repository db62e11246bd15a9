package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

const mib = 1 << 20

// randomFile makes a file of that many bytes that no two tests have.
func randomFile(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	rand.Read(content) //nolint:errcheck // never fails
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// holds insists that the object of the import is content.
func (p *process) holds(t *testing.T, id string, content []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "*", id))
	if err != nil || len(found) != 1 {
		t.Fatalf("import %s: found %v, %v, want one object", id, found, err)
	}
	stored, err := os.ReadFile(found[0])
	if err != nil || !bytes.Equal(stored, content) {
		t.Errorf("import %s: stored %d bytes, %v, want the %d that were chosen", id, len(stored), err, len(content))
	}
}

// TestPageSends: whatever its name and size, what is chosen is stored as it is.
func TestPageSends(t *testing.T) {
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	for name, size := range map[string]int{
		"empty": 0, "small.txt": 5, "تقرير نهائي.pdf": 70_000, "🎉 party 👩‍👩‍👧.jpg": 1 << 20, `odd "name" <b>&amp;%41.txt`: 10, "parts.bin": 40*mib + 1,
	} {
		path, content := randomFile(t, name, size)
		b.choose(path)
		id := b.state(name, "completed")
		p.holds(t, id, content)
		job := p.read(t, id)
		if *job.Filename != name || size > 0 && (job.Checksum == nil || !job.Checksum.Verified) {
			t.Errorf("%q: got %+v, want its name, and its checksum verified", name, job)
		}
	}
}

// TestPageFifty: many files at once are all sent, and a click does for them what it says.
func TestPageFifty(t *testing.T) {
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

// TestPageReloads: after a reload at half, the page asks for the file, refuses another of its name, and sends what is missing.
func TestPageReloads(t *testing.T) {
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	const name = "large.bin"
	path, content := randomFile(t, name, 300*mib)
	b.slow(60 * mib)
	b.drop(path)
	b.share(name, 0.5)
	id := b.state(name, "sending")
	b.reload()
	b.slow(-1)
	if again := b.state(name, "needs-file"); again != id {
		t.Errorf("after the reload, import %s, want %s", again, id)
	}
	held := p.read(t, id).Multipart
	other, _ := randomFile(t, name, 1000)
	b.choose(other)
	b.until("another file of the same name is sent by itself, or refused", fmt.Sprintf(
		`[...document.querySelectorAll("li.upload")].some((r) => r.dataset.id === %q && r.dataset.state === "needs-file")`, id))
	eval[any](b, `performance.clearResourceTimings()`)
	b.choose(path)
	b.until("it is completed", fmt.Sprintf(`document.querySelector('li.upload[data-id=%q]')?.dataset.state === "completed"`, id))
	p.holds(t, id, content)
	sent := eval[int](b, `performance.getEntriesByType("resource").filter((e) => e.name.includes("partNumber=")).length`)
	if most := int(*held.PartCount - *held.UploadedParts); sent > most {
		t.Errorf("after the reload %d parts were sent, want at most %d, of which the store had none", sent, most)
	}
}

func (b *tab) reload() {
	b.Helper()
	eval[any](b, `window.before = true; setTimeout(() => location.reload(), 0); null`)
	b.until("the page is loaded anew", `window.before === undefined && document.readyState === "complete"`)
}

// TestPageGoesOn: what comes between does not end an upload, and asks nothing of the person.
func TestPageGoesOn(t *testing.T) {
	dir := t.TempDir()
	p := startLocal(t, dir)
	for _, c := range []struct {
		name   string
		happen func(b *tab)
	}{
		{"no line for a while", func(b *tab) {
			b.offline(true)
			b.state("file.bin", "offline")
			b.offline(false)
		}},
		{"a pause", func(b *tab) {
			b.press("file.bin", "pause")
			b.state("file.bin", "paused")
			b.press("file.bin", "resume")
		}},
		{"another server", func(b *tab) {
			settings := p.again(t)
			p.signal(t, syscall.SIGKILL)
			p.wait(t)
			p = startLocal(t, dir, settings...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := browse(t, p)
			path, content := randomFile(t, "file.bin", 60*mib)
			b.slow(20 * mib)
			b.choose(path)
			b.share("file.bin", 0.3)
			c.happen(b)
			b.slow(-1)
			p.holds(t, b.state("file.bin", "completed"), content)
		})
	}
}

// TestPageCancels: an upload is shown as cancelled only after the service has aborted it, and nothing of it stays.
func TestPageCancels(t *testing.T) {
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, _ := randomFile(t, "file.bin", 60*mib)
	b.slow(10 * mib)
	b.choose(path)
	b.share("file.bin", 0.2)
	holdDeletes(b)
	b.press("file.bin", "cancel")
	b.until("the page asks the service to abort", `window.heldDeletes.length > 0`)
	id := b.state("file.bin", "cancelling")
	if got := *p.read(t, id).Status; got == client.JobStatusAborted {
		t.Errorf("before the service received the DELETE: got %s, want an import in progress", got)
	}
	eval[any](b, `window.heldDeletes.shift()(true); null`)
	b.state("file.bin", "cancelled")
	p.wantStatus(t, id, client.JobStatusAborted)
	b.press("file.bin", "remove")
	b.until("its row is gone", row("file.bin")+` === undefined`)
	b.reload()
	b.until("it is forgotten", row("file.bin")+` === undefined`)
}

// TestPageCancelRefused: an upload that the service does not abort is not shown as cancelled, and can be resumed.
func TestPageCancelRefused(t *testing.T) {
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, content := randomFile(t, "file.bin", 60*mib)
	b.slow(10 * mib)
	b.choose(path)
	b.share("file.bin", 0.2)
	holdDeletes(b)
	b.press("file.bin", "cancel")
	b.until("the page asks the service to abort", `window.heldDeletes.length > 0`)
	eval[any](b, `window.heldDeletes.shift()(false); null`)
	id := b.state("file.bin", "paused")
	b.until("the row says why", `document.querySelector("li.upload .problem").textContent.startsWith("Not cancelled.")`)
	b.slow(-1)
	b.press("file.bin", "resume")
	if done := b.state("file.bin", "completed"); done != id {
		t.Errorf("resumed as import %s, want %s", done, id)
	}
	p.holds(t, id, content)
}

// holdDeletes makes the page's DELETE requests wait for the test: heldDeletes.shift()(true) sends one, (false) answers it with 403.
func holdDeletes(b *tab) {
	b.Helper()
	eval[any](b, `(() => {
		const send = window.fetch;
		window.heldDeletes = [];
		window.fetch = async (path, how) => {
			if (how?.method !== "DELETE" || await new Promise((decide) => window.heldDeletes.push(decide))) return send(path, how);
			return new Response(JSON.stringify({ code: "scope-missing" }), { status: 403 });
		};
		return null;
	})()`)
}

// TestPageKey: a wrong key is told of, and with the right one, uploads that waited go on. It is kept nowhere.
func TestPageKey(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	key := signpost(t, "keygen", "alice", "--append", keys)
	p := startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+keys)
	b := browse(t, p)
	path, content := randomFile(t, "file.bin", 100_000)
	b.choose(path)
	b.until("a key is asked for", `!document.querySelector("form#key").hidden`)
	enter := func(value string) {
		eval[any](b, fmt.Sprintf(`(() => { const i = document.querySelector("form#key input"); i.value = %q; i.form.requestSubmit(); return null })()`, value))
	}
	enter("signpost_wrong")
	b.until("it is said that the key is wrong", `document.querySelector("#key-words").textContent.includes("not accepted")`)
	enter(key)
	p.holds(t, b.state("file.bin", "completed"), content)
	if kept := eval[bool](b, fmt.Sprintf(`JSON.stringify({...localStorage, ...sessionStorage}).includes(%q)`, key)); kept {
		t.Error("the key is kept")
	}
	b.reload()
	b.until("the key is asked for again", `!document.querySelector("form#key").hidden`)
}

// TestPageTabs: of two tabs, one sends a file, and the other says so.
func TestPageTabs(t *testing.T) {
	p := startLocal(t, t.TempDir())
	first := browse(t, p)
	path, content := randomFile(t, "file.bin", 60*mib)
	first.slow(10 * mib)
	first.choose(path)
	first.share("file.bin", 0.2)
	second := first.another(p)
	second.choose(path)
	second.state("file.bin", "locked")
	first.slow(-1)
	id := first.state("file.bin", "completed")
	p.holds(t, id, content)
}

// TestPageOff: where it is not wanted there is none.
func TestPageOff(t *testing.T) {
	p := startLocal(t, t.TempDir(), "SIGNPOST_UI=false")
	if status, _, _ := p.do(t, "GET", "/", ""); status != 404 {
		t.Errorf("GET /: got %d, want 404", status)
	}
}
