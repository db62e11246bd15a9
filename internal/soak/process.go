//go:build unix

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// readyLimit is how long a process may take to start, and pollEvery how often that is looked at.
	readyLimit = 30 * time.Second
	pollEvery  = 20 * time.Millisecond
	// endLimit is how long one may take to end in order: its own limit is 20 s, a store's 15 s.
	endLimit = 40 * time.Second
)

// process is one signpost serve at one address. However often it is started anew, to its clients it is the same.
type process struct {
	name    string
	address string // host:port of its API
	env     []string
	log     string
	metrics string // host:port of its metrics
	away    away
	command *exec.Cmd
	exited  chan struct{}
}

// start returns once the process is ready.
func (p *process) start(binary string) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.command, p.exited = exec.Command(binary, "serve"), make(chan struct{})
	p.command.Env = append(cleanEnv(), p.env...)
	p.command.Stderr = log
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the soak to pass on
	if err := p.command.Start(); err != nil {
		return err
	}
	go func() {
		_ = p.command.Wait() // end looks at the state
		close(p.exited)
	}()
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: readyLimit}
	for deadline := time.Now().Add(readyLimit); time.Now().Before(deadline); time.Sleep(pollEvery) {
		select {
		case <-p.exited:
			return fmt.Errorf("%s: %v at its start; see %s", p.name, p.command.ProcessState, p.log)
		default:
		}
		if response, err := web.Get("http://" + p.address + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				p.away.ends()
				return nil
			}
		}
	}
	return fmt.Errorf("%s: not ready after %v; see %s", p.name, readyLimit, p.log)
}

// end signals the process and waits for its end. Where it was asked to stop, it must do so in order.
func (p *process) end(s syscall.Signal) error {
	if p.command == nil || p.command.Process == nil {
		return nil
	}
	p.away.begins()
	_ = syscall.Kill(-p.command.Process.Pid, s) // which may have ended by itself
	select {
	case <-p.exited:
	case <-time.After(endLimit):
		_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
		<-p.exited
		return fmt.Errorf("%s: still running %v after %v", p.name, endLimit, s)
	}
	if s == syscall.SIGTERM && !p.command.ProcessState.Success() {
		return fmt.Errorf("%s: %v after %v", p.name, p.command.ProcessState, s)
	}
	return nil
}

// cleanEnv is the environment without what changes the program or the SDK.
func cleanEnv() []string {
	env := []string{"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_REGION=us-east-1"}
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "SIGNPOST_") &&
			!strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			env = append(env, pair)
		}
	}
	return env
}

// stopAll ends every process: the servers in order, then the store, then by force what is left.
func (s *soak) stopAll() {
	for _, p := range []*process{s.servers[0], s.servers[1], s.store} {
		if p.command == nil {
			continue
		}
		if err := p.end(syscall.SIGTERM); err != nil {
			s.tally.violate("%v", err)
		}
		p.command = nil
	}
}

// startAll builds the program and starts the store and both servers.
func (s *soak) startAll() error {
	args := []string{"build", "-o", s.binary, "./cmd/signpost"}
	if s.race {
		args = append(args[:1:1], append([]string{"-race"}, args[1:]...)...)
	}
	if out, err := exec.CommandContext(s.ctx, "go", args...).CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("build: %w\n%s", err, out), s.ctx.Err())
	}
	if err := s.enrol("alice", "bob", "carol"); err != nil {
		return err
	}
	for _, p := range []*process{s.store, s.servers[0], s.servers[1]} {
		if err := p.start(s.binary); err != nil {
			return err
		}
	}
	return s.open()
}

// enrol makes a key for each.
func (s *soak) enrol(names ...string) error {
	for _, name := range names {
		key, err := exec.CommandContext(s.ctx, s.binary, "keygen", name, "--append", s.keys).Output()
		if err != nil {
			return fmt.Errorf("keygen: %w", err)
		}
		s.tenants = append(s.tenants, &tenant{name: "key-" + name, key: strings.TrimSpace(string(key))})
	}
	return nil
}

// away is when a process was not to be reached.
type away struct {
	mu    sync.Mutex
	spans []span // the last has no end while the process is away
}

type span struct{ from, to time.Time }

// aftermath is how long after its return a process may still seem away: whoever held a connection finds it dead at the next use, and
// a server that found the store away sends it nothing for a second.
const aftermath = 3 * time.Second

func (a *away) begins() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spans = append(a.spans, span{from: time.Now()})
}

func (a *away) ends() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.spans); n > 0 {
		a.spans[n-1].to = time.Now().Add(aftermath)
	}
}

// slow notes that from then to now the process took too long for somebody.
func (a *away) slow(from, to time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spans = slices.Insert(a.spans, 0, span{from, to.Add(aftermath)}) // the last is of its absence
}

// during reports whether the process was away at some time between from and to.
func (a *away) during(from, to time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.spans {
		if !s.from.After(to) && (s.to.IsZero() || !s.to.Before(from)) {
			return true
		}
	}
	return false
}
