package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// slowLine forwards connections to the store. All of them share its rate, and each has its latency.
type slowLine struct {
	url   string
	bytes atomic.Int64 // that clients sent
}

// newSlowLine starts a line to the store at target that carries bytesPerSecond to it, with this round-trip time.
func newSlowLine(t *testing.T, target string, bytesPerSecond float64, latency time.Duration) *slowLine {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l := &slowLine{url: "http://" + listener.Addr().String()}
	limit := rate.NewLimiter(rate.Limit(bytesPerSecond), 128<<10)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			client.(*net.TCPConn).SetReadBuffer(64 << 10) // otherwise it holds megabytes
			store, err := net.Dial("tcp", u.Host)
			if err != nil {
				client.Close()
				continue
			}
			go forward(store, client, latency/2, func(n int) {
				l.bytes.Add(int64(n))
				_ = limit.WaitN(context.Background(), n)
			})
			go forward(client, store, latency/2, func(int) {})
		}
	}()
	return l
}

// forward copies from one connection to the other, and closes both at the end. The bytes arrive after delay.
func forward(to, from net.Conn, delay time.Duration, passed func(n int)) {
	defer to.Close()
	defer from.Close()
	type chunk struct {
		bytes []byte
		at    time.Time // of the arrival
	}
	arriving := make(chan chunk, 1000)
	go func() {
		defer close(arriving)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			passed(n)
			arriving <- chunk{buffer[:n], time.Now().Add(delay)}
			if err != nil {
				return
			}
		}
	}()
	for c := range arriving {
		time.Sleep(time.Until(c.at)) // the latency that the test is about
		if _, err := to.Write(c.bytes); err != nil {
			from.Close() // ends the reader
		}
	}
}

// TestInterruptedOnSlowLine: an interrupt keeps all bytes that the progress reported, and the next run sends the rest.
func TestInterruptedOnSlowLine(t *testing.T) {
	slowTest(t)
	const size = 40 << 20
	store, home, file := startLocal(t, t.TempDir()), t.TempDir(), distinctParts(t, size)
	l := newSlowLine(t, store.store(t), 10<<20, 100*time.Millisecond)
	p := start(t, "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"SIGNPOST_PUBLIC_ENDPOINT="+l.url, "AWS_ENDPOINT_URL_S3="+store.store(t),
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
	before := l.bytes.Load()
	second := p.runs(t, home, "upload", file)
	second.wait(t)
	if want := fmt.Sprintf("uploaded %s as %s (40 MiB)\n", file, last.ID); second.stdout.String() != want {
		t.Errorf("again: got %q, want %q\n%s", second.stdout, want, second.stderr)
	}
	if sent, rest := l.bytes.Load()-before, size-kept; sent < rest || sent > rest+64<<10 {
		t.Errorf("again: sent %d bytes, want %d and headers", sent, rest)
	}
}
