package localstore

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/net/netutil"

	"github.com/signpost-s3/signpost/internal/hostport"
)

// checkLoopback refuses addresses that other machines could reach: the store has no TLS.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("local store: listen address %q: must be host:port", addr)
	}
	if !hostport.IsLoopback(host) {
		return fmt.Errorf("local store: listen address %q: must be loopback (127.0.0.1, ::1 or localhost)", addr)
	}
	return nil
}

// listen binds addr and serves on it until stop.
func (s *Store) listen(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return listenError(addr, err)
	}
	host, _, _ := net.SplitHostPort(addr) // checkLoopback has split it before
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.endpoint = "http://" + net.JoinHostPort(host, port)
	go func() {
		if err := s.server.Serve(netutil.LimitListener(listener, maxRequests)); !s.closing.Load() {
			s.err = fmt.Errorf("local store: stopped serving: %v", err)
		}
		close(s.done)
	}()
	return nil
}

// listenError keeps the system's own words, which net wraps in three others.
func listenError(addr string, err error) error {
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	return fmt.Errorf("local store: listen on %s: %w", addr, err)
}
