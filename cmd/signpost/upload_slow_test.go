package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/testing/slowline"
)

// TestInterruptedOnSlowLine: an interrupt keeps all bytes that the progress reported, and the next run sends the rest.
func TestInterruptedOnSlowLine(t *testing.T) {
	slowTest(t)
	const size = 40 << 20
	store, home, file := startLocal(t, t.TempDir()), t.TempDir(), distinctParts(t, size)
	l, err := slowline.Start(store.store(t), 10<<20, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := start(t, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"SIGNPOST_PUBLIC_ENDPOINT="+l.URL, "AWS_ENDPOINT_URL_S3="+store.store(t),
		"AWS_SHARED_CREDENTIALS_FILE="+store.credentialsFile())
	first := p.runs(t, home, "upload", "--json", file)
	progress := regexp.MustCompile(`"event":"progress".*"bytes":(\d{7,}),`)
	first.await(t, first.stdout, "first part", progress.MatchString)
	reported, err := strconv.ParseInt(progress.FindStringSubmatch(first.stdout.String())[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	first.signal(t, syscall.SIGINT)
	if status := first.wait(t); status.ExitStatus() != 130 {
		t.Fatalf("after SIGINT: got status %d, want 130\n%s", status.ExitStatus(), first.stderr)
	}
	lines := strings.Split(strings.TrimSpace(first.stdout.String()), "\n")
	var last struct {
		Event, ID      string
		Bytes, Sending int64
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	var list struct{ Parts []struct{ Size int64 } }
	status, _, body := p.do(t, "GET", "/import/"+last.ID+"/parts", "")
	if err := json.Unmarshal(body, &list); err != nil || status != 200 {
		t.Fatalf("parts: got %d, %v", status, err)
	}
	var kept int64
	for _, part := range list.Parts {
		kept += part.Size
	}
	if last.Event != "failed" || last.Bytes != kept || last.Sending != 0 || kept < reported {
		t.Errorf("after SIGINT: the store has %d bytes, want those of the last event, and at least %d; got %+v", kept, reported, last)
	}
	before := l.Sent()
	second := p.runs(t, home, "upload", file)
	second.wait(t)
	if want := fmt.Sprintf("uploaded %s as %s (40 MiB", file, last.ID); !strings.HasPrefix(second.stdout.String(), want) {
		t.Errorf("again: got %q, want %q and the time\n%s", second.stdout, want, second.stderr)
	}
	if sent, rest := l.Sent()-before, size-kept; sent < rest || sent > rest+64<<10 {
		t.Errorf("again: sent %d bytes, want %d and headers", sent, rest)
	}
}

// TestLimitRateOfSmallFiles: a low rate is not shared by many connections, which stores would close as idle.
func TestLimitRateOfSmallFiles(t *testing.T) {
	slowTest(t)
	p, dir := startLocal(t, t.TempDir()), t.TempDir()
	for n := range 4 {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(n)), make([]byte, 100<<10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u := p.runs(t, t.TempDir(), "upload", "--json", "--limit-rate", "1MiB", "--recursive", dir)
	u.wait(t)
	events := regexp.MustCompile(`"event":"(started|completed)"`).FindAllStringSubmatch(u.stdout.String(), -1)
	var got []string
	for _, e := range events {
		got = append(got, e[1])
	}
	if want := slices.Repeat([]string{"started", "completed"}, 4); !slices.Equal(got, want) {
		t.Errorf("events: got %q, want one file after the other", got)
	}
}
