package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/internal/imports"
)

// window is how many seconds' worth of requests a caller may make at once.
const window = 2

// sweepAt is at how many callers those who could make a whole burst are forgotten: nothing is lost, for who is not known can too.
const sweepAt = 4096

// limiter bounds the requests of each caller, or of each network where nobody knows who calls; of none, if perSecond is 0. It tells
// what is left as draft-ietf-httpapi-ratelimit-headers-10 has it. Echo's own limiter does not know what is left. Each server counts
// for itself.
type limiter struct {
	perSecond int
	policy    []string
	now       func() time.Time

	mu      sync.Mutex
	callers map[string]*rate.Limiter
	sweep   int
}

func newLimiter(perSecond int, now func() time.Time) *limiter {
	policy := fmt.Sprintf(`"requests";q=%d;w=%d`, perSecond*window, window)
	return &limiter{perSecond: perSecond, policy: []string{policy}, now: now, callers: map[string]*rate.Limiter{}, sweep: sweepAt}
}

func (l *limiter) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := l.count(c.(*exchange)); err != nil {
			return err
		}
		return next(c)
	}
}

// count is the answer to a request that is one too many, or nil.
func (l *limiter) count(x *exchange) error {
	if x.operation == nil || l.perSecond == 0 {
		return nil
	}
	caller := x.owner
	if caller == "" || caller == imports.Public {
		caller = "from " + ClientNetwork(x.RealIP())
	}
	left, wait := l.take(caller)
	header := x.Response().Header()
	header["RateLimit-Policy"], header["RateLimit"] = l.policy, []string{fmt.Sprintf(`"requests";r=%d;t=%d`, left, window)}
	if wait == 0 {
		return nil
	}
	return &problem{
		Status: http.StatusTooManyRequests, Code: "rate-limited", Header: [2]string{"Retry-After", strconv.Itoa(wait)},
		Detail: fmt.Sprintf("More than %d requests a second. Try again after %d s.", l.perSecond, wait),
	}
}

// ClientNetwork returns the addresses that limits count as one client: an IPv4 address, or an IPv6 /64 network, because a client
// of such a network can use all of its addresses.
func ClientNetwork(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}

// take counts a request: how many more could be made now, and after how many seconds this one could, 0 if now.
func (l *limiter) take(caller string) (left, wait int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	one := l.callers[caller]
	if one == nil {
		l.forget(now)
		one = rate.NewLimiter(rate.Limit(l.perSecond), l.perSecond*window)
		l.callers[caller] = one
	}
	if !one.AllowN(now, 1) {
		return 0, int(math.Ceil((1 - one.TokensAt(now)) / float64(l.perSecond)))
	}
	return int(one.TokensAt(now)), 0
}

// forget drops those who have made no request for a while, when there are many.
func (l *limiter) forget(now time.Time) {
	if len(l.callers) < l.sweep {
		return
	}
	for caller, one := range l.callers {
		if one.TokensAt(now) >= float64(l.perSecond*window) {
			delete(l.callers, caller)
		}
	}
	l.sweep = max(sweepAt, 2*len(l.callers)) // so that a sweep costs each new caller little, however many there are
}
