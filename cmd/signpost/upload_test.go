package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runs starts signpost with an empty home directory.
func (p *process) runs(t *testing.T, home string, args ...string) *process {
	t.Helper()
	return launch(t, exec.Command("signpost", args...), "SIGNPOST_URL="+p.api, "XDG_CACHE_HOME="+home)
}

// slowly are the flags of an upload that takes seconds and prints its progress.
var slowly = []string{"upload", "--json", "--part-size", "5MiB", "--concurrency", "1", "--limit-rate", "4MiB"}

// halfway waits until one part is uploaded and another has begun.
func (p *process) halfway(t *testing.T) {
	t.Helper()
	p.await(t, p.stdout, "first part", regexp.MustCompile(`"bytes":5242880,"sending":\d{5,6},`).MatchString)
}

func bigFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "big.bin")
	if err := os.WriteFile(path, []byte(strings.Repeat("0123456789", 1_200_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInterruptedUploadResumes: Ctrl-C keeps the parts, with the nearly finished one. The same command sends the rest.
func TestInterruptedUploadResumes(t *testing.T) {
	slowTest(t)
	p, home, file := startLocal(t, t.TempDir()), t.TempDir(), bigFile(t)
	first := p.runs(t, home, append(slowly, file)...)
	first.halfway(t)
	first.signal(t, syscall.SIGINT)
	if status := first.wait(t); status.ExitStatus() != 130 {
		t.Errorf("after SIGINT: got status %d, want 130", status.ExitStatus())
	}
	said := regexp.MustCompile(`(?s)^signpost: interrupted: 0 of 1 file done\nsignpost: \S+/big\.bin: 10 MiB of 11\.4 MiB kept; ` +
		`discard it with signpost abort (\S+)\nsignpost:   -> run the same command again to resume\n$`).
		FindStringSubmatch(first.stderr.String())
	if said == nil {
		t.Fatalf("after SIGINT: got\n%s", first.stderr)
	}
	plan := p.runs(t, home, "upload", "--dry-run", "--part-size", "5MiB", file)
	plan.wait(t)
	if got := plan.stdout.String(); !strings.HasPrefix(got, "would resume ") || !strings.Contains(got, said[1]) {
		t.Errorf("dry run: got %q", got)
	}
	second := p.runs(t, home, "upload", "--part-size", "5MiB", file)
	second.wait(t)
	want := fmt.Sprintf("uploaded %s as %s (11.4 MiB", file, said[1])
	if !strings.HasPrefix(second.stdout.String(), want) {
		t.Errorf("again: got %q, want %q and the time", second.stdout, want)
	}
	if want := fmt.Sprintf("resumed %s: 10 MiB of 11.4 MiB already uploaded\n", file); second.stderr.String() != want {
		t.Errorf("again: got %q, want %q", second.stderr, want)
	}
}

// TestTwoUploadsOfOneFile: the second upload fails, because the first one is in progress.
func TestTwoUploadsOfOneFile(t *testing.T) {
	slowTest(t)
	p, home, file := startLocal(t, t.TempDir()), t.TempDir(), bigFile(t)
	first := p.runs(t, home, append(slowly, file)...)
	first.halfway(t)
	first.signal(t, syscall.SIGSTOP) // otherwise it could end before the second begins
	second := p.runs(t, home, "upload", "--part-size", "5MiB", file)
	if status := second.wait(t); status.ExitStatus() != 1 ||
		!strings.Contains(second.stderr.String(),
			"another process is uploading this file\nsignpost:   -> wait for it, or stop it") {
		t.Errorf("got status %d,\n%s", status.ExitStatus(), second.stderr)
	}
	first.signal(t, syscall.SIGCONT)
	if status := first.wait(t); status.ExitStatus() != 0 {
		t.Errorf("the first: got status %d,\n%s", status.ExitStatus(), first.stderr)
	}
}

// TestSecondInterruptEndsAtOnce: a second Ctrl-C ends the command while it waits.
func TestSecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := startLocal(t, t.TempDir())
	c := p.runs(t, t.TempDir(), append(slowly, bigFile(t))...)
	c.halfway(t)
	p.signal(t, syscall.SIGSTOP) // the service does not respond
	t.Cleanup(func() { p.signal(t, syscall.SIGCONT) })
	for ended := false; !ended; { // one may come before the program is ready for it
		c.signal(t, syscall.SIGINT)
		select {
		case <-c.exited:
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	if status := c.wait(t); status.ExitStatus() != 130 && status.Signal() != syscall.SIGINT {
		t.Errorf("got %v, want an end by SIGINT", c.err)
	}
}

// TestInterruptedStream: an upload that waits for its input ends when its terminal closes. It cannot be resumed.
func TestInterruptedStream(t *testing.T) {
	t.Parallel()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // if nohup ignores it, the upload would too
	defer signal.Stop(hangups)
	p := startLocal(t, t.TempDir())
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	c := p.runs(t, t.TempDir(), "upload", "--json", bigFile(t), pipe)
	c.await(t, c.stdout, "first file", func(s string) bool { return strings.Contains(s, `"completed"`) })
	c.signal(t, syscall.SIGHUP)
	const want = "signpost: interrupted: 1 of 2 files done\n"
	if status := c.wait(t); status.ExitStatus() != 130 || c.stderr.String() != want {
		t.Errorf("got status %d,\n%s", status.ExitStatus(), c.stderr)
	}
}

// TestInterruptedStreamRemains: an interrupted stream whose import cannot be aborted is named, with how to remove it.
func TestInterruptedStreamRemains(t *testing.T) {
	t.Parallel()
	p := startLocal(t, t.TempDir())
	service := newFaultProxy(t, p.api, "")
	service.left, service.status, service.method = -1, 501, http.MethodDelete
	p.api = service.URL
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	c := p.runs(t, t.TempDir(), "upload", "--json", "--part-size", "5MiB", pipe)
	to, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := to.Write(make([]byte, mib)); err != nil {
		t.Fatal(err)
	}
	c.await(t, c.stdout, "started", func(s string) bool { return strings.Contains(s, `"started"`) })
	c.signal(t, syscall.SIGINT)
	want := regexp.MustCompile(`(?m)^signpost: \S+/pipe: import (\S+) could not be aborted: ` +
		`the service returned 501; remove it with signpost abort (\S+)$`)
	if status := c.wait(t); status.ExitStatus() != 130 || !want.MatchString(c.stderr.String()) {
		t.Errorf("got status %d,\n%s", status.ExitStatus(), c.stderr)
	}
}

// TestTerminal resizes terminals in which the rows of three files and of all are shown. All fit, and none stays behind.
func TestTerminal(t *testing.T) {
	t.Parallel()
	needs(t, "tmux")
	p, dir, socket := startLocal(t, t.TempDir()), t.TempDir(), ""
	tmux := func(args ...string) string {
		t.Helper()
		c := exec.Command("tmux", append([]string{"-S", socket, "-f", os.DevNull}, args...)...)
		c.Dir, c.Env = dir, append(cleanEnv(t), "SIGNPOST_URL="+p.api, "XDG_CACHE_HOME="+dir)
		said, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v\n%s", args, err, said)
		}
		return string(said)
	}
	pipes := []string{"one", "two", "three"}
	for _, name := range pipes { // an upload waits until they are written
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	row := regexp.MustCompile(`(?m)^\S.*\[[= ]*\].*$`)
	done := regexp.MustCompile(`^(\d+\n){30}(uploaded (one|two|three) as \S+ \(\d B.*\)\n){3}uploaded 3 files, 11 B.*\n+$`)
	rows := func() any {
		text := tmux("capture-pane", "-p", "-S", "-")
		n := len(row.FindAllString(text, -1))
		if n != strings.Count(text, "[") || n != strings.Count(text, "]") { // a row was wrapped, or remains
			return text
		}
		return n
	}
	shell := func(command string) any {
		said, _ := exec.Command("sh", "-c", "cd "+dir+"; "+command).CombinedOutput()
		return strings.TrimSpace(string(said))
	}
	for _, c := range []struct {
		lines, columns string
		rows           int
	}{{"20", "60 50 40 120", 4}, {"4", "", 3}} {
		socket = filepath.Join(dir, "tmux"+c.lines)
		tmux("new-session", "-d", "-x", "120", "-y", c.lines,
			"seq 30; sh -c 'echo $$ >pid; exec signpost upload --again one two three'; exec cat")
		defer exec.Command("tmux", "-S", socket, "kill-server").Run()
		eventually(t, "rows", rows, c.rows)
		tty := strings.TrimSpace(tmux("display", "-p", "#{pane_tty}"))
		for columns := range strings.FieldsSeq(c.columns) {
			shell("kill -STOP $(cat pid)") // tmux changes the size of the terminal later than that of the screen
			tmux("resize-window", "-x", columns, "-y", c.lines)
			eventually(t, "size", func() any { return shell("stty size <" + tty) }, c.lines+" "+columns)
			shell("kill -CONT $(cat pid)")
			eventually(t, "rows in "+columns+" columns", rows, c.rows)
		}
		for _, name := range pipes {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0); err != nil {
				t.Fatal(err)
			}
		}
		text := ""
		eventually(t, "uploaded", func() any {
			text = tmux("capture-pane", "-p", "-S", "-")
			return strings.Contains(text, "uploaded 3 files")
		}, true)
		if !done.MatchString(text) {
			t.Errorf("got %q, want %s", text, done)
		}
	}
}

func TestByteSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want byteSize // 0: refused
	}{
		{"5242880", 5 << 20}, {"64MiB", 64 << 20}, {"5M", 5 << 20}, {"100KiB", 100 << 10}, {"1.5g", 3 << 29},
		{"10MB", 10_000_000}, {"7 B", 7},
		{"0", 0}, {"", 0}, {"-1", 0}, {"5X", 0}, {"MiB", 0}, {"1e3", 0}, {"99999999T", 0}, {"1.2.3M", 0},
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(c.text)); got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%q: got %d, %v, want %d", c.text, got, err, c.want)
		}
	}
}
