package app

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// ListenError says that the address of a setting cannot be listened on, why, and what to do.
func ListenError(variable, address string, err error) error {
	err = fmt.Errorf("%s=%q: %w", variable, address, Innermost(err))
	host, _, split := net.SplitHostPort(address)
	if !errors.Is(err, syscall.EADDRINUSE) || split != nil {
		return err
	}
	return fmt.Errorf("%w: stop the program that uses it, or set %s to another address, such as %s for a free port", err, variable, net.JoinHostPort(host, "0"))
}
