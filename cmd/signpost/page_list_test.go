//go:build !race

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestPageManyFiles: with 10,000 files the page is not much higher than the window, has rows only for some of them, and
// shows the last one after scrolling.
func TestPageManyFiles(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir()))
	b.do(chromedp.EmulateViewport(1440, 900))
	b.holdAll("POST")
	b.addFiles(10_000, "")
	b.until("all are listed", `document.querySelector("#summary").textContent.startsWith("0 of 10,000 files")`)
	const maxHeight, maxRows = 1500, 200
	if height := eval[int](b, `document.documentElement.scrollHeight`); height > maxHeight {
		t.Errorf("with 10,000 files the page is %d px high, want at most %d", height, maxHeight)
	}
	b.until("the last file is shown after scrolling", `(() => {
		const list = document.querySelector("#uploads");
		list.scrollTop = list.scrollHeight;
		return list.lastElementChild.dataset.name === "file-9999.bin";
	})()`)
	if rows := eval[int](b, `document.querySelectorAll("#uploads > li").length`); rows > maxRows {
		t.Errorf("with 10,000 files there are %d rows, want at most %d", rows, maxRows)
	}
	b.until("the first file is shown after scrolling back", `(() => {
		const list = document.querySelector("#uploads");
		list.scrollTop = 0;
		return list.firstElementChild.dataset.name === "file-0.bin";
	})()`)
}

// TestPageExpandsFolder: a folder of many files is one row with counts, and a click shows its files.
func TestPageExpandsFolder(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir()))
	b.addFiles(25, "photos/")
	b.until("the folder counts its files",
		`document.querySelector(".folder-row .state")?.textContent.startsWith("25 of 25 files completed")`)
	for _, open := range []bool{false, true, false} {
		want := 0
		if open {
			want = 25
		}
		b.until("the folder shows that it is open or closed", fmt.Sprintf(
			`document.querySelector(".folder-row button").getAttribute("aria-expanded") === "%t"`, open))
		if rows := eval[int](b, `document.querySelectorAll("li.upload").length`); rows != want {
			t.Errorf("open %t: got %d rows of files, want %d", open, rows, want)
		}
		b.clickOn(".folder-row button")
		if focused := b.focused(); focused != "BUTTON" {
			t.Errorf("after a click: got %q focused, want the button of the folder", focused)
		}
	}
}

// TestPageFilterFailed: the filter shows failed uploads only. After the last one has succeeded, the focus is on a
// filter.
func TestPageFilterFailed(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir()))
	b.hold("POST", "import")
	b.addFiles(6, "")
	b.held("the page creates an import")
	b.release(client.Problem{Status: 409, Code: "idempotency-key-reused"})
	b.until("one upload has failed, the others are completed",
		`document.querySelector("#summary").textContent === "5 of 6 files completed · 1 failed"`)
	b.clickOn(`#filters [data-filter="failed"]`)
	b.until("the failed one is shown alone", `document.querySelectorAll("#uploads > li").length === 1 &&
		document.querySelector("#uploads > li").dataset.state === "failed"`)
	b.press(eval[string](b, `document.querySelector("#uploads > li").dataset.name`), "retry")
	b.until("no failed upload is left", `document.querySelectorAll("#uploads > li").length === 0 &&
		!document.querySelector("#none").hidden`)
	if in := eval[bool](b, `document.querySelector("#filters").contains(document.activeElement)`); !in {
		t.Errorf("after the last failed upload: got %q focused, want a filter", b.focused())
	}
	b.clickOn(`#filters [data-filter="completed"]`)
	b.until("all are shown as completed", `document.querySelectorAll("#uploads > li").length === 6`)
}

