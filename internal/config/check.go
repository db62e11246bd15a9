package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/hostport"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// check reports each rule that c breaks.
func (c Config) check(report func(variable, value, rule string)) {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		report("SIGNPOST_LISTEN", c.Listen, "must be HOST:PORT, such as 127.0.0.1:8080")
	} else if !c.AllowAnonymous && !c.Authenticates() && !c.Local() {
		report("SIGNPOST_LISTEN", c.Listen, "reaches beyond this machine, and callers are not authenticated: "+
			"listen on 127.0.0.1, set SIGNPOST_API_KEYS_FILE or SIGNPOST_OIDC_ISSUER, "+
			"or SIGNPOST_ALLOW_ANONYMOUS=true if everybody who reaches it may upload")
	}
	if host, _, err := net.SplitHostPort(c.LocalListen); err != nil || !hostport.IsLoopback(host) {
		report("SIGNPOST_LOCAL_LISTEN", c.LocalListen,
			"must be a loopback HOST:PORT, such as 127.0.0.1:9000; the local store is for this machine alone")
	}
	if c.Bucket == "" && c.DataDir == "" {
		report("SIGNPOST_DATA_DIR", c.DataDir, "must name a folder")
	}
	if c.PublicEndpoint != "" {
		if _, err := sigv4.ParseEndpoint(c.PublicEndpoint); err != nil {
			report("SIGNPOST_PUBLIC_ENDPOINT", c.PublicEndpoint, "must be a URL such as https://s3.example.com")
		}
	}
	if c.URLTTL < time.Second || c.URLTTL > sigv4.MaxExpires || c.URLTTL%time.Second != 0 {
		report("SIGNPOST_URL_TTL", FormatDuration(c.URLTTL), "must be a duration between 1s and 168h, in whole seconds")
	}
	if c.JobTTL < time.Minute || c.JobTTL > 365*24*time.Hour || c.JobTTL%time.Second != 0 {
		report("SIGNPOST_JOB_TTL", FormatDuration(c.JobTTL), "must be a duration between 1m and 8760h, in whole seconds")
	}
	if c.MaxSize < 0 {
		report("SIGNPOST_MAX_SIZE", fmt.Sprint(c.MaxSize), sizeRule)
	}
	if bad := slices.DeleteFunc(slices.Clone(c.CORSOrigins), isOrigin); len(bad) > 0 {
		report("SIGNPOST_CORS_ORIGINS", strings.Join(bad, ","),
			"must be origins such as https://app.example.com, without path or wildcard, divided by commas")
	}
	c.checkGuards(report)
}

// checkGuards reports each rule that the settings of authentication, limits and connections break.
func (c Config) checkGuards(report func(variable, value, rule string)) {
	if bad := slices.DeleteFunc(slices.Clone(c.ContentTypes), mediaRange.MatchString); len(bad) > 0 {
		report("SIGNPOST_CONTENT_TYPES", strings.Join(bad, ","),
			"must be media types such as text/csv or image/*, in lower case, divided by commas")
	}
	if c.MaxOpenUploads < 0 || c.MaxOpenUploads > 1000 {
		report("SIGNPOST_MAX_OPEN_UPLOADS", strconv.Itoa(c.MaxOpenUploads), "must be a number up to 1000, or left out")
	}
	if c.RateLimit < 0 || c.RateLimit > 1_000_000 {
		report("SIGNPOST_RATE_LIMIT", strconv.Itoa(c.RateLimit), "must be a number up to 1000000, or left out")
	}
	if c.OIDCIssuer != "" && !isIssuer(c.OIDCIssuer) {
		report("SIGNPOST_OIDC_ISSUER", c.OIDCIssuer, "must be the issuer's https URL, exactly as its tokens have it")
	}
	switch {
	case c.OIDCIssuer != "" && c.OIDCAudience == "":
		report("SIGNPOST_OIDC_AUDIENCE", "",
			"must be the audience of the tokens of SIGNPOST_OIDC_ISSUER; tokens for other audiences are refused")
	case c.OIDCIssuer == "" && c.OIDCAudience != "":
		report("SIGNPOST_OIDC_ISSUER", "", "must name the issuer, as SIGNPOST_OIDC_AUDIENCE is set")
	}
	c.checkEvents(report)
	c.checkSigning(report)
	if _, err := c.TrustedNetworks(); err != nil {
		report("SIGNPOST_TRUSTED_PROXIES", strings.Join(c.TrustedProxies, ","),
			"must be networks such as 10.0.0.0/8 or single addresses, but not everybody, divided by commas")
	}
	switch {
	case c.TLSCert != "" && c.TLSKey == "":
		report("SIGNPOST_TLS_KEY", "", "must name the file of the private key, as SIGNPOST_TLS_CERT is set")
	case c.TLSCert == "" && c.TLSKey != "":
		report("SIGNPOST_TLS_CERT", "", "must name the file of the certificate, as SIGNPOST_TLS_KEY is set")
	}
	if _, _, err := net.SplitHostPort(c.MetricsListen); c.MetricsListen != "" && err != nil {
		report("SIGNPOST_METRICS_LISTEN", c.MetricsListen, "must be HOST:PORT, such as 127.0.0.1:9090")
	}
	if c.MaxConnections < 1 {
		report("SIGNPOST_MAX_CONNECTIONS", strconv.Itoa(c.MaxConnections), "must be a number from 1 on")
	}
	if c.MaxConnectionsPerClient < 0 {
		report("SIGNPOST_MAX_CONNECTIONS_PER_CLIENT", strconv.Itoa(c.MaxConnectionsPerClient),
			"must be a number from 1 on, or left out")
	}
	if c.StopDelay < 0 || c.StopDelay > 5*time.Minute {
		report("SIGNPOST_STOP_DELAY", FormatDuration(c.StopDelay), "must be a duration up to 5m")
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

// FormatDuration returns d without the zero units that time.Duration.String adds, such as 1h instead of 1h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// isOrigin reports whether s is what a browser sends as Origin (RFC 6454, section 7).
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		s == u.Scheme+"://"+u.Host && s == strings.ToLower(s) && !strings.Contains(s, "*")
}
