//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// startLimit and endLimit limit the start and the shutdown of a process: a server drains for 20 s.
	startLimit = 30 * time.Second
	endLimit   = 40 * time.Second
	pollEvery  = 20 * time.Millisecond
	// aftermath is how long a restarted process may still seem unreachable: clients find dead connections one by one,
	// and the SDK waits before it retries.
	aftermath = 3 * time.Second
)

// process is a signpost serve at a fixed address, across restarts.
type process struct {
	name, address, metrics string // host:port of its API; of its metrics, if any
	env                    []string
	log                    string
	command                *exec.Cmd
	exited                 chan struct{}

	mu      sync.Mutex
	outages [][2]time.Time // when it was unreachable or slow; the last interval may be open
}

// affectsProgram matches the variables that affect the program.
var affectsProgram = regexp.MustCompile(`(?i)^(AWS|SIGNPOST)_|^GORACE=|_PROXY=`)

func (s *soak) process(name, address, metrics string, env ...string) *process {
	env = append(
		env, "SIGNPOST_LISTEN="+address, "SIGNPOST_METRICS_LISTEN="+metrics, "AWS_REGION=us-east-1",
		"AWS_CONFIG_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
	)
	return &process{name: name, address: address, metrics: metrics, log: filepath.Join(s.dir, name+".log"),
		env: append(slices.DeleteFunc(os.Environ(), affectsProgram.MatchString), env...), outages: [][2]time.Time{{}}}
}

// start returns once the process is ready.
func (p *process) start(binary string) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.command, p.exited = exec.Command(binary, "serve"), make(chan struct{})
	p.command.Env, p.command.Stderr = p.env, log
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // not reached by Ctrl-C
	if err := p.command.Start(); err != nil {
		return err
	}
	go func() {
		_ = p.command.Wait() // readers of exited check the state
		close(p.exited)
	}()
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startLimit}
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(pollEvery) {
		if response, err := web.Get("http://" + p.address + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				p.mu.Lock()
				defer p.mu.Unlock()
				open := slices.IndexFunc(p.outages, func(s [2]time.Time) bool { return s[1].IsZero() })
				p.outages[open][1] = time.Now().Add(aftermath)
				return nil
			}
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s: %v at its start; see %s", p.name, p.command.ProcessState, p.log)
		default:
		}
	}
	return fmt.Errorf("%s: not ready after %v; see %s", p.name, startLimit, p.log)
}

// end signals the process and its group, and waits for its end. After SIGTERM it must exit with 0.
func (p *process) end(signal syscall.Signal) error {
	p.mark([2]time.Time{time.Now()})
	_ = syscall.Kill(-p.command.Process.Pid, signal) // it may have ended already
	select {
	case <-p.exited:
	case <-time.After(endLimit):
		_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
		<-p.exited
	}
	if signal == syscall.SIGTERM && !p.command.ProcessState.Success() {
		return fmt.Errorf("%s: %v after %v", p.name, p.command.ProcessState, signal)
	}
	return nil
}

// stopAll stops every process: the servers, then their store.
func (s *soak) stopAll() {
	for _, p := range []*process{s.servers[0], s.servers[1], s.store} {
		if p.command == nil || p.command.Process == nil {
			continue
		}
		if err := p.end(syscall.SIGTERM); err != nil {
			s.violate("%v", err)
		}
		p.command = nil
	}
}

func (p *process) mark(span [2]time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outages = append(p.outages, span)
}

// unreachable reports whether the process was unreachable at any time between from and to.
func (p *process) unreachable(from, to time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(
		p.outages, func(s [2]time.Time) bool { return !s[0].After(to) && (s[1].IsZero() || !s[1].Before(from)) },
	)
}
