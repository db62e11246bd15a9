package config

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// ListenError returns the error of a setting whose address cannot be listened on, with the cause and what to do.
func ListenError(variable, address string, err error) error {
	err = fmt.Errorf("%s=%q: %w", variable, address, Innermost(err))
	host, _, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: stop the program that uses it, or set %s to another address, such as %s for a free port",
			err, variable, net.JoinHostPort(host, "0"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: use an address of this machine", err)
	}
	return err
}
