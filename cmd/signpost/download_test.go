package main

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestDownloadMode: a new file has the mode that the umask leaves, a replaced one keeps its mode.
func TestDownloadMode(t *testing.T) {
	t.Parallel()
	asEach(t, func(t *testing.T, d *downloadTest) {
		d.umask = "027"
		d.run(t, 0)
		d.has(t, "a.csv", "a,b,c\n", 0o640)
		d.write(t, "private", "before", 0o600)
		d.write(t, "readonly", "before", 0o444)
		d.run(t, 0, "-o", "private", "--force")
		d.run(t, 0, "-o", "readonly", "--force")
		d.has(t, "private", "a,b,c\n", 0o600)
		d.has(t, "readonly", "a,b,c\n", 0o444)
		d.holds(t, "a.csv", "private", "readonly")
	})
}

// TestDownloadKeepsOwner: root replaces a user's file, and it stays the user's.
func TestDownloadKeepsOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	d := newDownload(t, unprivileged)
	d.write(t, "theirs", "before", 0o600)
	root := *d
	root.uid = 0
	root.run(t, 0, "-o", "theirs", "--force")
	d.has(t, "theirs", "a,b,c\n", 0o600)
}

// TestDownloadFollowsLinks: a symbolic link stays, and its target is replaced.
func TestDownloadFollowsLinks(t *testing.T) {
	slowTest(t)
	asEach(t, func(t *testing.T, d *downloadTest) {
		if err := os.Mkdir(d.path("below"), 0o755); err != nil {
			t.Fatal(err)
		}
		d.own(t, d.path("below"))
		d.write(t, "below/file", "before", 0o600)
		d.link(t, "below/file", "link")
		d.link(t, "link", "second")
		d.link(t, "below/new", "dangling")
		d.link(t, "loop", "loop")
		for _, name := range []string{"second", "dangling"} {
			d.run(t, 2, "-o", name)
		}
		d.run(t, 1, "-o", "loop")
		d.has(t, "below/file", "before", 0o600)
		d.run(t, 0, "-o", "second", "--force")
		d.run(t, 0, "-o", "dangling", "--force")
		d.run(t, 1, "-o", "loop", "--force")
		d.has(t, "below/file", "a,b,c\n", 0o600)
		d.has(t, "below/new", "a,b,c\n", 0o644)
		for _, name := range []string{"link", "second", "dangling"} {
			d.has(t, name, "a,b,c\n", fs.ModeSymlink|0o777)
		}
		d.holds(t, "below", "dangling", "link", "loop", "second")
	})
}

