package webhook

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

var errHost = errors.New("a host is a name or an address, with the port unless it is 443, " +
	"such as hooks.example.com:8443")

// ParseHost returns the canonical form of a host in a setting: HOST or HOST:PORT. The default port is 443.
func ParseHost(s string) (string, error) {
	u, err := url.Parse("https://" + s)
	if err != nil || strings.Contains(s, "=") || u.Host != s || u.Hostname() == "" || !isValidPort(u.Port()) {
		return "", errHost
	}
	return CanonicalHost(u), nil
}

// CanonicalHost returns host and port of u in the form in which hosts are compared: IP addresses as net/netip formats
// them, names in lower case and Punycode (RFC 5891) without a trailing dot, and always with a port.
func CanonicalHost(u *url.URL) string {
	return canonical(u.Hostname(), cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme]))
}

func canonical(host, port string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(ip.String(), port)
	}
	host = strings.TrimSuffix(host, ".")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}
