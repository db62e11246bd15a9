package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limit bounds each wait. Most waits take milliseconds, but a machine may be busy.
const limit = 2 * time.Minute

// process is a running signpost serve.
type process struct {
	cmd            *exec.Cmd
	dir            string // SIGNPOST_DATA_DIR; empty: it has no local store
	api            string // base URL
	stdout, stderr *output
	exited         chan struct{}
	err            error // of Wait; read only after exited
}

// start runs signpost serve with these settings only, on a free address unless they name one, and waits until it has
// started. When the test ends, the output of the process is checked.
func start(t *testing.T, settings ...string) *process {
	t.Helper()
	path, err := exec.LookPath("signpost") // where testscript.Main has put it
	if err != nil {
		t.Fatal(err)
	}
	var p *process
	t.Cleanup(func() { // runs after launch's own, when the process has ended
		if p != nil {
			p.checkOutput(t)
		}
	})
	p = launch(t, exec.Command(path, "serve"), append([]string{"SIGNPOST_LISTEN=" + freeAddress(t)}, settings...)...)
	p.awaitStart(t)
	return p
}

// awaitStart waits until p has printed its address.
func (p *process) awaitStart(t *testing.T) {
	t.Helper()
	p.await(t, p.stdout, "greeting", func(s string) bool { return strings.HasSuffix(s, "\n\n") })
	p.api = regexp.MustCompile(` at (https?://\S+)`).FindStringSubmatch(p.stdout.String())[1]
}

// launch starts a program in a clean environment with these variables, and kills it at the end of the test.
func launch(t *testing.T, program *exec.Cmd, env ...string) *process {
	t.Helper()
	p := &process{cmd: program, stdout: newOutput(), stderr: newOutput(), exited: make(chan struct{})}
	p.cmd.Env = append(cleanEnv(t), env...)
	p.cmd.Stdout = p.stdout
	if p.cmd.Stderr == nil {
		p.cmd.Stderr = p.stderr
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.exited
	})
	return p
}

// startLocal runs signpost serve with a local store in dir.
func startLocal(t *testing.T, dir string, settings ...string) *process {
	t.Helper()
	p := start(t, append([]string{"SIGNPOST_DATA_DIR=" + dir, "SIGNPOST_LOCAL_LISTEN=" + freeAddress(t)}, settings...)...)
	p.dir = dir
	return p
}

// settingNames matches the variables that signpost reads.
var settingNames = regexp.MustCompile(`(?i)^(AWS|OTEL|SIGNPOST)_|^HOME=|_PROXY=`)

// cleanEnv returns the environment of the test without the variables that signpost reads.
func cleanEnv(t *testing.T) []string {
	env := []string{"HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true"}
	for _, pair := range os.Environ() {
		if !settingNames.MatchString(pair) {
			env = append(env, pair)
		}
	}
	return env
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("%v: %v", s, err)
	}
}

// wait waits until the process has ended.
func (p *process) wait(t *testing.T) syscall.WaitStatus {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(limit):
		t.Fatalf("still running after %v; stderr:\n%s", limit, p.stderr)
	}
	return p.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// stop sends SIGTERM, and checks the exit status.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	if status := p.wait(t); status.ExitStatus() != 0 {
		t.Fatalf("after SIGTERM: %v, want exit status 0; stderr:\n%s", p.err, p.stderr)
	}
}

// await waits until the output o is as wanted.
func (p *process) await(t *testing.T, o *output, what string, wanted func(string) bool) {
	t.Helper()
	deadline := time.After(limit)
	for {
		text, grew := o.read()
		if wanted(text) {
			return
		}
		select {
		case <-grew:
		case <-p.exited:
			t.Fatalf("process ended before its %s: %v; stderr:\n%s", what, p.err, p.stderr)
		case <-deadline:
			t.Fatalf("no %s in %v; stderr:\n%s", what, limit, p.stderr)
		}
	}
}

// checkOutput checks that stderr has one JSON object per line, and that no output contains a secret.
func (p *process) checkOutput(t *testing.T) {
	written := p.stdout.String() + p.stderr.String()
	secrets := regexp.MustCompile(`(?i)x-amz-signature|signpost_[\w-]{43}|eyJ[\w-]+\.eyJ`)
	if secret := secrets.FindString(written); secret != "" {
		t.Errorf("a signed URL, a key or a token was written: %s in\n%s", secret, written)
	}
	if p.dir != "" {
		if _, secret := p.credentials(t); strings.Contains(written, secret) {
			t.Errorf("the secret key was written:\n%s", written)
		}
	}
	for line := range strings.Lines(p.stderr.String()) {
		if !json.Valid([]byte(line)) || !strings.HasPrefix(line, "{") {
			t.Errorf("line on stderr is no JSON object: %q", line)
		}
	}
}

func (p *process) credentialsFile() string { return filepath.Join(p.dir, "credentials") }

// credentials returns the credentials of the local store.
func (p *process) credentials(t *testing.T) (id, secret string) {
	t.Helper()
	text, err := os.ReadFile(p.credentialsFile())
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`id = (\S+)\n.* = (\S+)\n`).FindStringSubmatch(string(text))
	return found[1], found[2]
}

// store returns the base URL of the store in signed URLs.
func (p *process) store(t *testing.T) string {
	t.Helper()
	signed := p.createUntracked(t)
	return signed.Scheme + "://" + signed.Host
}

// freeAddress returns an unused address. Its IP address is a random one of the loopback network, so that parallel tests
// leave the port free until it is used, and while a process restarts. A system with one loopback address only has less
// protection.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.N(254), rand.N(256), 1+rand.N(254)))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// sameAddresses returns the settings that start p again on the same addresses.
func (p *process) sameAddresses(t *testing.T) []string {
	return []string{"SIGNPOST_LISTEN=" + hostOf(t, p.api), "SIGNPOST_LOCAL_LISTEN=" + hostOf(t, p.store(t))}
}

// needs skips the test on machines without one of the programs. In CI the test fails.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") != "" {
			t.Fatal(err)
		} else if err != nil {
			t.Skip(err)
		}
	}
}

func hostOf(t *testing.T, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// web keeps no connections, because processes restart.
var web = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
