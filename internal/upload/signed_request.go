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

// signedRequest is a signed request. Its URL is a credential and is never shown.
type signedRequest struct {
	method, url string
	headers     map[string]string
}

// uploadHeaders are the headers of S3 uploads, besides those that begin with x-amz-.
var uploadHeaders = []string{"cache-control", "content-disposition", "content-encoding", "content-language",
	"content-length", "content-md5", "content-type", "expires", "if-none-match"}

// CheckDownload returns ErrUnsafeRequest if a download from url is not safe.
func (a *API) CheckDownload(url string) error {
	return a.check(http.MethodGet, signedRequest{method: http.MethodGet, url: url})
}

// check returns ErrUnsafeRequest unless r is an S3 request with this method. A hostile service could otherwise make the
// client send any request to hosts in the client's network.
func (a *API) check(method string, r signedRequest) error {
	u, err := url.Parse(r.url)
	if err != nil {
		return unsafeRequest(r.method, "a URL", "the URL is invalid")
	}
	withoutQuery := url.URL{Scheme: u.Scheme, Opaque: u.Opaque, Host: u.Host, Path: u.Path}
	reason := ""
	switch {
	case r.method != method:
		reason = "only " + method + " is allowed"
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		reason = "only http and https URLs are allowed"
	case u.User != nil:
		reason = "a URL with a user name or password is not allowed"
	case u.Scheme == "http" && a.server.Scheme == "https" && !hostport.IsLoopback(u.Hostname()):
		reason = "the service uses https, so http is allowed for this machine only"
	default:
		reason = checkHeaders(r.headers)
	}
	if reason == "" {
		return nil
	}
	return unsafeRequest(r.method, withoutQuery.String(), reason)
}

// checkHeaders returns why these are not headers of an S3 upload, or "".
func checkHeaders(headers map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") && !slices.Contains(uploadHeaders, lower) {
			return "header " + name + " is not a header of S3 uploads"
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(headers[name]) {
			return "header " + name + " is invalid"
		}
	}
	return ""
}

// unsafeRequest returns ErrUnsafeRequest with the reason.
func unsafeRequest(method, url, reason string) error {
	text := fmt.Sprintf("%s %s from the service: %s", method, url, reason)
	return fmt.Errorf("%w %s", ErrUnsafeRequest, terminal.Line(text))
}
