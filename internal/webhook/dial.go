package webhook

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// dialTimeout limits the time to open a connection, over all addresses of a name.
const dialTimeout = 10 * time.Second

// dialSecure opens a connection for TLS.
func (s *Sender) dialSecure(ctx context.Context, network, hostport string) (net.Conn, error) {
	return s.dial(ctx, network, hostport, blockedRange)
}

// dialPlain opens a connection without TLS. It refuses public addresses too, because others could read the traffic.
func (s *Sender) dialPlain(ctx context.Context, network, hostport string) (net.Conn, error) {
	return s.dial(ctx, network, hostport, func(a netip.Addr) string {
		if kind := blockedRange(a); kind != "" {
			return kind
		}
		return "a public address, which requires https"
	})
}

// dial opens a connection to a public address or an allowed network, so that receivers cannot make the service call
// internal addresses. It checks the address after the DNS lookup, so that a later change of the DNS record has no
// effect. Blocked returns the kind of an address that needs an allowed network, and "" for others.
func (s *Sender) dial(
	ctx context.Context, network, hostport string, blocked func(netip.Addr) string,
) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	allowed := s.options.Networks(canonical(host, port))
	check := func(_, address string, _ syscall.RawConn) error {
		addrPort, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		addr := addrPort.Addr()
		if kind := blocked(addr); kind != "" && !contains(allowed, addr) {
			return &blockedError{host, addr.String(), kind, s.options.NetworksSetting}
		}
		return nil
	}
	tcp := net.Dialer{Timeout: dialTimeout, Resolver: s.resolver, Control: check}
	return tcp.DialContext(ctx, network, hostport)
}

func contains(networks []*net.IPNet, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n *net.IPNet) bool { return n.Contains(a.AsSlice()) })
}

// blockedError reports an address that is not allowed. Kind describes the address, and setting can allow it.
type blockedError struct{ host, address, kind, setting string }

func (e *blockedError) Error() string {
	name := e.host + " resolves to " + e.address
	if e.host == e.address {
		name = e.address + " is"
	} else {
		name += ","
	}
	return fmt.Sprintf("%s %s: not called; %s can allow it for this host", name, e.kind, e.setting)
}

// specialNetworks are networks without public receivers: most of IANA's special-purpose registries (RFC 6890) and an
// address of Azure. The first match decides.
var specialNetworks = []struct {
	network netip.Prefix
	kind    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this machine"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a shared address of a provider"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "an address of internal Azure services"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address, such as that of cloud metadata"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "an address reserved for a protocol"},
	{netip.MustParsePrefix("192.0.2.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "an address of 6to4"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "an address for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved or broadcast address"},

	{netip.MustParsePrefix("::/128"), "an address of this machine"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("64:ff9b::/96"), "an embedded IPv4 address (NAT64)"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "an embedded IPv4 address (NAT64)"},
	{netip.MustParsePrefix("2001::/32"), "an embedded IPv4 address (Teredo)"},
	{netip.MustParsePrefix("2001::/23"), "an address reserved for a protocol"},
	{netip.MustParsePrefix("2001:db8::/32"), "an address for documentation"},
	{netip.MustParsePrefix("2002::/16"), "an embedded IPv4 address (6to4)"},
	{netip.MustParsePrefix("3fff::/20"), "an address for documentation"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

// globalUnicast contains all public IPv6 addresses (RFC 4291, section 2.4, and IANA's registry).
var globalUnicast = netip.MustParsePrefix("2000::/3")

// blockedRange returns the kind of a if a is not public, and "" if it is. An IPv4-mapped IPv6 address (::ffff:a.b.c.d)
// is treated as the IPv4 address, as the operating system does.
func blockedRange(a netip.Addr) string {
	a = a.Unmap()
	for _, n := range specialNetworks {
		if n.network.Contains(a.WithZone("")) {
			return n.kind
		}
	}
	if a.Zone() != "" || a.Is6() && !globalUnicast.Contains(a) {
		return "an address outside the public internet"
	}
	return ""
}
