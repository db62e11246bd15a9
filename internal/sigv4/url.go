package sigv4

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
)

// SecretURL is a URL whose query is a credential. Printed or logged, it shows only host and path. It is printable
// ASCII without quotes and backslashes, so it needs no escaping in JSON.
type SecretURL struct{ raw string }

// Reveal returns the whole URL.
func (s SecretURL) Reveal() string { return s.raw }

// String returns the URL without its query.
func (s SecretURL) String() string {
	bare, _, _ := strings.Cut(s.raw, "?")
	return bare
}

// GoString omits the query, for %#v.
func (s SecretURL) GoString() string { return s.String() }

// LogValue omits the query, for package slog.
func (s SecretURL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Endpoint is the address of a bucket. Keys are appended to its path.
type Endpoint struct {
	origin   string // scheme and authority
	host     string // Host header
	basePath string // escaped, with a trailing slash
}

// Origin returns the origin of requests to e (RFC 6454, section 6.2).
func (e Endpoint) Origin() string { return e.origin }

// isHost matches a host name, also with underscores, or an address, with an optional port. Net/url also accepts quotes.
var isHost = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// ParseEndpoint parses a bucket's URL: https://bucket.s3.eu-west-1.amazonaws.com or http://localhost:9000/bucket.
func ParseEndpoint(raw string) (Endpoint, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return Endpoint{}, fmt.Errorf("%q is not a URL", raw)
	case u.Scheme != "https" && u.Scheme != "http":
		return Endpoint{}, fmt.Errorf("%q does not begin with https:// or http://", raw)
	case u.Host == "":
		return Endpoint{}, fmt.Errorf("%q names no host", raw)
	case !isHost.MatchString(u.Host):
		return Endpoint{}, fmt.Errorf("%q is not a host's name or address", u.Host)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return Endpoint{}, errors.New("an endpoint has no user, query or fragment")
	}
	// Clients differ in whether Host contains a default port, and upper-case letters. So the URL has neither.
	host := strings.ToLower(u.Host)
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+u.Port())
	}
	return Endpoint{
		origin:   u.Scheme + "://" + host,
		host:     host,
		basePath: strings.TrimSuffix(u.EscapedPath(), "/") + "/",
	}, nil
}

// BucketURL returns the address of the bucket, to which forms are posted. It has no signature.
func (e Endpoint) BucketURL() SecretURL {
	return SecretURL{strings.TrimSuffix(e.origin+e.basePath, "/")}
}
