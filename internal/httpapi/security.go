package httpapi

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
)

// Bounds on what comes before a body. What is longer than net/http itself reads, it refuses in plain text.
const (
	maxURI    = 4 << 10  // the longest honest one, a list's, is under 200 bytes
	maxHeader = 16 << 10 // an access token may take 8 KiB of it
)

// secure sets what keeps a browser from taking an answer for something else. Pages have a policy of their own.
func securityHeaders(overTLS bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h["Content-Security-Policy"], h["Referrer-Policy"], h["X-Content-Type-Options"] = denyContent, noReferrer, noSniff
			if overTLS {
				h["Strict-Transport-Security"] = requireTLS
			}
			return next(c)
		}
	}
}

// Header values that never change, and so need no memory of their own in each answer.
var (
	denyContent = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer  = []string{"no-referrer"}
	noSniff     = []string{"nosniff"}
	requireTLS  = []string{"max-age=31536000"}
)

// bounded refuses requests that are too long before their body is read. It leaves the body what net/http made it: with another in its
// place, net/http would not see that a client holds it back until it is told to go on, nor that a trailer was not one.
func limitRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.ContentLength > maxBody {
			return bodyTooLargeProblem()
		}
		if len(r.RequestURI) > maxURI {
			return &problem{Status: http.StatusRequestURITooLong, Code: "uri-too-long", Detail: "The address is longer than 4 KiB."}
		}
		if !isHost(r.Host) {
			return &problem{Status: http.StatusBadRequest, Code: "bad-host", Detail: "The Host header is not a name or address, with or without a port."}
		}
		size := 0
		for name, values := range r.Header {
			for _, value := range values {
				size += len(name) + len(value) + len(": \r\n")
			}
		}
		if size > maxHeader {
			return &problem{Status: http.StatusRequestHeaderFieldsTooLarge, Code: "header-too-large", Detail: "The header is larger than 16 KiB."}
		}
		return next(c)
	}
}

// isHost reports whether s is written as a Host must be (RFC 9112, section 3.2); net/http has seen to it that no character is in it that
// may be in none. An empty one says no more than that there is none.
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
