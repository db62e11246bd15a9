package webhook

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// maxURL limits the URL of a receiver, in bytes. Servers also refuse longer ones.
const maxURL = 2048

// Errors about URLs. They never contain the URL: its query may be a credential.
var (
	errURL      = errors.New("must be a URL such as https://example.com/events")
	errURLLong  = errors.New("must have at most 2048 bytes")
	errUserinfo = errors.New("must have no user name or password; receivers verify the signature instead")
	errFragment = errors.New("must have no fragment (#), which HTTP does not send")
)

// CheckURL returns an error if raw cannot be the URL of a receiver. It must be https or http with a host, without user
// name and fragment, and at most 2,048 bytes. Errors are phrases that follow the name of the URL. Send checks the
// address, and allows http in allowed networks only.
func CheckURL(raw string) error {
	if len(raw) > maxURL {
		return errURLLong
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || !isValidPort(u.Port()):
		return errURL
	case u.User != nil:
		return errUserinfo
	case strings.Contains(raw, "#"):
		return errFragment
	}
	return nil
}

// isValidPort reports whether s is a port number or empty.
func isValidPort(s string) bool {
	port, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil && port > 0
}
