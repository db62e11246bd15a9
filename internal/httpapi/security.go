package httpapi

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// Limits of the request line and header. Net/http itself rejects longer ones, in plain text.
const (
	maxURI    = 4 << 10  // bytes; the longest legitimate one lists imports and is under 200
	maxHeader = 16 << 10 // bytes; an access token may take 8 KiB
)

// securityHeaders sets headers that stop browsers from interpreting a response as a page. The web UI has its own
// policy.
func securityHeaders(overTLS bool) echo.MiddlewareFunc {
	config := middleware.SecureConfig{
		ContentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
		ContentTypeNosniff:    "nosniff",
		ReferrerPolicy:        "no-referrer",
	}
	if overTLS {
		config.HSTSMaxAge, config.HSTSExcludeSubdomains = 365*24*60*60, true
	}
	return middleware.SecureWithConfig(config)
}

// limitRequest rejects requests that are too long before their body is read. It does not replace the body: net/http
// needs its own to handle Expect: 100-continue and trailers.
func limitRequest(x *exchange) error {
	r := x.Request()
	if r.ContentLength > maxBody {
		return bodyTooLargeProblem()
	}
	if len(r.RequestURI) > maxURI {
		return newProblem(http.StatusRequestURITooLong, "uri-too-long", "The URL is longer than 4 KiB. Send a shorter one.")
	}
	if !isHost(r.Host) {
		return newProblem(http.StatusBadRequest, "bad-host",
			"The Host header must be a host name or IP address, with or without a port. Send the host of the service.")
	}
	size := 0
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	if size > maxHeader {
		return newProblem(http.StatusRequestHeaderFieldsTooLarge, "header-too-large",
			"The request headers are larger than 16 KiB. Send fewer or shorter ones.")
	}
	return nil
}

// isHost reports whether s has the form of a Host (RFC 9112, section 3.2). Net/http has already checked its
// characters. An empty Host is valid.
func isHost(s string) bool {
	name, port := s, ""
	if at := strings.LastIndexByte(s, ':'); at > strings.LastIndexByte(s, ']') {
		name, port = s[:at], s[at+1:]
	}
	if strings.Trim(port, "0123456789") != "" {
		return false
	}
	if literal, ok := strings.CutPrefix(name, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(literal, "]"))
		return err == nil && ip.Is6() && strings.HasSuffix(literal, "]")
	}
	return !strings.ContainsAny(name, "[]:")
}
