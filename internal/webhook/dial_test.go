package webhook

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// TestBlockedRange checks addresses of each range and the addresses next to them.
func TestBlockedRange(t *testing.T) {
	for what, addresses := range map[string]string{
		"": "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 " +
			"169.253.255.255 169.255.0.0 " +
			"172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 " +
			"198.20.0.0 " +
			"223.255.255.255 2606:4700:4700::1111 2001:200::1 2003::1 2a00::1 3ffe::1 3fff:1000:: ::ffff:1.1.1.1",
		"an address of this machine": "0.0.0.0 0.255.255.255 :: ::ffff:0.0.0.0",
		"a loopback address":         "127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.1 ::ffff:7f00:1",
		"a private address": "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 " +
			"192.168.0.1 192.168.255.255 fc00:: fd00:ec2::254 fdff::1 ::ffff:10.1.2.3",
		"a shared address of a provider": "100.64.0.0 100.100.100.200 100.127.255.255",
		"a link-local address, such as that of cloud metadata": "169.254.0.0 169.254.169.254 169.254.255.255 " +
			"::ffff:169.254.169.254 ::ffff:a9fe:a9fe",
		"a link-local address":                  "fe80::1 febf::1 fe80::1%eth0",
		"a site-local address":                  "fec0::1 feff::1",
		"an address of internal Azure services": "168.63.129.16",
		"an address reserved for a protocol":    "192.0.0.1 192.0.0.192 2001:1::1 2001:2::1 2001:1ff::1",
		"an address for documentation": "192.0.2.1 198.51.100.255 203.0.113.0 2001:db8::1 3fff::1 " +
			"3fff:fff::1",
		"an address for benchmarks":         "198.18.0.0 198.19.255.255",
		"an address of 6to4":                "192.88.99.1",
		"a multicast address":               "224.0.0.1 239.255.255.255 ff02::1 ff0e::1",
		"a reserved or broadcast address":   "240.0.0.0 255.255.255.254 255.255.255.255",
		"an embedded IPv4 address (NAT64)":  "64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1",
		"an embedded IPv4 address (6to4)":   "2002:7f00:1:: 2002:a9fe:a9fe::1",
		"an embedded IPv4 address (Teredo)": "2001:0:7f00:1::1",
		"an address outside the public internet": "::127.0.0.1 ::7f00:1 ::2 ::ffff:0:127.0.0.1 100::1 1fff::1 " +
			"4000::1 5f00::1 fbff::1 fe00::1 2606:4700::1%eth0",
	} {
		for address := range strings.FieldsSeq(addresses) {
			if got := blockedRange(netip.MustParseAddr(address)); got != what {
				t.Errorf("blockedRange(%s): got %q, want %q", address, got, what)
			}
		}
	}
}

func TestAllowed(t *testing.T) {
	allowed := networks(t, "10.1.0.0/16", "127.0.0.1/32", "fd00:1::/32", "fe80::/10")
	for address, want := range map[string]bool{
		"10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": true, "127.0.0.2": false, "::ffff:10.1.2.3": true,
		"::ffff:10.2.0.1": false,
		"fd00:1::1":       true, "fd00:2::1": false, "::1": false, "::10.1.2.3": false, "64:ff9b::a01:203": false,
		"fe80::1%eth0": true,
	} {
		if got := contains(allowed, netip.MustParseAddr(address)); got != want {
			t.Errorf("contains(%s): got %t, want %t", address, got, want)
		}
	}
}

// names is a DNS server. If a name has several answers, each query gets the next.
type names struct {
	mu      sync.Mutex
	answers map[string][][]netip.Addr
}

func newNames(t *testing.T, answers map[string][][]netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{answers: answers}
	var serving sync.WaitGroup
	serving.Go(func() { n.serve(conn) })
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) serve(conn net.PacketConn) {
	for buffer := make([]byte, 1500); ; {
		size, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buffer[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		n.answer(&m)
		if reply, err := m.Pack(); err == nil {
			conn.WriteTo(reply, from)
		}
	}
}

func (n *names) answer(m *dnsmessage.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	question := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	sets, known := n.answers[name]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
		return
	}
	for _, address := range sets[0] {
		header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: dnsmessage.ClassINET}
		switch {
		case address.Is4() && question.Type == dnsmessage.TypeA:
			body := &dnsmessage.AResource{A: address.As4()}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: body})
		case address.Is6() && question.Type == dnsmessage.TypeAAAA:
			body := &dnsmessage.AAAAResource{AAAA: address.As16()}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: body})
		}
	}
	if question.Type == dnsmessage.TypeA && len(sets) > 1 {
		n.answers[name] = sets[1:]
	}
}