// TestDownloadIntoPipe: a named pipe gets the bytes and stays, with --force and without.
func TestDownloadIntoPipe(t *testing.T) {
	t.Parallel()
	asEach(t, func(t *testing.T, d *downloadTest) {
		if err := syscall.Mkfifo(d.path("pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.own(t, d.path("pipe"))
		for _, flags := range [][]string{{"-o", "pipe"}, {"-o", "pipe", "--force"}} {
			hold, err := os.OpenFile(d.path("pipe"), os.O_RDWR, 0) // another writer, so that opening the reader does not wait
			if err != nil {
				t.Fatal(err)
			}
			reader, err := os.Open(d.path("pipe"))
			if err != nil {
				t.Fatal(err)
			}
			d.run(t, 0, flags...)
			hold.Close()
			if got, err := io.ReadAll(reader); err != nil || string(got) != "a,b,c\n" {
				t.Errorf("%q: the reader got %q, %v", flags, got, err)
			}
			reader.Close()
		}
		if info, err := os.Lstat(d.path("pipe")); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
			t.Errorf("the pipe: got %v, %v", info, err)
		}
		d.holds(t, "pipe")
	})
}

// TestDownloadIntoDevice: a device gets the bytes and stays.
func TestDownloadIntoDevice(t *testing.T) {
	t.Parallel()
	asEach(t, func(t *testing.T, d *downloadTest) {
		for name, minor := range map[string]int{"null": 3, "full": 7} {
			if err := syscall.Mknod(d.path(name), syscall.S_IFCHR|0o666, 1<<8|minor); err != nil {
				t.Skipf("needs the right to make devices: %v", err)
			}
			if err := os.Chmod(d.path(name), 0o666); err != nil {
				t.Fatal(err)
			}
			if f, err := os.OpenFile(d.path(name), os.O_WRONLY, 0); err != nil {
				t.Skipf("needs a file system with devices: %v", err)
			} else {
				f.Close()
			}
		}
		d.run(t, 0, "-o", "null")
		d.run(t, 0, "-o", "null", "--force")
		if said := d.run(t, 1, "-o", "full", "--force"); !strings.Contains(said, "no space left on device") {
			t.Errorf("into a full device: got %s", said)
		}
		for _, name := range []string{"null", "full"} {
			if info, err := os.Lstat(d.path(name)); err != nil || info.Mode()&fs.ModeCharDevice == 0 {
				t.Errorf("%s: got %v, %v, want a device", name, info, err)
			}
		}
		d.holds(t, "full", "null")
	})
}

// TestDownloadIntoFolder: -o accepts an existing folder, and creates none.
func TestDownloadIntoFolder(t *testing.T) {
	t.Parallel()
	asEach(t, func(t *testing.T, d *downloadTest) {
		if err := os.Mkdir(d.path("below"), 0o755); err != nil {
			t.Fatal(err)
		}
		d.own(t, d.path("below"))
		d.run(t, 0, "-o", "below")
		d.has(t, "below/a.csv", "a,b,c\n", 0o644)
		d.run(t, 2, "-o", "below/")
		d.run(t, 0, "-o", "below/", "--force")
		d.run(t, 1, "-o", "missing/")
		d.holds(t, "below")
	})
}

// TestFailedDownload: the target is unchanged or still missing, and no temporary file remains.
func TestFailedDownload(t *testing.T) {
	t.Parallel()
	asEach(t, func(t *testing.T, d *downloadTest) {
		d.store.update(func() { d.object = "a,b" }) // of 6 bytes
		d.write(t, "old", "before", 0o640)
		d.run(t, 1, "-o", "old", "--force")
		d.run(t, 1, "-o", "new")
		d.has(t, "old", "before", 0o640)
		d.holds(t, "old")
	})
}

// TestDownloadMeetsFile: a file that appears while the download runs is not replaced.
func TestDownloadMeetsFile(t *testing.T) {
	t.Parallel()
	asEach(t, func(t *testing.T, d *downloadTest) {
		d.store.update(func() { d.sends = func() { d.write(t, "new", "theirs", 0o600) } })
		d.run(t, 2, "-o", "new")
		d.has(t, "new", "theirs", 0o600)
		d.holds(t, "new")
	})
}

// TestDownloadWithoutHardLinks: where link(2) fails, a download works, and replaces no file that appears meanwhile.
func TestDownloadWithoutHardLinks(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs strace, which makes link(2) fail")
	}
	d := newDownload(t, uint32(os.Getuid()))
	run := func(want int) {
		t.Helper()
		c := exec.CommandContext(t.Context(), "strace", "-f", "-o", os.DevNull, "-e", "inject=link,linkat:error=EPERM",
			"signpost", "download", anID)
		c.Dir, c.Env = d.dir, append(cleanEnv(t), "SIGNPOST_URL="+d.service.URL, umask+"="+d.umask)
		said, _ := c.CombinedOutput()
		if strings.Contains(string(said), "ptrace") {
			t.Skipf("needs the right to trace: %s", said)
		}
		if got := c.ProcessState.ExitCode(); got != want {
			t.Errorf("got status %d, want %d: %s", got, want, said)
		}
	}
	run(0)
	d.has(t, "a.csv", "a,b,c\n", 0o644)
	if err := os.Remove(d.path("a.csv")); err != nil {
		t.Fatal(err)
	}
	d.store.update(func() { d.sends = func() { d.write(t, "a.csv", "theirs", 0o600) } })
	run(2)
	d.has(t, "a.csv", "theirs", 0o600)
	d.holds(t, "a.csv")
}

// TestDownloadOfHiddenName: the filename of an import does not make a hidden file, and -o may.
func TestDownloadOfHiddenName(t *testing.T) {
	t.Parallel()
	d := newDownload(t, uint32(os.Getuid()))
	answer := d.service.answer
	d.service.update(func() {
		d.service.answer = func(r *http.Request) (int, any) {
			status, body := answer(r)
			body.(map[string]any)["filename"] = ".bash_aliases"
			return status, body
		}
	})
	d.run(t, 0)
	d.holds(t, "_.bash_aliases")
	d.run(t, 0, "-o", ".bash_aliases")
	d.holds(t, ".bash_aliases", "_.bash_aliases")
}
