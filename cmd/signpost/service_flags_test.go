package main

import (
	"net"
	"net/url"
	"strings"
	"testing"
)

// TestUnknownHostRemedy: a host name that does not resolve is not answered with the advice to start a service.
func TestUnknownHostRemedy(t *testing.T) {
	err := &url.Error{Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "imports.example"}}}
	if got := connectionRemedy(err); !strings.Contains(got, "check the host name") {
		t.Errorf("got %q, want the advice to check the host name", got)
	}
}
