package server_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlainHTTPToTLSPort: the response names the right URL, also to a client that sends a large body first.
func TestPlainHTTPToTLSPort(t *testing.T) {
	s := startTLS(t)
	for _, size := range []int64{0, 12e6} {
		head := bare("POST /import?x=y HTTP/1.1", "Host: "+s.address, fmt.Sprint("Content-Length: ", size))
		response, p := oneShot(t, s.open(t, false), head, spaces(size))
		if response.StatusCode != 400 || p.Code != "tls-required" ||
			!strings.Contains(p.Detail, " https://"+s.address+"/import ") {
			t.Errorf("%d bytes: got %d %+v, want 400 tls-required with the https URL", size, response.StatusCode, p)
		}
	}
}
