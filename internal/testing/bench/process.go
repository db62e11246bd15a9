package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench is a run: its folder and its processes.
type bench struct {
	dir     string
	binary  string
	started []*exec.Cmd
}

// process is a measured server.
type process struct {
	line string // its first line of output
	pid  int
}

// start runs a program and waits for its first line.
func (b *bench) start(ctx context.Context, env []string, program string, args ...string) (process, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), env...)
	log, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return process{}, err
	}
	defer log.Close()
	c.Stderr = log
	out, err := c.StdoutPipe()
	if err != nil {
		return process{}, err
	}
	if err := c.Start(); err != nil {
		return process{}, err
	}
	b.started = append(b.started, c)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		return process{}, fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, said)
	}
	return process{strings.TrimSpace(line), c.Process.Pid}, nil
}

// child starts this program as one of the servers.
func (b *bench) child(ctx context.Context, kind string, args ...string) (process, error) {
	self, err := os.Executable()
	if err != nil {
		return process{}, err
	}
	env := []string{"BENCH_LOG=" + filepath.Join(b.dir, "log"), "BENCH_DIR=" + filepath.Join(b.dir, "store")}
	return b.start(ctx, env, self, append([]string{"-child", kind}, args...)...)
}

// service starts the real program on a store in another process, with additional variables, and returns its address.
func (b *bench) service(ctx context.Context, env ...string) (process, store, error) {
	s, err := b.store(ctx)
	if err != nil {
		return process{}, store{}, err
	}
	p, err := b.start(ctx, append(env,
		"SIGNPOST_BUCKET="+bucketName, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3="+s.endpoint, "AWS_ACCESS_KEY_ID="+s.accessKey, "AWS_SECRET_ACCESS_KEY="+s.secretKey,
	), b.binary, "serve", "--listen", "127.0.0.1:0")
	if err != nil {
		return process{}, store{}, err
	}
	_, address, _ := strings.Cut(p.line, " at ")
	p.line, _, _ = strings.Cut(address, " ")
	return p, s, nil
}

// store is a local store in another process.
type store struct{ endpoint, accessKey, secretKey string }

func (b *bench) store(ctx context.Context) (store, error) {
	p, err := b.child(ctx, "store")
	if err != nil {
		return store{}, err
	}
	words := strings.Fields(p.line)
	if len(words) != 3 {
		return store{}, fmt.Errorf("the store said %q", p.line)
	}
	return store{words[0], words[1], words[2]}, nil
}

// stopAll stops all processes.
func (b *bench) stopAll() {
	for _, c := range b.started {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	}
	b.started = nil
}

// cpu returns the CPU time of p.
func (p process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name may contain spaces
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("/proc: no times")
	}
	user, err1 := strconv.Atoi(fields[11]) // utime and stime, proc(5), in ticks of 10 ms
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// memory returns p's current and peak resident set, in MiB.
func (p process) memory() (now, peak float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		if name == "VmRSS" || name == "VmHWM" {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				return 0, 0, err
			}
			if name == "VmRSS" {
				now = float64(kib) / 1024
			} else {
				peak = float64(kib) / 1024
			}
		}
	}
	return now, peak, nil
}