// in is a set of addresses.
func in(addresses ...string) []netip.Addr {
	var set []netip.Addr
	for _, a := range addresses {
		set = append(set, netip.MustParseAddr(a))
	}
	return set
}

// TestSendRefusesAddresses: no spelling of an address and no name leads to an address that is not allowed.
func TestSendRefusesAddresses(t *testing.T) {
	resolver := newNames(t, map[string][][]netip.Addr{
		"private.test":  {in("10.0.0.1")},
		"loopback.test": {in("127.0.0.1")},
		"loop6.test":    {in("::1")},
		"mapped.test":   {in("::ffff:127.0.0.1")},
		"metadata.test": {in("169.254.169.254", "fd00:ec2::254")},
		"0x7f.1":        {in("127.0.0.1")}, // as the C library has it
		"0x7f000001":    {in("127.0.0.1")},
		"public.test":   {in("1.1.1.1")},
	})
	const loopback, private, metadata, unknown = " a loopback address", " a private address",
		" a link-local address, such as that of cloud metadata", " was not found in DNS"
	for _, c := range []struct{ host, reason string }{
		{"127.0.0.1", loopback}, {"127.1.2.3", loopback}, {"[::1]", loopback}, {"[0:0:0:0:0:0:0:1]", loopback},
		{"[::ffff:127.0.0.1]", loopback}, {"[::ffff:7f00:1]", loopback},
		{"loopback.test", "loopback.test resolves to 127.0.0.1, a loopback address"},
		{"loop6.test", "loop6.test resolves to ::1, a loopback address"}, {"LOOPBACK.test", loopback},
		{"loopback.test.", loopback}, {"mapped.test", loopback},
		{"0x7f.1", "0x7f.1 resolves to 127.0.0.1,"}, {"0x7f000001", "0x7f000001 resolves to 127.0.0.1,"},
		{"2130706433", unknown}, {"127.1", unknown}, {"0177.0.0.1", unknown}, {"127.0.0.1.", unknown}, {"0", unknown},
		{"1.1.1.1.nosuch.test", unknown},
		{"localhost", loopback},
		{"0.0.0.0", " an address of this machine"}, {"[::]", " an address of this machine"},
		{"10.0.0.1", private}, {"172.16.0.1", private}, {"192.168.1.1", private}, {"[fd00::1]", private},
		{"private.test", "private.test resolves to 10.0.0.1, a private address"},
		{"169.254.169.254", "169.254.169.254 is" + metadata}, {"[::ffff:169.254.169.254]", metadata},
		{"metadata.test", "metadata.test resolves to "},
		{"100.100.100.200", " a shared address of a provider"}, {"168.63.129.16", " an address of internal Azure services"},
		{"255.255.255.255", " a reserved or broadcast address"}, {"224.0.0.1", " a multicast address"},
		{"192.0.2.1", " for documentation"}, {"198.18.0.1", " for benchmarks"},
		{"[fe80::1]", " a link-local address"}, {"[fe80::1%25lo]", " a link-local address"},
		{"[::127.0.0.1]", " an address outside the public internet"},
		{"[64:ff9b::7f00:1]", "(NAT64)"}, {"[64:ff9b:1::7f00:1]", "(NAT64)"}, {"[2002:7f00:1::]", "(6to4)"},
		{"[2001:0:7f00:1::]", "(Teredo)"}, {"[2001:db8::1]", " for documentation"},
	} {
		trap := newReceiver(t, ok)
		port := trap.URL[strings.LastIndex(trap.URL, ":"):]
		s := New(Options{Keys: fixed(t, secretA), NetworksSetting: "NETWORKS"})
		s.resolver = resolver
		for _, scheme := range []string{"http://", "https://"} {
			f := failed(t, "Send to "+c.host, s.send(t, scheme+c.host+port+"/path?query"))
			hint := strings.HasSuffix(f.Reason, ": not called; NETWORKS can allow it for this host")
			if !strings.Contains(f.Reason, c.reason) || hint == (c.reason == unknown) || f.Status != 0 ||
				strings.Contains(f.Reason, "query") {
				t.Errorf("Send to %s%s: got %d %q, want %q", scheme, c.host, f.Status, f.Reason, c.reason)
			}
		}
		if n := trap.connections.Load(); n != 0 {
			t.Errorf("Send to %s: got %d connections, want none", c.host, n)
		}
	}
	s := New(Options{Keys: fixed(t, secretA), NetworksSetting: "NETWORKS"})
	s.resolver = resolver
	want := "public.test resolves to 1.1.1.1, a public address, which requires https: not called; " +
		"NETWORKS can allow it for this host"
	if f := failed(t, "Send by http", s.send(t, "http://public.test/")); f.Reason != want {
		t.Errorf("Send by http to a public address: got %q, want %q", f.Reason, want)
	}
}

