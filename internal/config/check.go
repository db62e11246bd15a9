package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/hostport"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// checker notes the rules that the settings break.
type checker struct {
	*Config
	*Errors
}

// report notes that a setting, which field points to, breaks a rule.
func (c checker) report(field any, rule string) {
	name, value := c.find(field)
	c.add(name, value, rule)
}

// together reports the one of two settings that is not set although the other is.
func (c checker) together(a, b any) {
	for range 2 {
		if name, value := c.find(a); value != "" && c.valueOf(b) == "" {
			c.report(b, "must be set, because "+name+" is set")
		}
		a, b = b, a
	}
}

// requireBucket reports the settings that are set without a bucket.
func (c checker) requireBucket(settings ...*string) {
	for _, setting := range settings {
		if *setting != "" && c.Bucket == "" {
			c.report(setting, "requires "+c.Name(&c.Bucket)+": the local store does not support it")
		}
	}
}

func (c checker) check() {
	if !isHostPort(c.Listen) {
		c.report(&c.Listen, "must be HOST:PORT, such as 127.0.0.1:8080")
	} else if !c.AllowAnonymous && !c.Authenticates() && !c.Local() {
		c.report(&c.Listen, "is reachable from other machines, and callers are not authenticated: "+
			"set SIGNPOST_API_KEYS_FILE or SIGNPOST_OIDC_ISSUER, listen on 127.0.0.1, "+
			"or set SIGNPOST_ALLOW_ANONYMOUS=true if every client that reaches it may upload")
	}
	if host, _, _ := net.SplitHostPort(c.LocalListen); !isHostPort(c.LocalListen) || !hostport.IsLoopback(host) {
		c.report(&c.LocalListen,
			"must be a loopback HOST:PORT, such as 127.0.0.1:9000: the local store serves this machine only")
	}
	if c.Bucket == "" && c.DataDir == "" {
		c.report(&c.DataDir, "must be a folder such as ./data")
	}
	if c.PublicEndpoint != "" {
		if _, err := sigv4.ParseEndpoint(c.PublicEndpoint); err != nil {
			c.report(&c.PublicEndpoint, "must be a URL such as https://s3.example.com")
		}
	}
	if c.URLTTL < time.Second || c.URLTTL > sigv4.MaxExpires || c.URLTTL%time.Second != 0 {
		c.report(&c.URLTTL, "must be a duration from 1s to 168h, in whole seconds")
	}
	if c.JobTTL < time.Minute || c.JobTTL > 365*24*time.Hour || c.JobTTL%time.Second != 0 {
		c.report(&c.JobTTL, "must be a duration from 1m to 8760h, in whole seconds")
	}
	if c.MaxSize < 0 {
		c.report(&c.MaxSize, sizeRule)
	}
	if bad := slices.DeleteFunc(slices.Clone(c.CORSOrigins), isOrigin); len(bad) > 0 {
		c.add(c.Name(&c.CORSOrigins), strings.Join(bad, ","),
			"must be origins such as https://app.example.com, without path or wildcard, separated by commas")
	}
	c.checkGuards()
}

// checkGuards checks the settings of authentication, limits and connections.
func (c checker) checkGuards() {
	if bad := slices.DeleteFunc(slices.Clone(c.ContentTypes), mediaRange.MatchString); len(bad) > 0 {
		c.add(c.Name(&c.ContentTypes), strings.Join(bad, ","),
			"must be media types such as text/csv or image/*, in lower case, separated by commas")
	}
	if c.MaxOpenUploads < 0 || c.MaxOpenUploads > 1000 {
		c.report(&c.MaxOpenUploads, "must be a whole number from 1 to 1000, or unset")
	}
	if c.RateLimit < 0 || c.RateLimit > 1_000_000 {
		c.report(&c.RateLimit, "must be a whole number from 1 to 1000000, or unset")
	}
	if c.OIDCIssuer != "" && !isIssuer(c.OIDCIssuer) {
		c.report(&c.OIDCIssuer, "must be the https URL of the issuer, exactly as in the claim iss of its tokens")
	}
	c.together(&c.OIDCIssuer, &c.OIDCAudience)
	c.checkEvents()
	c.checkSigning()
	if _, err := c.TrustedNetworks(); err != nil {
		c.report(&c.TrustedProxies, networksRule)
	}
	c.together(&c.TLSCert, &c.TLSKey)
	if c.MetricsListen != "" && !isHostPort(c.MetricsListen) {
		c.report(&c.MetricsListen, "must be HOST:PORT, such as 127.0.0.1:9090")
	}
	if c.MaxConnections < 1 {
		c.report(&c.MaxConnections, "must be a whole number of at least 1")
	}
	if c.MaxConnectionsPerClient < 0 {
		c.report(&c.MaxConnectionsPerClient, "must be a whole number of at least 1, or unset")
	}
	if c.StopDelay < 0 || c.StopDelay > 5*time.Minute {
		c.report(&c.StopDelay, "must be a duration from 0s to 5m")
	}
}

// networksRule is the rule of a list of networks.
const networksRule = "must be networks such as 10.0.0.0/8 or single addresses, separated by commas; " +
	"a network of all addresses is not allowed"

// isHostPort reports whether a listener may have the address.
func isHostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	return err == nil
}

// mediaRange matches a media type, or all of one kind (RFC 9110, section 12.5.1).
var mediaRange = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/([a-z0-9][a-z0-9!#$&^_.+-]*|\*)$`)

// isIssuer reports whether s can be an issuer (OpenID Connect Discovery, section 3). One on loopback needs no TLS, for
// tests.
func isIssuer(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && u.RawQuery == "" && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && hostport.IsLoopback(u.Hostname()))
}

// parseNetworks parses networks. A single address is a network of its own.
func parseNetworks(texts []string) ([]*net.IPNet, error) {
	var networks []*net.IPNet
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			text = netip.PrefixFrom(ip, ip.BitLen()).String()
		}
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			return nil, err
		}
		if ones, _ := network.Mask.Size(); ones == 0 {
			return nil, fmt.Errorf("%s covers all addresses", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// isOrigin reports whether s is what a browser sends as Origin (RFC 6454, section 7).
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		s == u.Scheme+"://"+u.Host && s == strings.ToLower(s) && !strings.Contains(s, "*")
}
