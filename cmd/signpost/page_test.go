//go:build !race

package main

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPageSends: files of any name and size are stored unchanged, also where all single uploads are write-once.
func TestPageSends(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir(), "SIGNPOST_WRITE_ONCE=true")
	b := browse(t, p)
	for name, size := range map[string]int{
		"empty": 0, "small.txt": 5, "تقرير نهائي.pdf": 70_000, "🎉 party 👩‍👩‍👧.jpg": 1 << 20, `odd "name" <b>&amp;%41.txt`: 10,
		"parts.bin": 40*mib + 1,
	} {
		path, content := randomFile(t, name, size)
		b.choose(path)
		id := b.state(name, "completed")
		p.holds(t, id, content)
		job := p.read(t, id)
		if job.Filename != name || size > 0 && (job.Checksum == nil || !job.Checksum.Verified) {
			t.Errorf("%q: got %+v, want its name, and its checksum verified", name, job)
		}
	}
}

// TestPageLostResponse: an upload is completed although the store refuses it, because the same upload has arrived
// before.
func TestPageLostResponse(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir(), "SIGNPOST_WRITE_ONCE=true")
	b := browse(t, p)
	eval[bool](b, `(() => {
		const { open, setRequestHeader, send } = XMLHttpRequest.prototype;
		XMLHttpRequest.prototype.open = function (method, url) {
			this.first = { method, url, headers: {} };
			open.call(this, method, url);
		};
		XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
			this.first.headers[name] = value;
			setRequestHeader.call(this, name, value);
		};
		XMLHttpRequest.prototype.send = async function (body) {
			const { method, url, headers } = this.first;
			await fetch(url, { method, headers, body });
			send.call(this, body);
		};
		return true;
	})()`)
	path, content := randomFile(t, "twice.txt", 5000)
	b.choose(path)
	p.holds(t, b.state("twice.txt", "completed"), content)
}

// TestPageReloads: after a reload during an upload, the page asks for the file, rejects another file of the same name,
// and sends the missing parts. A store that lists parts without checksums has their MD5 sums as ETags.
func TestPageReloads(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	t.Run("checksums listed", func(t *testing.T) { testReload(t, p, false) })
	t.Run("no checksums listed", func(t *testing.T) { testReload(t, p, true) })
}

func testReload(t *testing.T, p *process, withoutChecksums bool) {
	b := browse(t, p)
	const name = "large.bin"
	path, content := randomFile(t, name, 20*mib)
	b.holdParts(2)
	b.drop(path)
	b.share(name, 0.3)
	id := b.state(name, "sending")
	b.reload()
	b.releaseParts()
	if withoutChecksums {
		eval[any](b, listWithoutChecksums)
	}
	if again := b.state(name, "needs-file"); again != id {
		t.Errorf("after the reload, import %s, want %s", again, id)
	}
	held := p.read(t, id).Multipart
	other, _ := randomFile(t, name, 1000)
	b.choose(other)
	b.until("another file of the same name is sent by itself, or refused", fmt.Sprintf(
		`[...document.querySelectorAll("li.upload")].some((r) => r.dataset.id === %q && r.dataset.state === "needs-file")`,
		id))
	eval[any](b, `performance.clearResourceTimings()`)
	b.choose(path)
	b.until("it is completed",
		fmt.Sprintf(`document.querySelector('li.upload[data-id=%q]')?.dataset.state === "completed"`, id))
	p.holds(t, id, content)
	sent := eval[int](b, `performance.getEntriesByType("resource").filter((e) => e.name.includes("partNumber=")).length`)
	if most := int(held.PartCount - *held.UploadedParts); sent > most {
		t.Errorf("after the reload %d parts were sent, want at most %d, of which the store had none", sent, most)
	}
}

// listWithoutChecksums is an expression that removes the checksums from lists of parts.
const listWithoutChecksums = `(() => {
	const send = window.fetch;
	window.fetch = async (path, how) => {
		const response = await send(path, how);
		if (!path.includes("/parts?")) return response;
		const page = await response.json();
		for (const part of page.parts) delete part.checksum;
		return new Response(JSON.stringify(page));
	};
	return null;
})()`

// reload reloads the page and waits until it is loaded. An expression evaluated meanwhile would fail: "Inspected target
// navigated or closed".
func (b *tab) reload() {
	b.Helper()
	b.do(chromedp.Reload())
}

