package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestFullDisk: on a full disk reads go on, writes are refused with store-full, and DELETE makes room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", dir).CombinedOutput(); err != nil && os.Getenv("CI") != "" {
		t.Fatalf("mount: %v: %s", err, out)
	} else if err != nil {
		t.Skipf("the full disk is not tried: mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	p := startLocal(t, dir)
	job, late := p.create(t), p.create(t)
	upload(t, *job.UploadURL, make([]byte, 10<<20))
	p.wantStatus(t, *job.ID, client.JobStatusCompleted)
	upload(t, *late.UploadURL, []byte("arrived before the disk was full"))
	p.wantStatus(t, *late.ID, client.JobStatusCompleted)
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
	eventually := func(status int, code string) {
		t.Helper()
		for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
			got, _, answer := p.do(t, "GET", "/readyz", "")
			if got == status && strings.Contains(string(answer), code) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("GET /readyz: got %d %s, want %d %s", got, answer, status, code)
			}
		}
	}
	for range 15 { // more refusals than open the circuit
		expect("POST", "/import", "{}", http.StatusInsufficientStorage, "store-full")
	}
	expect("POST", "/import", `{"mode":"multipart","size":5}`, http.StatusInsufficientStorage, "store-full")
	expect("POST", "/import", "", http.StatusOK, "")
	expect("GET", "/import/"+*job.ID, "", http.StatusOK, "")
	expect("GET", "/import", "", http.StatusOK, "")
	eventually(http.StatusServiceUnavailable, "store-full")
	expect("DELETE", "/import/"+*job.ID, "", http.StatusNoContent, "")
	expect("POST", "/import", "{}", http.StatusOK, "")
	eventually(http.StatusOK, "ok")
	p.wantStatus(t, *job.ID, client.JobStatusAborted)
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
