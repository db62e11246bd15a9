package webhook

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// maxURL bounds a receiver's URL, in bytes. Longer ones are refused by servers too.
const maxURL = 2048

// What a URL can be refused for. None repeats it: its query may be a credential.
var (
	errURL      = errors.New("must be one such as https://example.com/events")
	errURLLong  = errors.New("must have at most 2048 bytes")
	errUserinfo = errors.New("must have no user name or password before its host: receivers know us by the signature")
	errFragment = errors.New("must have no fragment (#): it would not be sent")
)

// CheckURL says what can be said of a receiver's URL before it is called, in words that follow its name: it is https, or http, which only
// the networks that are allowed may have, with a host, without user name and fragment, and of at most 2,048 bytes. What address it leads
// to is judged when it is called.
func CheckURL(raw string) error {
	if len(raw) > maxURL {
		return errURLLong
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || !isPort(u.Port()):
		return errURL
	case u.User != nil:
		return errUserinfo
	case strings.Contains(raw, "#"):
		return errFragment
	}
	return nil
}

// isPort reports whether s can be called, or is left out.
func isPort(s string) bool {
	port, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil && port > 0
}
