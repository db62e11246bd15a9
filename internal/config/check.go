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

func (c checker) check() {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		c.report(&c.Listen, "must be HOST:PORT, such as 127.0.0.1:8080")
	} else if !c.AllowAnonymous && !c.Authenticates() && !c.Local() {
		c.report(&c.Listen, "reaches beyond this machine, and callers are not authenticated: "+
			"listen on 127.0.0.1, set SIGNPOST_API_KEYS_FILE or SIGNPOST_OIDC_ISSUER, "+
			"or SIGNPOST_ALLOW_ANONYMOUS=true if every client that reaches it may upload")
	}
	if host, _, err := net.SplitHostPort(c.LocalListen); err != nil || !hostport.IsLoopback(host) {
		c.report(&c.LocalListen,
			"must be a loopback HOST:PORT, such as 127.0.0.1:9000; the local store is for this machine alone")
	}
	if c.Bucket == "" && c.DataDir == "" {
		c.report(&c.DataDir, "must name a folder")
	}
	if c.PublicEndpoint != "" {
		if _, err := sigv4.ParseEndpoint(c.PublicEndpoint); err != nil {
			c.report(&c.PublicEndpoint, "must be a URL such as https://s3.example.com")
		}
	}
	if c.URLTTL < time.Second || c.URLTTL > sigv4.MaxExpires || c.URLTTL%time.Second != 0 {
		c.report(&c.URLTTL, "must be a duration between 1s and 168h, in whole seconds")
	}
	if c.JobTTL < time.Minute || c.JobTTL > 365*24*time.Hour || c.JobTTL%time.Second != 0 {
		c.report(&c.JobTTL, "must be a duration between 1m and 8760h, in whole seconds")
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
		c.report(&c.MaxOpenUploads, "must be a number up to 1000, or unset")
	}
	if c.RateLimit < 0 || c.RateLimit > 1_000_000 {
		c.report(&c.RateLimit, "must be a number up to 1000000, or unset")
	}
	if c.OIDCIssuer != "" && !isIssuer(c.OIDCIssuer) {
		c.report(&c.OIDCIssuer, "must be the issuer's https URL, exactly as its tokens have it")
	}
	switch {
	case c.OIDCIssuer != "" && c.OIDCAudience == "":
		c.report(&c.OIDCAudience,
			"must be the audience of the tokens of SIGNPOST_OIDC_ISSUER; tokens for other audiences are refused")
	case c.OIDCIssuer == "" && c.OIDCAudience != "":
		c.report(&c.OIDCIssuer, "must name the issuer, as SIGNPOST_OIDC_AUDIENCE is set")
	}
	c.checkEvents()
	c.checkSigning()
	if _, err := c.TrustedNetworks(); err != nil {
		c.report(&c.TrustedProxies,
			"must be networks such as 10.0.0.0/8 or single addresses, but not all addresses, separated by commas")
	}
	switch {
	case c.TLSCert != "" && c.TLSKey == "":
		c.report(&c.TLSKey, "must name the file of the private key, as SIGNPOST_TLS_CERT is set")
	case c.TLSCert == "" && c.TLSKey != "":
		c.report(&c.TLSCert, "must name the file of the certificate, as SIGNPOST_TLS_KEY is set")
	}
	if _, _, err := net.SplitHostPort(c.MetricsListen); c.MetricsListen != "" && err != nil {
		c.report(&c.MetricsListen, "must be HOST:PORT, such as 127.0.0.1:9090")
	}
	if c.MaxConnections < 1 {
		c.report(&c.MaxConnections, "must be a number from 1 on")
	}
	if c.MaxConnectionsPerClient < 0 {
		c.report(&c.MaxConnectionsPerClient, "must be a number from 1 on, or unset")
	}
	if c.StopDelay < 0 || c.StopDelay > 5*time.Minute {
		c.report(&c.StopDelay, "must be a duration up to 5m")
	}
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
