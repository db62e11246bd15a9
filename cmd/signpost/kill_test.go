package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// distinctParts creates a sparse file whose parts all differ.
func distinctParts(t *testing.T, size int64) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for offset := int64(0); offset < size; offset += 1 << 20 {
		if _, err := fmt.Fprintf(io.NewOffsetWriter(f, offset), "%d", min(offset, size)); err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

// sameFiles compares the files at two paths.
func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	g, err := os.Open(got)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	w, err := os.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := int64(0); ; at += 1 << 20 {
		n, errG := io.ReadFull(g, a)
		m, errW := io.ReadFull(w, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			t.Fatalf("stored: differs from the file after %d bytes", at)
		}
		if errG != nil || errW != nil {
			return
		}
	}
}

// TestKilled kills the upload, the service and the store at random points. The stored object is the file, and only
// parts in progress at a kill are sent again.
func TestKilled(t *testing.T) {
	slowTest(t)
	size, partSize, kills := int64(60<<20), int64(5<<20), 5
	if gibibytes, _ := strconv.ParseInt(os.Getenv("SIGNPOST_TEST_LARGE"), 10, 64); gibibytes >= 10 {
		size, partSize, kills = gibibytes<<30, 16<<20, 8
	}
	parts := int((size + partSize - 1) / partSize)
	const most = 64 << 10 // kB
	for _, c := range []struct {
		name   string
		victim string
		kills  int
		bad    bool
	}{
		{"upload", "upload", kills, false},
		{"upload, over a bad network", "upload", kills - 2, true},
		{"service", "service", 3, false},
		{"store", "store", 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, begun := distinctParts(t, size), time.Now()
			store := startLocal(t, t.TempDir())
			storeAgain := store.sameAddresses(t)
			proxy := newStoreProxy(t, store.store(t))
			proxy.bad = c.bad
			settings := []string{"SIGNPOST_BUCKET=" + localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
				"AWS_ENDPOINT_URL_S3=" + store.store(t), "AWS_SHARED_CREDENTIALS_FILE=" + store.credentialsFile(),
				"SIGNPOST_PUBLIC_ENDPOINT=" + proxy.URL}
			service := start(t, settings...)
			settings = append(settings, "SIGNPOST_LISTEN="+hostOf(t, service.api))
			env := append(cleanEnv(t), "XDG_CACHE_HOME="+t.TempDir(), "SIGNPOST_URL="+service.api)

			var upload *exec.Cmd
			var ended chan struct{}
			var output bytes.Buffer
			run := func() {
				output.Reset()
				upload, ended = exec.Command("signpost", "upload", "--quiet", "--part-size", strconv.FormatInt(partSize, 10), path),
					make(chan struct{})
				upload.Env, upload.Stdout, upload.Stderr = env, &output, &output
				if err := upload.Start(); err != nil {
					t.Fatal(err)
				}
				proxy.mu.Lock()
				proxy.pid = upload.Process.Pid
				proxy.mu.Unlock()
				go func() {
					upload.Wait()
					close(ended)
				}()
			}
			proxy.admit(math.MaxInt)
			first, share := 0, parts/(c.kills+1)
			if c.victim == "upload" {
				proxy.admit(share)
			}
			run()
			defer func() {
				proxy.admit(0)
				upload.Process.Kill()
				<-ended
			}()
			for kill := range c.kills {
				switch n := rand.IntN(share + 1); {
				case c.victim != "upload":
					proxy.await(0, kill*share+n, ended)
				case n > 0:
					proxy.await(first, n, ended)
				default: // before the first request, or during it
					time.Sleep(rand.N(50 * time.Millisecond))
				}
				select {
				case <-ended:
					t.Fatalf("the upload ended before kill %d: %v\n%s", kill+1, upload.ProcessState, &output)
				default:
				}
				switch c.victim {
				case "upload":
					upload.Process.Kill()
					<-ended
					first = proxy.lose()
					if proxy.admit(share); kill == c.kills-1 {
						proxy.admit(math.MaxInt)
					}
					run()
				case "service":
					service.signal(t, syscall.SIGKILL)
					service.wait(t)
					service = start(t, settings...)
				case "store":
					store.signal(t, syscall.SIGKILL)
					store.wait(t)
					store = startLocal(t, store.dir, storeAgain...)
				}
			}
			<-ended
			if !upload.ProcessState.Success() {
				t.Fatalf("the last run: %v\n%s", upload.ProcessState, &output)
			}
			stored, err := filepath.Glob(filepath.Join(store.dir, "store", localBucket, "imports", "public", "*"))
			if err != nil || len(stored) != 1 {
				t.Fatalf("stored: got %q, %v, want one file", stored, err)
			}
			sameFiles(t, stored[0], path)
			sent, _ := proxy.sum(t, parts)
			if !raceEnabled && proxy.peak > most {
				t.Errorf("memory: got a peak of %d kB, want at most %d", proxy.peak, most)
			}
			t.Logf("%d kills, %d parts, sent %d, peak memory %d kB, %v", c.kills, parts, sent, proxy.peak,
				time.Since(begun).Round(time.Millisecond))
		})
	}
}
