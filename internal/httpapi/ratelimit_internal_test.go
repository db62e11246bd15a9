package httpapi

import "testing"

// TestClientNetwork checks that the addresses that one client can choose from are one network.
func TestClientNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":               "192.0.2.1",
		"::ffff:192.0.2.1":        "192.0.2.1",
		"::ffff:c000:201":         "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":    "2001:db8:1:2::/64",
		"2001:db8:1:2::ffff":      "2001:db8:1:2::/64",
		"2001:db8:1:3::ffff":      "2001:db8:1:3::/64",
		"fe80::1%eth0":            "fe80::/64",
		"not an address, but one": "not an address, but one",
	} {
		if got := ClientNetwork(address); got != want {
			t.Errorf("ClientNetwork(%q): got %q, want %q", address, got, want)
		}
	}
}