// TestPageGoesOn: an upload survives interruptions without action by the user.
func TestPageGoesOn(t *testing.T) {
	browserTest(t)
	dir := t.TempDir()
	p := startLocal(t, dir)
	for _, c := range []struct {
		name   string
		happen func(b *tab)
	}{
		{"no network for a while", func(b *tab) {
			b.offline(true)
			b.releaseParts() // and they fail
			b.state("file.bin", "offline")
			b.offline(false)
		}},
		{"a pause", func(b *tab) {
			b.press("file.bin", "pause")
			b.state("file.bin", "paused")
			b.releaseParts()
			b.press("file.bin", "resume")
		}},
		{"another server", func(b *tab) {
			settings := p.sameAddresses(t)
			p.signal(t, syscall.SIGKILL)
			p.wait(t)
			b.releaseParts() // and they fail
			b.state("file.bin", "offline")
			p = startLocal(t, dir, settings...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := browse(t, p)
			path, content := randomFile(t, "file.bin", 20*mib)
			b.holdParts(2)
			b.choose(path)
			b.share("file.bin", 0.3)
			c.happen(b)
			p.holds(t, b.state("file.bin", "completed"), content)
		})
	}
}

// TestPageCompletionFails: a completion that fails after its call was answered with 202 is shown with the reason. The
// page asks for it once, and Retry asks once more without sending anything again.
func TestPageCompletionFails(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	eval[any](b, `(() => {
		const send = window.fetch, json = (status, job) => new Response(JSON.stringify(job), { status });
		window.completions = 0;
		window.fetch = async (path, how) => {
			if (path.endsWith("/complete") && ++window.completions === 1) return json(202, { status: "uploading" });
			if (window.completions !== 1 || how?.method !== "GET") return send(path, how);
			return json(200, { status: "uploading", error: { code: "store-full", detail: "Full." } });
		};
		return null;
	})()`)
	path, content := randomFile(t, "file.bin", 20*mib)
	b.choose(path)
	id := b.state("file.bin", "failed")
	b.until("the row says why",
		`document.querySelector("li.upload .problem").textContent.includes("The store is full.")`)
	eval[any](b, `performance.clearResourceTimings()`)
	b.press("file.bin", "retry")
	if done := b.state("file.bin", "completed"); done != id {
		t.Errorf("retried as import %s, want %s", done, id)
	}
	if n := eval[int](b, `window.completions`); n != 2 {
		t.Errorf("%d completions were asked for, want 2", n)
	}
	parts := `performance.getEntriesByType("resource").filter((e) => e.name.includes("partNumber=")).length`
	if n := eval[int](b, parts); n != 0 {
		t.Errorf("%d parts were sent again, want 0", n)
	}
	p.holds(t, id, content)
}

// TestPageLostPart: a part that the store lost is sent again, and no other one.
func TestPageLostPart(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	eval[any](b, `(() => {
		const send = window.fetch;
		let completions = 0;
		window.fetch = async (path, how) => {
			if (path.endsWith("/complete") && ++completions === 1)
				return new Response(JSON.stringify({ code: "part-size-mismatch" }), { status: 409 });
			const response = await send(path, how);
			if (!path.includes("/parts?")) return response;
			const page = await response.json();
			page.parts[1].size = 0;
			return new Response(JSON.stringify(page));
		};
		return null;
	})()`)
	path, content := randomFile(t, "lost.bin", 20*mib)
	b.choose(path)
	p.holds(t, b.state("lost.bin", "completed"), content)
	sent := eval[string](b, `performance.getEntriesByType("resource")
		.map((e) => new URL(e.name).searchParams.get("partNumber")).filter(Boolean).sort().join(" ")`)
	if sent != "1 2 2 3" {
		t.Errorf("sent parts %s, want only part 2 twice", sent)
	}
}

// enterKey is an expression that enters an API key.
const enterKey = `(() => {
	const i = document.querySelector("form#key input");
	i.value = %q;
	i.form.requestSubmit();
	return null;
})()`

// TestPageKey: a wrong key is reported, and the right one resumes waiting uploads. The key is not stored.
func TestPageKey(t *testing.T) {
	browserTest(t)
	keys := filepath.Join(t.TempDir(), "keys")
	key := signpost(t, "keygen", "alice", "--append", keys)
	p := startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+keys)
	b := browse(t, p)
	path, content := randomFile(t, "file.bin", 100_000)
	b.choose(path)
	b.until("a key is asked for", `!document.querySelector("form#key").hidden`)
	enter := func(value string) {
		eval[any](b, fmt.Sprintf(enterKey, value))
	}
	enter("signpost_wrong")
	b.until("it is said that the key is wrong",
		`document.querySelector("#key-words").textContent.includes("rejected this key")`)
	enter(key)
	p.holds(t, b.state("file.bin", "completed"), content)
	if kept := eval[bool](b, fmt.Sprintf(`JSON.stringify({...localStorage, ...sessionStorage}).includes(%q)`, key)); kept {
		t.Error("the key is kept")
	}
	b.reload()
	b.until("the key is asked for again", `!document.querySelector("form#key").hidden`)
}

// TestPageTabs: one of two tabs sends a file, and the other one shows that.
func TestPageTabs(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	first := browse(t, p)
	path, content := randomFile(t, "file.bin", 20*mib)
	first.holdParts(2)
	first.choose(path)
	first.share("file.bin", 0.2)
	second := first.another(p)
	second.choose(path)
	second.state("file.bin", "locked")
	first.releaseParts()
	id := first.state("file.bin", "completed")
	p.holds(t, id, content)
}

// TestPageOff: SIGNPOST_UI=false removes the web UI. Other pages still upload with the library.
func TestPageOff(t *testing.T) {
	slowTest(t)
	p := startLocal(t, t.TempDir(), "SIGNPOST_UI=false")
	for path, want := range map[string]int{
		"/": 404, "/page/main.js": 404, "/client/transfer.js": 404, "/client.js": 200, "/client.d.ts": 200, "/docs": 200,
	} {
		if status, _, _ := p.do(t, "GET", path, ""); status != want {
			t.Errorf("GET %s: got %d, want %d", path, status, want)
		}
	}
}
