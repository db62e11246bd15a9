package localstore

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// checkLoopback refuses addresses that other machines could reach: the store has no TLS and buffers forms before it
// knows who sends them.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("local store: listen address %q: must be host:port", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("local store: listen address %q: must be loopback (127.0.0.1, ::1 or localhost)", addr)
	}
	return nil
}

// listen binds addr and serves on it until stop. versitygw takes addresses, not listeners, so a free port is found by
// taking one and giving it back; ten tries outlast others doing the same.
func (s *Store) listen(addr string) error {
	host, port, _ := net.SplitHostPort(addr) // checkLoopback has split it before
	if port != "0" {
		return s.serve(addr)
	}
	var err error
	for range 10 {
		if addr, err = freeAddr(host); err != nil {
			return listenError(addr, err)
		}
		if err = s.serve(addr); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return err
}

func freeAddr(host string) (string, error) {
	addr := net.JoinHostPort(host, "0")
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return addr, err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port), err
}

// serve returns once addr is bound, or with the reason why it cannot be.
func (s *Store) serve(addr string) error {
	ended := make(chan error, 1)
	go func() { ended <- s.server.ServeMultiPort([]string{addr}) }()
	select {
	case err := <-ended:
		return listenError(addr, err)
	case <-s.ready:
	}
	s.endpoint = "http://" + addr
	go func() {
		if err := <-ended; !s.closing.Load() {
			s.err = fmt.Errorf("local store: stopped serving: %v", err)
		}
		close(s.done)
	}()
	return nil
}

// listenError keeps the system's own words, which versitygw and net wrap in four others.
func listenError(addr string, err error) error {
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	return fmt.Errorf("local store: listen on %s: %w", addr, err)
}
