package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestFullDisk: on a full disk the server is ready, reads succeed, writes fail with store-full, and DELETE frees space.
func TestFullDisk(t *testing.T) {
	slowTest(t)
	dir := smallDisk(t, "16m")
	p := startLocal(t, dir)
	job, late := p.create(t), p.create(t)
	upload(t, job.UploadURL, make([]byte, 10<<20))
	p.wantStatus(t, job.ID, client.ImportStatusCompleted)
	upload(t, late.UploadURL, []byte("arrived before the disk was full"))
	p.wantStatus(t, late.ID, client.ImportStatusCompleted)
	fill(t, filepath.Join(dir, "filler"))

	expect := func(method, path, body string, status int, code string) {
		t.Helper()
		got, _, answer := p.do(t, method, path, body)
		var problem struct{ Code string }
		_ = json.Unmarshal([]byte(answer), &problem)
		if got != status || problem.Code != code {
			t.Errorf("%s %s: got %d %s, want %d %s", method, path, got, answer, status, code)
		}
	}
	for range 15 { // more refusals than open the circuit
		expect("POST", "/import", "{}", http.StatusInsufficientStorage, "store-full")
	}
	expect("POST", "/import", `{"mode":"multipart","size":5}`, http.StatusInsufficientStorage, "store-full")
	expect("POST", "/import", "", http.StatusOK, "")
	expect("GET", "/import/"+job.ID, "", http.StatusOK, "")
	expect("GET", "/import", "", http.StatusOK, "")
	expect("GET", "/readyz", "", http.StatusOK, "")
	expect("DELETE", "/import/"+job.ID, "", http.StatusNoContent, "")
	expect("POST", "/import", "{}", http.StatusCreated, "")
	p.wantStatus(t, job.ID, client.ImportStatusAborted)
}

// smallDisk mounts a tmpfs of that size.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput()
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("mount: %v: %s", err, out)
	} else if err != nil {
		t.Skipf("the full disk is not tried: mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// TestUploadToFullDisk: signpost upload does not retry when the store is full, says what to do, and resumes once there
// is space. The store keeps complete parts only.
func TestUploadToFullDisk(t *testing.T) {
	slowTest(t)
	dir := smallDisk(t, "100m")
	p := startLocal(t, dir)
	program, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	env := append(cleanEnv(t), "SIGNPOST_URL="+p.api, "XDG_CACHE_HOME="+t.TempDir())
	upload := func(args ...string) (said string, err error) {
		command := exec.Command(program, append([]string{"upload"}, args...)...)
		command.Env = env
		output, err := command.CombinedOutput()
		return string(output), err
	}
	big, content := randomFile(t, "big.bin", 30*mib+1)
	small, _ := randomFile(t, "small.bin", 6*mib)
	inParts := []string{"--part-size", "5MiB", big}
	for _, c := range []struct {
		name  string
		space int64 // bytes that are free
		args  []string
		said  string
	}{
		{"some parts fit", 12 * mib, inParts, "the store returned 507 InsufficientStorage"},
		{"all parts fit, and the object does not", 35 * mib, inParts, "complete: the service returned 507 store-full"},
		{"one request does not fit", 3 * mib, []string{small}, "the store returned 507 InsufficientStorage"},
		{"no record fits", 0, []string{small}, "create import: the service returned 507 store-full"},
	} {
		p.fillBut(t, filepath.Join(dir, "filler"), c.space)
		said, err := upload(c.args...)
		if err == nil || !strings.Contains(said, c.said) || !strings.Contains(said, "-> free space in the store") {
			t.Errorf("%s: got %v, want %q and advice; it said:\n%s", c.name, err, c.said, said)
		}
		if strings.Contains(said, "retrying") {
			t.Errorf("%s: the refused request was sent again:\n%s", c.name, said)
		}
		if strings.Contains(said, "same command") {
			t.Errorf("%s: the advice is to repeat what fails:\n%s", c.name, said)
		}
		p.wantNoPartialFiles(t)
	}
	p.fillBut(t, filepath.Join(dir, "filler"), 100*mib)
	said, err := upload(inParts...)
	found := regexp.MustCompile(`uploaded \S+ as (\S+) `).FindStringSubmatch(said)
	if err != nil || found == nil || !strings.Contains(said, "30.0 MiB of 30.0 MiB already uploaded") {
		t.Fatalf("once there is space: got %v, want all parts kept; it said:\n%s", err, said)
	}
	p.holds(t, found[1], content)
	if said, err := upload(small); err != nil {
		t.Errorf("once there is space: got %v:\n%s", err, said)
	}
	p.wantNoPartialFiles(t)
}

// fillBut fills the disk of p except for this number of bytes.
func (p *process) fillBut(t *testing.T, filler string, space int64) {
	t.Helper()
	fill(t, filler)
	info, err := os.Stat(filler)
	if err == nil {
		err = os.Truncate(filler, max(0, info.Size()-space))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wantNoPartialFiles checks that all files of the store are objects, or parts of 5 MiB or of the last byte.
func (p *process) wantNoPartialFiles(t *testing.T) {
	t.Helper()
	root := filepath.Join(p.dir, "store", localBucket)
	known := regexp.MustCompile(`^(imports|jobs|idem)/public/[0-9a-f]+[-0-9a-f]*(\.json)?$|^sweep/[a-z]+\.json$`)
	part := regexp.MustCompile(`^\.sgwtmp/multipart/[0-9a-f]+/[-0-9a-f]+/\d+$`)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		whole := err == nil && (info.Size() == 5*mib || info.Size() == 1)
		if !known.MatchString(name) && !(part.MatchString(name) && whole) {
			t.Errorf("the store has %s, %v", name, info)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// fill writes to path until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}
