package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Bounds on what comes before a body. What is longer than net/http itself reads, it refuses in plain text.
const (
	maxURI    = 4 << 10  // the longest honest one, a list's, is under 200 bytes
	maxHeader = 16 << 10 // an access token may take 8 KiB of it
)

// secure sets what keeps a browser from taking an answer for something else. Pages have a policy of their own.
func secure(overTLS bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h["Content-Security-Policy"], h["Referrer-Policy"], h["X-Content-Type-Options"] = noContent, noReferrer, noSniff
			if overTLS {
				h["Strict-Transport-Security"] = alwaysTLS
			}
			return next(c)
		}
	}
}

// Header values that never change, and so need no memory of their own in each answer.
var (
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
	noSniff    = []string{"nosniff"}
	alwaysTLS  = []string{"max-age=31536000"}
)

// bounded refuses requests that are too long before their body is read.
func bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if len(r.RequestURI) > maxURI {
			return &problem{Status: http.StatusRequestURITooLong, Code: "uri-too-long", Detail: "The address is longer than 4 KiB."}
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