// TestSendChecksEachAddress: each address of a name is checked when it is dialed.
func TestSendChecksEachAddress(t *testing.T) {
	server := newReceiver(t, ok)
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	s := newSender(t, Options{Networks: everyHost(t, "127.0.0.1/32")})
	s.resolver = newNames(t, map[string][][]netip.Addr{
		"both.test":   {in("10.0.0.1", "127.0.0.1")},
		"rebind.test": {in("127.0.0.1"), in("169.254.169.254")},
	})
	if err := s.send(t, "http://both.test"+port); err != nil {
		t.Errorf("Send to a name with a private address and one that is allowed: got %v, want it sent to the latter", err)
	}
	if err := s.send(t, "http://rebind.test"+port); err != nil {
		t.Errorf("Send to a name: got %v", err)
	}
	s.http.CloseIdleConnections()
	f := failed(t, "Send to the name that leads elsewhere now", s.send(t, "http://rebind.test"+port))
	if !strings.HasPrefix(f.Reason, "rebind.test resolves to 169.254.169.254, a link-local address") {
		t.Errorf("Send to the name that leads elsewhere now: got %q", f.Reason)
	}
}

// TestSendGoesNowhereElse: redirects are not followed, and proxies of the environment are not used.
func TestSendGoesNowhereElse(t *testing.T) {
	proxy, target := newReceiver(t, ok), newReceiver(t, ok)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{"http://169.254.169.254/latest/meta-data/", target.URL} {
			server := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
				http.Redirect(w, r, to, status)
			})
			f := failed(t, "Send", newSender(t, Options{}).send(t, server.URL))
			if f.Status != status || !strings.Contains(f.Reason, "a redirect, which is not followed") ||
				server.requests.Load() != 1 {
				t.Errorf("Send, redirected by %d: got %d %q and %d requests, want a failure that says so and one",
					status, f.Status, f.Reason, server.requests.Load())
			}
		}
	}
	if n := proxy.connections.Load() + target.connections.Load(); n != 0 {
		t.Errorf("got %d connections to the proxy or to where redirects lead, want none", n)
	}
}

func TestSendOverTLS(t *testing.T) {
	server := &receiver{}
	plain := newReceiver(t, ok)
	server.Server = newTLS(t)
	stranger := newSender(t, Options{})
	friend := newSender(t, Options{})
	friend.https.TLSClientConfig = &tls.Config{
		RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	}
	if err := friend.send(t, server.URL); err != nil {
		t.Errorf("Send over TLS: got %v", err)
	}
	host := func(base string) string { u, _ := url.Parse(base); return u.Host }
	for _, c := range []struct{ what, url, want string }{
		{"an unknown certificate", server.URL, host(server.URL) + " has a TLS certificate that is not trusted, or not valid for this host"},
		{"no TLS", "https://" + host(plain.URL), host(plain.URL) + " does not serve TLS on this port"},
	} {
		if f := failed(t, c.what, stranger.send(t, c.url+"?query")); f.Reason != c.want {
			t.Errorf("Send to %s: got %q, want %q", c.what, f.Reason, c.want)
		}
	}
}

// TestNetworksOfHosts: a private network is allowed for the hosts it is bound to. Another port is another host.
func TestNetworksOfHosts(t *testing.T) {
	bound, other := newReceiver(t, ok), newReceiver(t, ok)
	loopback := networks(t, "127.0.0.0/8")
	s := newSender(t, Options{Networks: func(host string) []*net.IPNet {
		if host == strings.TrimPrefix(bound.URL, "http://") {
			return loopback
		}
		return nil
	}})
	if err := s.send(t, bound.URL); err != nil {
		t.Errorf("Send to the bound host: got %v", err)
	}
	if f := failed(t, "Send to another port", s.send(t, other.URL)); !strings.Contains(f.Reason, "a loopback address") ||
		other.connections.Load() != 0 {
		t.Errorf(
			"Send to another port: got %q and %d connections, want a refusal and none",
			f.Reason,
			other.connections.Load(),
		)
	}
}

// TestHTTPSOnly: a sender for https only refuses http, also in allowed networks.
func TestHTTPSOnly(t *testing.T) {
	server := newReceiver(t, ok)
	s := newSender(t, Options{HTTPSOnly: true})
	upper := strings.Replace(server.URL, "http:", "HTTP:", 1)
	for _, address := range []string{server.URL, upper, "http://public.test/"} {
		if f := failed(t, "Send to "+address, s.send(t, address)); f.Reason != "the URL must be https" {
			t.Errorf("Send to %s: got %q, want a refusal", address, f.Reason)
		}
	}
	if n := server.connections.Load(); n != 0 {
		t.Errorf("got %d connections, want none", n)
	}
}
