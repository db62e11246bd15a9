package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// largeSize returns SIGNPOST_TEST_LARGE in bytes. Without it, the test is skipped.
func largeSize(t *testing.T) int64 {
	t.Helper()
	gibibytes, err := strconv.ParseInt(os.Getenv("SIGNPOST_TEST_LARGE"), 10, 64)
	if err != nil {
		t.Skip("set SIGNPOST_TEST_LARGE to the GiB to send, at most 5")
	}
	return gibibytes << 30
}

// sparseFile creates a sparse file with this size in bytes.
func sparseFile(t *testing.T, size int64) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sparse")
	if err := os.WriteFile(path, []byte("sparse"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMemory sends SIGNPOST_TEST_LARGE GiB to the URL of an untracked import with curl. The memory of the process, API
// and local store, does not grow.
func TestMemory(t *testing.T) {
	size, most := largeSize(t), 100<<10 // bytes, and kB
	big := sparseFile(t, size)
	p := startLocal(t, filepath.Join(t.TempDir(), "data"))
	curl := exec.Command("curl", "-fsS", "--upload-file", big, p.createUntracked(t).String())
	if said, err := curl.CombinedOutput(); err != nil {
		t.Fatalf("curl: %v: %s", err, said)
	}
	stored, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "public", "*"))
	if err != nil || len(stored) != 1 {
		t.Fatalf("stored: got %q, %v, want one file", stored, err)
	}
	if info, err := os.Stat(stored[0]); err != nil || info.Size() != size {
		t.Errorf("stored: got %v, %v, want %d bytes", info, err, size)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip(err) // no such figures on this system
	}
	peak, err := strconv.Atoi(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(string(status))[1])
	if err != nil || peak > most {
		t.Errorf("memory: got a peak of %d kB, %v, want at most %d", peak, err, most)
	}
	t.Logf("peak memory %d kB", peak)
}

// TestManyParts uploads 1,000 parts of 5 MiB, and 12 GiB with the default settings. The store writes each byte at most
// twice: to a part and to the object.
func TestManyParts(t *testing.T) {
	largeSize(t)
	for name, c := range map[string]struct {
		size  int64
		flags []string
	}{
		"1,000 parts": {1000 * 5 * mib, []string{"--part-size", "5MiB"}},
		"12 GiB":      {12 << 30, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := startLocal(t, filepath.Join(t.TempDir(), "data"))
			signpost(t, append([]string{"upload", "--server", p.api, sparseFile(t, c.size)}, c.flags...)...)
			stored, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "public", "*"))
			if err != nil || len(stored) != 1 {
				t.Fatalf("stored: got %q, %v, want one file", stored, err)
			}
			if info, err := os.Stat(stored[0]); err != nil || info.Size() != c.size {
				t.Errorf("stored: got %v, %v, want %d bytes", info, err, c.size)
			}
			counters, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid))
			if err != nil {
				t.Skip(err) // no such figures on this system
			}
			written, err := strconv.ParseInt(regexp.MustCompile(`\nwchar: (\d+)`).FindStringSubmatch(string(counters))[1], 10,
				64)
			if err != nil || written > 2*c.size+c.size/10 {
				t.Errorf("the store wrote %d bytes, %v, want at most twice %d", written, err, c.size)
			}
		})
	}
}
