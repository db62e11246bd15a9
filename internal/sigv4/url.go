package sigv4

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
)

// SecretURL is a URL whose query is a credential. Printed or logged, it shows host and path only. It is printable ASCII without
// quote or backslash, so that JSON takes it as it is.
type SecretURL struct{ raw string }

// Reveal returns the whole URL, for the one who may use it.
func (s SecretURL) Reveal() string { return s.raw }

// String returns the URL without its query.
func (s SecretURL) String() string {
	bare, _, _ := strings.Cut(s.raw, "?")
	return bare
}

// GoString keeps %#v from showing the query.
func (s SecretURL) GoString() string { return s.String() }

// LogValue keeps the query out of logs.
func (s SecretURL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Endpoint is the address of a bucket: keys are appended to its path.
type Endpoint struct {
	origin   string // scheme and authority
	host     string // the Host header a client sends
	basePath string // escaped, ends in a slash
}

// Origin is where requests to e go, as browsers write it (RFC 6454, section 6.2).
func (e Endpoint) Origin() string { return e.origin }

// isHost is narrower than net/url, which lets quotes pass: names, also with underscores, and addresses, each with an optional port.
var isHost = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// ParseEndpoint reads a bucket's URL: https://bucket.s3.eu-west-1.amazonaws.com or http://localhost:9000/bucket.
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
	// Clients differ in whether they send a default port, and letters as they are, in Host. A URL without either leaves them
	// no choice.
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

// BucketURL returns the address of the bucket itself, to which forms are posted. It carries no signature.
func (e Endpoint) BucketURL() SecretURL {
	return SecretURL{strings.TrimSuffix(e.origin+e.basePath, "/")}
}
