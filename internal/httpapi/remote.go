package httpapi

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/hostport"
)

// remoteAddress returns the client's address: the last in X-Forwarded-For that is not a trusted proxy's. A client can
// forge all addresses before it. Echo's own extractor rejects addresses with a port, which some proxies write.
func remoteAddress(trusted []*net.IPNet) echo.IPExtractor {
	direct := echo.ExtractIPDirect()
	if len(trusted) == 0 {
		return direct
	}
	return func(r *http.Request) string {
		address := direct(r)
		hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
		for _, hop := range slices.Backward(hops) {
			ip := net.ParseIP(address)
			isTrusted := slices.ContainsFunc(trusted, func(n *net.IPNet) bool { return n.Contains(ip) })
			before := hostport.Host(strings.TrimSpace(hop))
			if !isTrusted || net.ParseIP(before) == nil {
				break
			}
			address = before
		}
		return address
	}
}
