package lambdaevent

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/hostport"
)

// request returns the HTTP request that net/http would have parsed.
func (e *event) request(ctx context.Context, from integration) (*http.Request, error) {
	body, err := e.body()
	if err != nil {
		return nil, err
	}
	if caller, ok := e.caller(); ok {
		ctx = auth.WithCaller(ctx, caller)
	}
	method := e.HTTPMethod
	if from == http2 {
		method = e.Context.HTTP.Method
	}
	r := (&http.Request{
		Method: method, URL: parseURL(e.path(from), e.query(from)), Header: e.header(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: http.NoBody, ContentLength: int64(len(body)),
	}).WithContext(ctx)
	r.RequestURI = r.URL.RequestURI()
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host") // as net/http does
	r.Header.Del("Transfer-Encoding")
	r.Header.Del("Content-Length")
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	r.RemoteAddr = e.sourceIP(from, r.Header) + ":0"
	if r.Header.Get("X-Request-Id") == "" && e.Context.RequestID != "" {
		r.Header.Set("X-Request-Id", e.Context.RequestID) // to correlate the integration's log with ours
	}
	return r, nil
}

// parseURL parses path and query as net/http does. HTTP APIs decode the path, so it may need escaping.
func parseURL(path, query string) *url.URL {
	if !strings.HasPrefix(path, "/") { // not sent by any integration
		path = "/" + path
	}
	raw := path
	if query != "" {
		raw += "?" + query
	}
	if u, err := url.ParseRequestURI(raw); err == nil && !strings.HasPrefix(path, "//") {
		return u
	}
	return &url.URL{Path: path, RawQuery: query}
}

// header returns all values of MultiValueHeaders, or those of Headers. Names that differ only in case are merged.
func (e *event) header() http.Header {
	h := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(e.MultiValueHeaders)) {
		for _, value := range e.MultiValueHeaders[name] {
			h.Add(name, value)
		}
	}
	if len(e.MultiValueHeaders) == 0 {
		for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
			h.Add(name, e.Headers[name])
		}
	}
	if len(e.Cookies) > 0 {
		h.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	return h
}

// sourceIP returns the client's address. A load balancer appends it to X-Forwarded-For; a client can forge what
// precedes it.
func (e *event) sourceIP(from integration, h http.Header) string {
	switch from {
	case http2:
		return bracketIPv6(e.Context.HTTP.SourceIP)
	case loadBalancer:
		all := strings.Join(h.Values("X-Forwarded-For"), ",")
		last := strings.TrimSpace(all[strings.LastIndex(all, ",")+1:])
		return bracketIPv6(hostport.Host(last)) // a load balancer may be configured to add the port
	}
	return bracketIPv6(e.Context.Identity.SourceIP)
}

// bracketIPv6 returns ip as it is written before a port.
func bracketIPv6(ip string) string {
	if strings.Contains(ip, ":") {
		return "[" + ip + "]"
	}
	return ip
}
