package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestListenExec: the command receives the event in both ways. After a failure, the service delivers the event again.
func TestListenExec(t *testing.T) {
	slowTest(t)
	needs(t, "sh", "cat")
	dir := t.TempDir()
	l := listenTo(t, "--exec", `echo "$SIGNPOST_EVENT_TYPE $SIGNPOST_EVENT_ID $SIGNPOST_IMPORT_ID" >> '`+dir+
		`/runs'; cat > '`+dir+`/event'; cd '`+dir+`/ready'`)
	body := eventOf("e1", "import.completed", `{"size": 3}`)
	for _, want := range []int{http.StatusInternalServerError, http.StatusInternalServerError} {
		if got := l.deliver(t, l.sender, "e1", body); got != want {
			t.Errorf("deliver, and the command fails: got %d, want %d", got, want)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "ready"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := l.deliver(t, l.sender, "e1", body); got != 0 {
			t.Errorf("deliver, and the command succeeds: got %d", got)
		}
	}
	l.interrupt(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got, want := read("runs"), strings.Repeat("import.completed e1 import-1\n", 3); got != want {
		t.Errorf("runs: got\n%swant\n%s", got, want)
	}
	if got := read("event"); !strings.HasPrefix(got, `{"specversion":"1.0","id":"e1",`) ||
		!strings.HasSuffix(got, `"data":{"size":3}}`+"\n") {
		t.Errorf("standard input: got %q, want the event as one line", got)
	}
	if got := strings.Count(l.said(), "import.completed  import-1  3 B\n"); got != 1 {
		t.Errorf("stdout: got\n%swant a line of the event once, when its command has succeeded", l.said())
	}
	if got := strings.Count(l.stderr.String(), "the command: exit status "); got != 2 {
		t.Errorf("stderr: got\n%swant a line for each of two failures", l.stderr)
	}
}

// makePipe creates a named pipe.
func makePipe(t *testing.T, name string) {
	t.Helper()
	if err := exec.Command("mkfifo", name).Run(); err != nil {
		t.Fatal(err)
	}
}

// pipe is a named pipe, and what was read from it until all its writers ended.
func pipe(t *testing.T) (name string, read func() string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "pipe")
	makePipe(t, name)
	text := make(chan string, 1)
	go func() {
		if file, err := os.Open(name); err == nil {
			all, _ := io.ReadAll(file)
			file.Close()
			text <- string(all)
		}
	}()
	return name, func() string {
		select {
		case all := <-text:
			return all
		case <-time.After(limit):
			t.Fatalf("something still writes to %s after %v", name, limit)
			return ""
		}
	}
}

// Events are handled one at a time, and each event once.
func TestListenExecOneAtATime(t *testing.T) {
	t.Parallel()
	needs(t, "sh", "mkdir", "rmdir")
	dir := filepath.Join(t.TempDir(), "lock")
	l := listenTo(t, "--exec", `mkdir '`+dir+`' && rmdir '`+dir+`'`)
	var sending sync.WaitGroup
	for n := range 16 {
		id := fmt.Sprint("e", n/2) // each comes twice
		sending.Go(func() {
			if err := l.sender.Send(t.Context(), l.url, id, time.Now(),
				[]byte(eventOf(id, "import.completed", "{}"))); err != nil {
				t.Errorf("deliver %s: %v", id, err)
			}
		})
	}
	sending.Wait()
	l.interrupt(t)
	if got := strings.Count(l.said(), "\n"); got != 8 || l.stderr.String() != "" {
		t.Errorf("16 deliveries of 8 events: got %d lines, and on stderr\n%s", got, l.stderr)
	}
}

// When the service closes the connection, the command and its children are killed.
func TestListenEndsCommandWithItsDelivery(t *testing.T) {
	t.Parallel()
	needs(t, "sh", "sleep", "mkfifo")
	name, read := pipe(t)
	l := listenTo(t, "--exec", `exec 3> '`+name+`'; echo begun; (sleep 600; echo late >&3) & wait`)
	ctx, cancel := context.WithCancel(t.Context())
	delivered := make(chan error, 1)
	go func() {
		delivered <- l.sender.Send(ctx, l.url, "e1", time.Now(), []byte(eventOf("e1", "import.completed", "{}")))
	}()
	l.await(t, l.stdout, "begin", func(s string) bool { return strings.HasSuffix(s, "\n\nbegun\n") })
	cancel()
	if err := <-delivered; err == nil {
		t.Error("deliver: got no error, want the cancellation")
	}
	if got := read(); got != "" {
		t.Errorf("what the command wrote after the delivery ended: got %q, want nothing", got)
	}
	l.await(t, l.stderr, "complaint", func(s string) bool {
		return strings.HasSuffix(s, ": the service closed the connection, so the command was killed; the service will retry\n")
	})
	l.interrupt(t)
	if got := l.said(); got != "begun\n" {
		t.Errorf("stdout: got %q, want nothing of an event that was not handled", got)
	}
}

// Ctrl-C finishes the event in progress, and rejects further ones.
func TestListenFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	needs(t, "sh", "mkfifo")
	name := filepath.Join(t.TempDir(), "pipe")
	makePipe(t, name)
	l := listenTo(t, "--exec", `echo begun; read line < '`+name+`'; echo "$line"`)
	delivered := make(chan error, 1)
	go func() {
		delivered <- l.sender.Send(t.Context(), l.url, "e1", time.Now(), []byte(eventOf("e1", "import.aborted", "{}")))
	}()
	l.await(t, l.stdout, "begin", func(s string) bool { return strings.HasSuffix(s, "\n\nbegun\n") })
	l.signal(t, syscall.SIGINT)
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) { // until it has heard
		conn, err := net.Dial("tcp", hostOf(t, l.url))
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatalf("still accepts connections after %v", limit)
		}
	}
	if err := os.WriteFile(name, []byte("done\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-delivered; err != nil {
		t.Errorf("deliver: got %v, want it finished", err)
	}
	if status := l.wait(t); status.ExitStatus() != 0 {
		t.Errorf("got %v, want exit status 0; stderr:\n%s", l.err, l.stderr)
	}
	if got := l.said(); !strings.HasPrefix(got, "begun\ndone\n") ||
		!strings.Contains(got, "  import.aborted  import-1\n") {
		t.Errorf("stdout: got\n%swant the command's output, and then the event", got)
	}
}
