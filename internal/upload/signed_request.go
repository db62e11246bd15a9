package upload

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/signpost-s3/signpost/internal/hostport"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// UnsafeRequestError reports a signed request from the service that the client does not send.
type UnsafeRequestError struct {
	Method string
	// URL has no query, which is a credential.
	URL    string
	Reason string
}

func (e *UnsafeRequestError) Error() string {
	text := fmt.Sprintf("refused to send %s %s from the service: %s", e.Method, e.URL, e.Reason)
	return terminal.Line(text)
}

// uploadHeaders are the headers of S3 uploads, besides those that begin with x-amz-.
var uploadHeaders = []string{"cache-control", "content-disposition", "content-encoding", "content-language",
	"content-length", "content-md5", "content-type", "expires", "if-none-match"}

// CheckDownload returns an UnsafeRequestError if a download from url is not safe.
func (a *API) CheckDownload(url string) error {
	return a.check(http.MethodGet, signedRequest{method: http.MethodGet, url: url})
}

// check returns an UnsafeRequestError unless r is an S3 request with this method. A hostile service could otherwise
// make the client send any request to hosts in the client's network.
func (a *API) check(method string, r signedRequest) error {
	u, err := url.Parse(r.url)
	if err != nil {
		return &UnsafeRequestError{r.method, "a URL", "the URL is invalid"}
	}
	refuse := func(reason string) error {
		shown := url.URL{Scheme: u.Scheme, Opaque: u.Opaque, Host: u.Host, Path: u.Path}
		return &UnsafeRequestError{r.method, shown.String(), reason}
	}
	switch {
	case r.method != method:
		return refuse("only " + method + " is allowed")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return refuse("only http and https URLs are allowed")
	case u.User != nil:
		return refuse("a URL with a user name or password is not allowed")
	case u.Scheme == "http" && a.server.Scheme == "https" && !hostport.IsLoopback(u.Hostname()):
		return refuse("the service uses https, so http is allowed for this machine only")
	}
	for _, name := range slices.Sorted(maps.Keys(r.headers)) {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") && !slices.Contains(uploadHeaders, lower) {
			return refuse("header " + name + " is not a header of S3 uploads")
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(r.headers[name]) {
			return refuse("header " + name + " is invalid")
		}
	}
	return nil
}
