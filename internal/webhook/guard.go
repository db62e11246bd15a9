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

// dialTimeout is how long one connection may take to come about, over all addresses of a name.
const dialTimeout = 10 * time.Second

// guard opens connections to no address that the outside could not call itself. It judges the very address that is dialled, after the
// name was looked up, so that a name which leads elsewhere the next time gains nothing.
type guard struct {
	networks func(host string) []*net.IPNet // those in which a canonical host may be, whatever they are; nil: none
	resolver *net.Resolver                  // nil: Go's own
}

// dialSecure dials what TLS will be spoken with.
func (g *guard) dialSecure(ctx context.Context, network, hostport string) (net.Conn, error) {
	return g.dial(ctx, network, hostport, oddity)
}

// dialPlain dials what TLS will not be spoken with: allowed networks alone, for what is said there can be read on the way.
func (g *guard) dialPlain(ctx context.Context, network, hostport string) (net.Conn, error) {
	return g.dial(ctx, network, hostport, func(a netip.Addr) string {
		if odd := oddity(a); odd != "" {
			return odd
		}
		return "a public address, for which https is needed"
	})
}

func (g *guard) dial(ctx context.Context, network, hostport string, odd func(netip.Addr) string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	allowed := g.allowed(canonical(host, port))
	dialer := net.Dialer{Timeout: dialTimeout, Resolver: g.resolver, Control: func(_, address string, _ syscall.RawConn) error {
		dialled, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		address = dialled.Addr().String()
		if what := odd(dialled.Addr()); what != "" && !contains(allowed, dialled.Addr()) {
			return &refusal{host, address, what}
		}
		return nil
	}}
	return dialer.DialContext(ctx, network, hostport)
}

// allowed returns the private networks in which a canonical host may be.
func (g *guard) allowed(host string) []*net.IPNet {
	if g.networks == nil {
		return nil
	}
	return g.networks(host)
}

func contains(networks []*net.IPNet, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n *net.IPNet) bool { return n.Contains(a.AsSlice()) })
}

// refusal is why an address was not called.
type refusal struct{ host, address, what string }

func (r *refusal) Error() string {
	name := r.host + " leads to " + r.address
	if r.host == r.address {
		name = r.address + " is"
	} else {
		name += ","
	}
	return fmt.Sprintf("%s %s, and was not called: SIGNPOST_WEBHOOK_NETWORKS can allow it for this host", name, r.what)
}

// apart are the networks on which no receiver on the internet can be: most of IANA's special-purpose registries (RFC 6890), and one
// that a cloud keeps for itself. An address is of the first that has it.
var apart = []struct {
	network netip.Prefix
	what    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this machine"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a provider's shared address"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the address of Azure's own services"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address, as that of cloud metadata"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a protocol's own address"},
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
	{netip.MustParsePrefix("64:ff9b::/96"), "an IPv4 address in disguise (NAT64)"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "an IPv4 address in disguise (NAT64)"},
	{netip.MustParsePrefix("2001::/32"), "an IPv4 address in disguise (Teredo)"},
	{netip.MustParsePrefix("2001::/23"), "a protocol's own address"},
	{netip.MustParsePrefix("2001:db8::/32"), "an address for documentation"},
	{netip.MustParsePrefix("2002::/16"), "an IPv4 address in disguise (6to4)"},
	{netip.MustParsePrefix("3fff::/20"), "an address for documentation"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

// unicast is all of IPv6 that is given out for the internet (RFC 4291, section 2.4, and IANA's registry of it).
var unicast = netip.MustParsePrefix("2000::/3")

// oddity says what a is if no receiver on the internet can have it, and nothing if one can. An IPv4 address within an IPv6 one
// (::ffff:a.b.c.d) is that IPv4 address, for so the system takes it.
func oddity(a netip.Addr) string {
	a = a.Unmap()
	for _, n := range apart {
		if n.network.Contains(a.WithZone("")) {
			return n.what
		}
	}
	if a.Zone() != "" || a.Is6() && !unicast.Contains(a) {
		return "no address of the internet"
	}
	return ""
}
