package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDownloadIntoSharedFolder: in a folder like /tmp, the file at the target's name may be another user's. Such a link
// does not lead the download to a file of the victim, and such a pipe or file does not get its content.
func TestDownloadIntoSharedFolder(t *testing.T) {
	slowTest(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to make files of another user")
	}
	asEach(t, func(t *testing.T, victim *downloadTest) {
		victim.write(t, "secret", "before", 0o600)
		shared := filepath.Join(filepath.Dir(victim.dir), "shared")
		if err := os.Mkdir(shared, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(shared, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
		attacker := &downloadTest{dir: shared, uid: 1234}
		attacker.link(t, victim.path("secret"), "link")
		attacker.link(t, victim.path("new"), "dangling")
		attacker.write(t, "file", "before", 0o666)
		if err := syscall.Mkfifo(attacker.path("pipe"), 0o622); err != nil {
			t.Fatal(err)
		}
		attacker.own(t, attacker.path("pipe"))
		if err := os.Chmod(attacker.path("pipe"), 0o622); err != nil {
			t.Fatal(err)
		}
		reader, err := os.OpenFile(attacker.path("pipe"), os.O_RDWR, 0) // opens without a writer, and so lets one open it
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		victim.link(t, attacker.path("link"), "indirect")

		for _, name := range []string{attacker.path("link"), attacker.path("dangling"), attacker.path("file"),
			attacker.path("pipe"),
			"indirect"} {
			if said := victim.run(t, 1, "-o", name, "--force"); !strings.Contains(said, "belongs to another user") {
				t.Errorf("download -o %s: got %s", name, said)
			}
		}
		victim.run(t, 1, "-o", attacker.path("pipe"))
		victim.has(t, "secret", "before", 0o600)
		attacker.has(t, "file", "before", 0o666)
		victim.holds(t, "indirect", "secret")
		if err := reader.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		if n, err := reader.Read(make([]byte, 9)); n != 0 {
			t.Errorf("the pipe got %d bytes, %v, want none", n, err)
		}

		own := *victim
		own.dir = shared
		own.write(t, "own", "before", 0o600)
		victim.run(t, 0, "-o", own.path("own"), "--force")
		own.has(t, "own", "a,b,c\n", 0o600)
	})
}