// TestPageSorts: the list is sorted by name, with numbers in their order, by size, and by status, failed ones first.
func TestPageSorts(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir()))
	var paths []string
	for name, size := range map[string]int{"b.txt": 5, "a 10.txt": 6, "a 9.txt": 4, "c.txt": 7, "d.txt": 1} {
		path, _ := randomFile(t, name, size)
		paths = append(paths, path)
	}
	b.choose(paths...)
	b.until("all are completed", `document.querySelectorAll('li.upload[data-state="completed"]').length === 5`)
	b.hold("POST", "import")
	last, _ := randomFile(t, "e.txt", 8)
	b.choose(last)
	b.held("the page creates an import")
	b.release(client.Problem{Status: 409, Code: "idempotency-key-reused"})
	b.state("e.txt", "failed")
	added := eval[string](b, `[...document.querySelectorAll("li.upload")].map((r) => r.dataset.name).join()`)
	for order, want := range map[string]string{
		"name": "a 9.txt,a 10.txt,b.txt,c.txt,d.txt,e.txt", "size": "e.txt,c.txt,a 10.txt,b.txt,a 9.txt,d.txt",
		"status": "e.txt," + strings.TrimSuffix(added, ",e.txt"), "added": added,
	} {
		got := eval[string](b, fmt.Sprintf(`(() => {
			const menu = document.querySelector("#order");
			menu.value = %q;
			menu.dispatchEvent(new Event("change"));
			return [...document.querySelectorAll("li.upload")].map((r) => r.dataset.name).join();
		})()`, order))
		if got != want {
			t.Errorf("sorted by %s: got %s, want %s", order, got, want)
		}
	}
}

// TestPageAfterCompletion: a completed upload offers its id, its download and the command for it. Dismiss removes the
// row only.
func TestPageAfterCompletion(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	eval[any](b, `navigator.clipboard.writeText = async (text) => { window.copied = text }; null`)
	path, content := randomFile(t, "file.bin", 1000)
	b.hold("POST", "import")
	b.choose(path)
	b.held("the page creates an import")
	eval[any](b, row("file.bin")+`.querySelector("[data-action=pause]").focus(); null`)
	b.release(client.Problem{})
	id := b.state("file.bin", "completed")
	if focused := eval[bool](b, row("file.bin")+`.contains(document.activeElement)`); !focused {
		t.Errorf("after completion: got %q focused, want the row", b.focused())
	}
	for action, want := range map[string]string{
		"copy-id": id, "copy-command": "signpost download " + id + " --server " + p.api,
	} {
		b.press("file.bin", action)
		b.until(action+" copies", fmt.Sprintf(`window.copied === %q`, want))
	}
	if shown := eval[string](b, row("file.bin")+`.querySelector(".id").innerText`); shown != id {
		t.Errorf("shown id: got %q, want %q", shown, id)
	}
	got := eval[string](b, `(async () => {
		let url = "";
		window.open = (u) => { url = u };
		`+row("file.bin")+`.querySelector(".download:not([hidden])").click();
		while (!url) await new Promise((r) => setTimeout(r, 10));
		return url;
	})()`)
	if !strings.Contains(got, id) || !strings.Contains(got, "X-Amz-Signature=") {
		t.Errorf("Download opened %s, want the signed URL of %s", got, id)
	}
	b.press("file.bin", "dismiss")
	b.until("its row is gone", row("file.bin")+` === undefined`)
	p.holds(t, id, content)
	p.wantStatus(t, id, client.ImportStatusCompleted)
}

// TestPageNoDownloads: without downloads, there is no link and no command.
func TestPageNoDownloads(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir(), "SIGNPOST_DOWNLOADS=false"))
	path, _ := randomFile(t, "file.bin", 1000)
	b.choose(path)
	b.state("file.bin", "completed")
	offers := row("file.bin") + `.querySelectorAll(":is(.download, [data-action=copy-command]):not([hidden])").length`
	if n := eval[int](b, offers); n != 0 {
		t.Errorf("got %d offers to download, want none", n)
	}
}

