package main

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// downloadTest is a completed import of the 6 bytes "a,b,c\n", and the folder and user of the command that downloads
// it.
type downloadTest struct {
	service *hostileServer
	store   *hostileServer
	dir     string
	uid     uint32
	umask   string // of the command, in octal
	sends   func() // called before the store answers
	object  string
}

// unprivileged is the user of tests that must not run as root.
const unprivileged = 65534

// asEach runs f as another user and, if the test runs as root, as root, in a folder that belongs to the user.
func asEach(t *testing.T, f func(t *testing.T, d *downloadTest)) {
	t.Helper()
	for who, uid := range map[string]uint32{"root": 0, "user": unprivileged} {
		t.Run(who, func(t *testing.T) {
			if os.Getuid() != 0 {
				if uid == 0 {
					t.Skip("needs root")
				}
				uid = uint32(os.Getuid())
			}
			f(t, newDownload(t, uid))
		})
	}
}

func newDownload(t *testing.T, uid uint32) *downloadTest {
	t.Helper()
	d := &downloadTest{dir: t.TempDir(), uid: uid, umask: "022", sends: func() {}, object: "a,b,c\n"}
	if err := os.Chmod(filepath.Dir(d.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	d.own(t, d.dir)
	d.store = newHostileServer(t, func(*http.Request) (int, any) {
		d.sends()
		return 200, d.object
	})
	d.service = newHostileServer(t, func(*http.Request) (int, any) {
		return 200, map[string]any{"id": anID, "status": "completed", "filename": "a.csv", "size": 6,
			"download_url": d.store.URL + "/get"}
	})
	return d
}

func (d *downloadTest) own(t *testing.T, path string) {
	t.Helper()
	if err := os.Lchown(path, int(d.uid), int(d.uid)); err != nil {
		t.Fatal(err)
	}
}

func (d *downloadTest) path(name string) string { return filepath.Join(d.dir, name) }

// write makes a file of the user with exactly this mode.
func (d *downloadTest) write(t *testing.T, name, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(d.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	d.own(t, d.path(name))
	if err := os.Chmod(d.path(name), mode); err != nil {
		t.Fatal(err)
	}
}

func (d *downloadTest) link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, d.path(name)); err != nil {
		t.Fatal(err)
	}
	d.own(t, d.path(name))
}

// run downloads with these flags, as the user. It expects the exit status want.
func (d *downloadTest) run(t *testing.T, want int, flags ...string) (stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, "/proc/self/exe") // which the user can run, in whatever folder it is
	c.Args = append([]string{"signpost", "download", anID}, flags...)
	c.Dir = d.dir
	c.Env = append(cleanEnv(t), "SIGNPOST_URL="+d.service.URL, umask+"="+d.umask)
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: d.uid, Gid: d.uid}}
	}
	said, _ := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != want {
		t.Errorf("download %q: got status %d, want %d: %s", flags, got, want, said)
	}
	return string(said)
}

// has checks a file's content and mode, links not followed.
func (d *downloadTest) has(t *testing.T, name, content string, mode fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(d.path(name))
	if err != nil {
		t.Error(err)
		return
	}
	if info.Mode() != mode {
		t.Errorf("%s: got mode %v, want %v", name, info.Mode(), mode)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != d.uid {
		t.Errorf("%s: got owner %d, want %d", name, uid, d.uid)
	}
	if body, err := os.ReadFile(d.path(name)); err != nil || string(body) != content {
		t.Errorf("%s: got %q, %v, want %q", name, body, err, content)
	}
}

// holds checks the names in the folder.
func (d *downloadTest) holds(t *testing.T, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, names) {
		t.Errorf("the folder: got %q, want %q", got, names)
	}
}
