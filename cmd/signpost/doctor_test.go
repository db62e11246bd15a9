package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// doctor returns signpost doctor for the store of p at another address.
func (p *process) doctor(t *testing.T, endpoint string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "doctor")
	cmd.Env = append(cleanEnv(t), "SIGNPOST_BUCKET="+localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3="+endpoint, "AWS_SHARED_CREDENTIALS_FILE="+p.credentialsFile())
	return cmd
}

// wantNoScratch checks that the store has no objects or parts of the doctor.
func (p *process) wantNoScratch(t *testing.T) {
	t.Helper()
	bucket := filepath.Join(p.dir, "store", localBucket)
	for _, pattern := range []string{"imports/doctor/*", "jobs/doctor/*", ".sgwtmp/multipart/*/*"} {
		left, err := filepath.Glob(filepath.Join(bucket, pattern))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
}

// TestDoctorClock: the store's clock is wrong. A proxy changes the Date of its responses.
func TestDoctorClock(t *testing.T) {
	slowTest(t)
	p := startLocal(t, t.TempDir())
	store, err := url.Parse(p.store(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		ahead         time.Duration
		status        int
		row, together string
	}{
		{"right", 0, 0, "pass  clock               same as the store's\n",
			"18 passed, 1 warned, 0 failed, 1 skipped\n"},
		{"two minutes ahead", 2 * time.Minute, 0, "warn  clock               2m behind the store's, so signed",
			"17 passed, 2 warned, 0 failed, 1 skipped\n"},
		{"two minutes behind", -2 * time.Minute, 0, "warn  clock               2m ahead of the store's, so signed",
			"17 passed, 2 warned, 0 failed, 1 skipped\n"},
		{"twenty minutes ahead", 20 * time.Minute, 1, "FAIL  clock               20m behind the store's; the store",
			"3 passed, 0 warned, 1 failed, 16 skipped\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy := httptest.NewServer(&httputil.ReverseProxy{
				Rewrite: func(r *httputil.ProxyRequest) {
					r.SetURL(store)
					r.Out.Host = r.In.Host // which is signed
				},
				ModifyResponse: func(r *http.Response) error {
					r.Header.Set("Date", time.Now().Add(c.ahead+time.Second/2).UTC().Format(http.TimeFormat))
					return nil
				},
			})
			defer proxy.Close()
			cmd := p.doctor(t, proxy.URL)
			out, _ := cmd.Output()
			text := strings.NewReplacer("1m59s", "2m", "2m1s", "2m", "19m59s", "20m", "20m1s",
				"20m").Replace(string(out)) // whole seconds
			if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(text, c.row) ||
				!strings.HasSuffix(text, "\n\n"+c.together) {
				t.Errorf("got status %d and\n%swant status %d, %q and %q", got, out, c.status, c.row, c.together)
			}
		})
	}
	p.wantNoScratch(t)
}

// TestDoctorInterrupted: SIGINT ends the checks soon, and the command removes its objects and reports the interrupt.
func TestDoctorInterrupted(t *testing.T) {
	slowTest(t)
	p := startLocal(t, t.TempDir())
	store, err := url.Parse(p.store(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"PUT /signpost/jobs/doctor/", "HEAD /signpost/imports/doctor/",
		"POST /signpost/imports/doctor/", "GET /signpost/imports/doctor/"} {
		t.Run(at, func(t *testing.T) {
			var cmd *exec.Cmd
			var once sync.Once // a second interrupt ends the process at once
			started := make(chan struct{})
			forward := httputil.NewSingleHostReverseProxy(store)
			forward.ErrorLog = log.New(io.Discard, "", 0) // clients that go away are the point
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.Method+" "+r.URL.Path, at) {
					<-started
					once.Do(func() { cmd.Process.Signal(os.Interrupt) })
				}
				forward.ServeHTTP(w, r)
			}))
			defer proxy.Close()
			cmd = p.doctor(t, proxy.URL)
			stdout, stderr := newOutput(), newOutput()
			cmd.Stdout, cmd.Stderr = stdout, stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			close(started)
			stuck := time.AfterFunc(limit, func() { cmd.Process.Kill() })
			defer stuck.Stop()
			cmd.Wait()
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if status.ExitStatus() != 1 || stderr.String() != "signpost: interrupted\n" ||
				!strings.Contains(stdout.String(), "skip  leftovers           interrupted\n") {
				t.Errorf("got %v, stderr %q and\n%s\nwant exit status 1, and to be told", cmd.ProcessState, stderr, stdout)
			}
		})
	}
	p.wantNoScratch(t)
}