// TestPageDeletes: Delete asks first. Then the service deletes the object, and the import is aborted.
func TestPageDeletes(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path, content := randomFile(t, "file.bin", 1000)
	b.choose(path)
	id := b.state("file.bin", "completed")
	b.press("file.bin", "delete")
	b.until("the page asks", `document.querySelector("#confirm").open`)
	b.clickOn(`#confirm button[value=""]`)
	b.until("the question is closed", `!document.querySelector("#confirm").open`)
	p.holds(t, id, content)
	// In one task: the close event of the first question follows the second question.
	eval[any](b, `(() => {
		const press = (selector) => document.querySelector(selector).click();
		press("li.upload button[data-action=delete]");
		press('#confirm button[value=""]');
		press("li.upload button[data-action=delete]");
		return new Promise((closed) => document.querySelector("#confirm").addEventListener("close", closed));
	})()`)
	b.clickOn(`#confirm button[value="delete"]`)
	b.state("file.bin", "aborted")
	b.until("the row says what happened",
		row("file.bin")+`.querySelector(".state").textContent === "Aborted, object deleted"`)
	p.wantStatus(t, id, client.ImportStatusAborted)
	left, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "*", id))
	if err != nil || len(left) > 0 {
		t.Errorf("after Delete: got %v, %v in the store, want nothing", left, err)
	}
	if focused := eval[bool](b, row("file.bin")+`.contains(document.activeElement)`); !focused {
		t.Errorf("after Delete: got %q focused, want the row", b.focused())
	}
}

// TestPageTouch: on a phone, everything that can be touched is 44 px high and wide at least, and no text asks to drop
// files.
func TestPageTouch(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir()))
	b.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateTouch, chromedp.EmulateMobile))
	if text := eval[string](b, `document.querySelector("main").innerText`); strings.Contains(text, "drop") {
		t.Errorf("on a phone: got %q, want no text about drops", text)
	}
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.txt", n)), []byte{'a'}, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#folder"), []string{folder}))
	b.state("4.txt", "completed")
	b.until("the older imports fold", `!document.querySelector("#recent-rest").hidden`)
	small := eval[string](b, `[...document.querySelectorAll("button, a, select, summary, input[type=text]"),
			...document.querySelectorAll(".sources label")]
		.filter((e) => e.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}))
		.map((e) => [e.outerHTML, e.getBoundingClientRect()])
		.filter(([, { width, height }]) => Math.min(width, height) < 44)
		.map(([html, { width, height }]) => width + " x " + height + ": " + html).join("\n")`)
	if small != "" {
		t.Errorf("on a phone, smaller than 44 px:\n%s", small)
	}
	order := `document.querySelector("#curl-title").getBoundingClientRect().top <
		document.querySelector("#recent-title").getBoundingClientRect().top`
	if !eval[bool](b, order) {
		t.Error("on a phone: the recent imports come before the commands for curl")
	}
}

// addFiles chooses count small files, which the page creates: file-0.bin and so on, in folder.
func (b *tab) addFiles(count int, folder string) {
	b.Helper()
	eval[any](b, fmt.Sprintf(`(() => {
		const chosen = new DataTransfer();
		for (let n = 0; n < %d; n++) {
			const file = new File(["content " + n], "file-" + n + ".bin", { lastModified: 1 });
			chosen.items.add(file);
		}
		const input = document.querySelector("#files");
		input.files = chosen.files;
		if (%[2]q) for (const f of input.files) Object.defineProperty(f, "webkitRelativePath", { value: %[2]q + f.name });
		input.dispatchEvent(new Event("change"));
		return null;
	})()`, count, folder))
}

// holdAll makes all API requests of this method wait forever.
func (b *tab) holdAll(method string) {
	b.Helper()
	eval[any](b, fmt.Sprintf(`(() => {
		const send = window.fetch;
		window.fetch = (path, how) => (how?.method === %q ? new Promise(() => {}) : send(path, how));
		return null;
	})()`, method))
}

// clickOn focuses and clicks an element.
func (b *tab) clickOn(selector string) {
	b.Helper()
	eval[any](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.focus(); e.click(); return null })()`,
		selector))
}
