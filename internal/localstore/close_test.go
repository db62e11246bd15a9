package localstore_test

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/localstore"
)

func TestOneStorePerProcess(t *testing.T) {
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir())
	other, err := localstore.Start(t.Context(), localstore.Options{
		Dir: t.TempDir(), Listen: "127.0.0.1:0", Bucket: "uploads",
	})
	if err == nil {
		other.Close()
		t.Error("a second store started beside the first")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Errorf("Err after Close = %v", err)
	}
	if after, _ := os.Getwd(); after != before {
		t.Errorf("working directory after Close = %s, want %s", after, before)
	}
}

// TestCloseCutsStalledRequests checks that a stalled client does not delay Close beyond its limit, and stores nothing.
func TestCloseCutsStalledRequests(t *testing.T) {
	dir := t.TempDir()
	s, err := localstore.Start(t.Context(), localstore.Options{Dir: dir, Listen: "127.0.0.1:0", Bucket: "uploads"})
	if err != nil {
		t.Fatal(err)
	}
	s.SetDrainLimit(100 * time.Millisecond)
	conn := sendHead(t, s, presign(t, s, "PUT", "stalled", time.Now()), 64<<20)
	defer conn.Close()
	if _, err := conn.Write(make([]byte, 32<<20)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Close = %v, want that requests were cut off", err)
	}
	again, err := localstore.Start(t.Context(), localstore.Options{Dir: dir, Listen: "127.0.0.1:0", Bucket: "uploads"})
	if err != nil {
		t.Fatalf("Start again: %v", err)
	}
	defer again.Close()
	if _, ok := stored(t, again, "stalled"); ok {
		t.Error("half an object was stored")
	}
}

// TestCloseLetsRequestsFinish checks that an upload in progress when Close is called is still stored.
func TestCloseLetsRequestsFinish(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	req := presign(t, s, "PUT", "late", time.Now())
	const half = 32 << 20 // exceeds socket buffers: once it is sent, the store has read from it
	conn := sendHead(t, s, req, 2*half)
	defer conn.Close()
	if _, err := conn.Write(make([]byte, half)); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for status := 0; status != http.StatusServiceUnavailable; { // until new requests are rejected
		status, _, _ = send(t, presign(t, s, "HEAD", "other", time.Now()))
	}
	if _, err := conn.Write(make([]byte, half)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("answer = %v, %v, want 200", resp, err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if got, _ := stored(t, start(t, dir), "late"); len(got) != 2*half {
		t.Errorf("stored %d bytes, want %d", len(got), 2*half)
	}
}
