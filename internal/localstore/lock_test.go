package localstore_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// tryStart starts a store in dir and closes it again.
func tryStart(t *testing.T, dir string) error {
	t.Helper()
	s, err := localstore.Start(t.Context(), localstore.Options{Dir: dir, Listen: "127.0.0.1:0", Bucket: "uploads"})
	if err != nil {
		return err
	}
	return s.Close()
}

// TestOneProcessPerFolder checks that a second process does not change what the first has in progress.
func TestOneProcessPerFolder(t *testing.T) {
	dir := t.TempDir()
	if err := tryStart(t, dir); err != nil {
		t.Fatal(err)
	}
	other := flock.New(filepath.Join(dir, "lock"))
	if held, err := other.TryLock(); !held {
		t.Fatalf("the lock of a store that was closed: %v", err)
	}
	staged := filepath.Join(dir, "store", "uploads", ".k.sgwtmp.1795366479863743160")
	if err := os.WriteFile(staged, []byte("in progress"), 0o600); err != nil {
		t.Fatal(err)
	}
	var file *fs.PathError
	if err := tryStart(t, dir); !errors.Is(err, localstore.ErrInUse) || !errors.As(err, &file) || file.Path != dir {
		t.Errorf("Start beside another: %v, want ErrInUse of %s", err, dir)
	}
	if _, err := os.Stat(staged); err != nil {
		t.Errorf("staged file of the other store: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tryStart(t, dir); err != nil {
		t.Errorf("Start after the other: %v", err)
	}
}

// TestFailedStartReleasesFolder checks that a failed start does not block the next one.
func TestFailedStartReleasesFolder(t *testing.T) {
	dir := t.TempDir()
	credentials := filepath.Join(dir, "credentials")
	if err := os.WriteFile(credentials, []byte("nothing of use"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tryStart(t, dir); err == nil || errors.Is(err, localstore.ErrInUse) {
		t.Errorf("Start with broken credentials: %v, want another error", err)
	}
	if err := os.Remove(credentials); err != nil {
		t.Fatal(err)
	}
	_, err := localstore.Start(t.Context(), localstore.Options{Dir: dir, Listen: "127.0.0.1:99999", Bucket: "uploads"})
	if err == nil || errors.Is(err, localstore.ErrInUse) {
		t.Errorf("Start on no port: %v, want another error", err)
	}
	if err := tryStart(t, dir); err != nil {
		t.Errorf("Start after both: %v", err)
	}
}

// holdFolder is the variable with the folder for the process that TestLockEndsWithProcess starts.
const holdFolder = "LOCALSTORE_TEST_HOLD"

func TestLockEndsWithProcess(t *testing.T) {
	if dir := os.Getenv(holdFolder); dir != "" {
		start(t, dir)
		os.Stdout.WriteString("at work\n")
		io.Copy(io.Discard, os.Stdin) // until it is killed, or its parent ends
		return
	}
	dir := t.TempDir()
	other := exec.Command(os.Args[0], "-test.run=^TestLockEndsWithProcess$")
	other.Env = append(os.Environ(), holdFolder+"="+dir)
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	said, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Process.Kill()
	if line, err := bufio.NewReader(said).ReadString('\n'); line != "at work\n" {
		t.Fatalf("the other process: got %q, %v", line, err)
	}
	if err := tryStart(t, dir); !errors.Is(err, localstore.ErrInUse) {
		t.Errorf("Start beside another process: %v, want ErrInUse", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	if err := tryStart(t, dir); err != nil {
		t.Errorf("Start after another process was killed: %v", err)
	}
}
