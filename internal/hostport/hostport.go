// Package hostport reads hosts that may have a port.
package hostport

import (
	"net"
	"strings"
)

// Host returns the host of address without its port and brackets. It accepts 192.0.2.1:80, [2001:db8::1]:80,
// [2001:db8::1] and localhost.
func Host(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// IsLoopback reports whether host, which has no port, is localhost or a loopback address.
func IsLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
