// Package retryafter reads the header Retry-After.
package retryafter

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Parse returns how long the sender of header asks the client to wait, at most limit, and 0 if it does not ask. The
// value is a number of seconds or a date (RFC 9110, section 10.2.3). A date is compared with the header Date, because
// the clocks may differ.
func Parse(header http.Header, limit time.Duration) time.Duration {
	value := header.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(min(seconds, uint64(limit/time.Second))) * time.Second
	} else if until, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		wait = until.Sub(now)
	}
	return min(max(wait, 0), limit)
}
