package frontend

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// engine is a browser that testdata/engines/driver.js drives through a forwarder.
type engine struct {
	*forwarder
	calls   io.Writer
	results *bufio.Reader
	visits  int
}

// startEngine starts a browser with this engine. dir contains the driver with its packages.
func startEngine(t *testing.T, dir, name, program string) *engine {
	t.Helper()
	e := &engine{forwarder: startForwarder(t)}
	ctx, kill := context.WithCancel(context.Background()) // t.Context ends before the cleanups
	arguments := []string{"node", "driver.js", name, program, e.address}
	if name == "WebKit" {
		arguments = append([]string{"xvfb-run", "--auto-servernum"}, arguments...) // MiniBrowser needs a display
	}
	driver := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	driver.Dir = dir
	driver.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8")
	driver.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	driver.Cancel = func() error { return syscall.Kill(-driver.Process.Pid, syscall.SIGKILL) }
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	driver.Stderr = log
	calls, err := driver.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	results, err := driver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		calls.Close()
		io.Copy(io.Discard, results) // until the browser is closed
		kill()
		driver.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s: %s", name, text)
		}
	})
	e.calls, e.results = calls, bufio.NewReader(results)
	if _, err := e.result(); err != nil {
		t.Fatalf("%s did not start: %v", name, err)
	}
	return e
}

// result reads the result of a call.
func (e *engine) result() (json.RawMessage, error) {
	line, err := e.results.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var result struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal(line, &result); err != nil {
		return nil, fmt.Errorf("%w: %s", err, line)
	}
	if result.Error != "" {
		return nil, fmt.Errorf("%s", result.Error)
	}
	return result.Value, nil
}

// do calls a method of the driver.
func (e *engine) do(t *testing.T, method string, argument any) json.RawMessage {
	t.Helper()
	call, err := json.Marshal([]any{method, argument})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(e.calls, "%s\n", call); err != nil {
		t.Fatal(err)
	}
	value, err := e.result()
	if err != nil {
		t.Fatalf("%s %.200v: %v", method, argument, err)
	}
	return value
}

// open opens the web UI of a service, and waits until its script has run.
func (e *engine) open(t *testing.T, url string) {
	t.Helper()
	e.visits++ // WebKit's driver returns before the same URL is loaded again
	e.do(t, "open", fmt.Sprintf("%s/?%d", url, e.visits))
	e.waitFor(t, fmt.Sprintf("location.search === '?%d' && document.querySelector('#curl-lines')?.value", e.visits))
}

func (e *engine) choose(t *testing.T, paths ...string) {
	t.Helper()
	e.do(t, "choose", paths)
}

// waitFor waits until an expression of the page is true.
func (e *engine) waitFor(t *testing.T, expression string) {
	t.Helper()
	e.do(t, "evaluate", fmt.Sprintf(`new Promise((resolve, reject) => {
		const end = Date.now() + %d
		const look = () => {
			if (%s) resolve()
			else if (Date.now() < end) setTimeout(look, 50)
			else reject(new Error('the page shows ' + document.querySelector('main').innerText))
		}
		look()
	})`, limit.Milliseconds()-10_000, expression))
}

// waitState waits until the row of a file has a state, and returns the id of its import.
func (e *engine) waitState(t *testing.T, name, state string) (id string) {
	t.Helper()
	row := rowOf(name)
	e.waitFor(t, fmt.Sprintf("%s?.dataset.state === %q", row, state))
	if err := json.Unmarshal(e.do(t, "evaluate", row+".dataset.id"), &id); err != nil {
		t.Fatal(err)
	}
	return id
}

// press presses a button in the row of a file.
func (e *engine) press(t *testing.T, name, action string) {
	t.Helper()
	e.do(t, "evaluate", fmt.Sprintf("void %s.querySelector('[data-action=%s]').click()", rowOf(name), action))
}

// rowOf is an expression for the row of a file in the page.
func rowOf(name string) string {
	return fmt.Sprintf("[...document.querySelectorAll('li.upload')].find((row) => row.dataset.name === %q)", name)
}
