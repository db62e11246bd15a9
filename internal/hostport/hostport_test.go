package hostport

import "testing"

func TestHost(t *testing.T) {
	for _, c := range []struct {
		address, host string
		loopback      bool
	}{
		{"localhost", "localhost", true},
		{"LOCALHOST:8080", "LOCALHOST", true},
		{"127.0.0.1:80", "127.0.0.1", true},
		{"127.1.2.3", "127.1.2.3", true},
		{"[::1]:80", "::1", true},
		{"[::1]", "::1", true},
		{"::1", "::1", true},
		{"[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", true},
		{"localhost.example:80", "localhost.example", false},
		{"127.0.0.1.example", "127.0.0.1.example", false},
		{"192.0.2.1:80", "192.0.2.1", false},
		{"[2001:db8::1]:80", "2001:db8::1", false},
		{"0.0.0.0:80", "0.0.0.0", false},
		{":80", "", false},
		{"", "", false},
	} {
		if got := Host(c.address); got != c.host {
			t.Errorf("Host(%q): got %q, want %q", c.address, got, c.host)
		}
		if got := IsLoopback(c.host); got != c.loopback {
			t.Errorf("IsLoopback(%q): got %t, want %t", c.host, got, c.loopback)
		}
	}
}
