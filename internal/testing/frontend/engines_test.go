package frontend

import (
	"cmp"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// engines are the browsers that drive the web UI, with the programs that they need.
var engines = []struct{ name, programs string }{
	{"Chromium", "chromium"},
	{"Firefox", "firefox-esr"},
	{"WebKit", "WebKitWebDriver xvfb-run xauth"},
}

// held is the size of files whose upload is interrupted. The page sends at most six parts of 8 MiB at a time, so the
// store has parts when held - 12 MiB were sent.
const held = 72 << 20

// TestEngines does the same with the web UI in each engine: it prints a table of engines and steps.
func TestEngines(t *testing.T) {
	needs(t, "node", "npm")
	dir := install(t, "engines/package.json", "engines/package-lock.json", "engines/driver.js")
	steps := []struct {
		name string
		run  func(*engineTest, *testing.T)
	}{
		{"two files", (*engineTest).twoFiles},
		{"Unicode names", (*engineTest).unicodeNames},
		{"300 MB", (*engineTest).large},
		{"pause, resume", (*engineTest).pauses},
		{"reload, resume", (*engineTest).reloads},
		{"offline", (*engineTest).offline},
		{"wrong API key", (*engineTest).wrongKey},
	}
	table := fmt.Sprintf("%-16s", "engine")
	for _, step := range steps {
		table += fmt.Sprintf(" | %-14s", step.name)
	}
	for _, engine := range engines {
		table += fmt.Sprintf("\n%-16s", engine.name)
		t.Run(engine.name, func(t *testing.T) {
			var program string
			for _, name := range strings.Fields(engine.programs) {
				path, err := exec.LookPath(name)
				if err != nil {
					table += fmt.Sprintf(" | not run: %s is missing", name)
					t.Skipf("%s was NOT run: %v", engine.name, err)
				}
				program = cmp.Or(program, path)
			}
			test := &engineTest{startEngine(t, dir, engine.name, program), serve(t, "", ""), serve(t, "", "alice")}
			for _, step := range steps {
				begin, result := time.Now(), "FAILED"
				if t.Run(step.name, func(t *testing.T) { step.run(test, t) }) {
					result = fmt.Sprintf("ok %6.1f s", time.Since(begin).Seconds())
				}
				table += fmt.Sprintf(" | %-14s", result)
			}
		})
	}
	t.Logf("\n%s", table)
}

// engineTest is a browser with two services that it may open.
type engineTest struct {
	*engine
	opened, keyed service
}

// uploads chooses files with these names and checks that they are stored unchanged.
func (e *engineTest) uploads(t *testing.T, size int, names ...string) {
	t.Helper()
	e.open(t, e.opened.url)
	var paths []string
	contents := map[string][]byte{}
	for i, name := range names {
		path, content := file(t, name, size*i)
		paths, contents[name] = append(paths, path), content
	}
	e.choose(t, paths...)
	for name, content := range contents {
		e.opened.wantStored(t, e.waitState(t, name, "completed"), name, content)
	}
}

func (e *engineTest) twoFiles(t *testing.T) { e.uploads(t, small, "empty.csv", "small.csv") }

func (e *engineTest) unicodeNames(t *testing.T) {
	e.uploads(t, small, "Gru\u0308ße.txt", "تقرير نهائي.pdf", "🎉 party 👩‍👩‍👧.jpg", `odd "name" <b>&amp;%41.txt`)
}

func (e *engineTest) large(t *testing.T) {
	const name = "300 MB.bin"
	e.open(t, e.opened.url)
	path, content := file(t, name, 300_000_000)
	e.choose(t, path)
	e.opened.wantStored(t, e.waitState(t, name, "completed"), name, content)
}

// interrupt chooses a file, and interrupts its upload when the store has some parts of it.
func (e *engineTest) interrupt(t *testing.T, name string) (path string, content []byte) {
	t.Helper()
	path, content = file(t, name, held)
	e.open(t, e.opened.url)
	e.hold(held - 12<<20)
	t.Cleanup(func() { e.release() })
	e.choose(t, path)
	e.waitFor(t, "performance.getEntriesByType('resource').some((entry) => entry.name.includes('partNumber='))")
	return path, content
}

func (e *engineTest) pauses(t *testing.T) {
	const name = "paused.bin"
	_, content := e.interrupt(t, name)
	e.press(t, name, "pause")
	e.waitState(t, name, "paused")
	e.release()
	e.press(t, name, "resume")
	e.opened.wantStored(t, e.waitState(t, name, "completed"), name, content)
}

// After a reload, the page sends only what the store does not have.
func (e *engineTest) reloads(t *testing.T) {
	const name = "reloaded.bin"
	path, content := e.interrupt(t, name)
	id := e.waitState(t, name, "sending")
	e.do(t, "reload", nil)
	if got := e.waitState(t, name, "needs-file"); got != id {
		t.Errorf("after the reload: got import %s, want %s", got, id)
	}
	before := e.release()
	e.choose(t, path)
	if got := e.waitState(t, name, "completed"); got != id {
		t.Errorf("completed: got import %s, want %s", got, id)
	}
	if sent := e.release() - before; sent >= held {
		t.Errorf("after the reload %d bytes were sent, want less than the file has: %d", sent, held)
	}
	e.opened.wantStored(t, id, name, content)
}

// Without a connection the page waits, and continues by itself.
func (e *engineTest) offline(t *testing.T) {
	const name = "offline.bin"
	_, content := e.interrupt(t, name)
	e.disconnect()
	e.waitState(t, name, "offline")
	e.release()
	e.connect(t)
	e.opened.wantStored(t, e.waitState(t, name, "completed"), name, content)
}

// The page says that a key is wrong, and continues with the right one.
func (e *engineTest) wrongKey(t *testing.T) {
	const name = "key.csv"
	e.open(t, e.keyed.url)
	path, content := file(t, name, small)
	e.choose(t, path)
	enter := func(key string) {
		e.waitFor(t, "!document.querySelector('form#key').hidden")
		e.do(t, "evaluate", fmt.Sprintf(`(() => {
			const input = document.querySelector('form#key input')
			input.value = %q
			input.form.requestSubmit()
		})()`, key))
	}
	enter("signpost_wrong")
	e.waitFor(t, "document.querySelector('#key-words').textContent.includes('rejected this key')")
	enter(e.keyed.key)
	e.keyed.wantStored(t, e.waitState(t, name, "completed"), name, content)
}
