package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/internal/imports"
)

// window is the burst of a client, in seconds of its quota.
const window = 2

// sweepAt is the number of quotas in memory from which full ones are removed. A new quota is full too, so nothing is
// lost.
const sweepAt = 4096

// siteShare is the quota of an IPv6 /48 network, in quotas of a client. Providers assign a /48 to one customer (RFC
// 6177), who could use a /64 of it for each request.
const siteShare = 10

// Documents have larger quotas than operations: they need neither the store nor a signature, and the web UI loads
// some 40 files at once.
const (
	documentShare = 10 // times the limit for operations
	documentLeast = 50 // requests per second
)

// limiter limits the requests of each caller, or of each network if the caller is anonymous. With perSecond 0 it
// limits nothing. It sets the header fields of draft-ietf-httpapi-ratelimit-headers-10; Echo's own limiter does not
// expose the remaining quota. Each process counts separately.
type limiter struct {
	client, site rule
	now          func() time.Time

	mu     sync.Mutex
	quotas map[string]*rate.Limiter
	sweep  int
}

// rule is a quota: requests per second.
type rule struct {
	name      string
	perSecond int
}

func newLimiter(name string, perSecond int, now func() time.Time) *limiter {
	return &limiter{
		client: rule{name, perSecond}, site: rule{name + "-48", siteShare * perSecond}, now: now,
		quotas: map[string]*rate.Limiter{}, sweep: sweepAt,
	}
}

// newDocumentLimiter returns the limiter for everything but operations; perSecond is the limit for operations.
func newDocumentLimiter(perSecond int, now func() time.Time) *limiter {
	return newLimiter("documents", max(documentShare*perSecond, documentLeast), now)
}

// countRequest counts each request: for operations of the API, or else for documents, the web UI and unknown paths.
// Health checks are exempt. So are store events, which are counted when their secret is wrong.
func countRequest(operations, documents *limiter) check {
	exempt := []string{"/healthz", "/readyz", storeEventsPath}
	return func(x *exchange) error {
		switch {
		case x.operation != nil:
			return operations.count(x)
		case slices.Contains(exempt, x.Path()):
			return nil
		}
		return documents.count(x)
	}
}

// count counts a request. It returns a problem with status 429 if the request exceeds a quota.
func (l *limiter) count(x *exchange) error {
	if l.client.perSecond == 0 {
		return nil
	}
	caller, site := x.owner, ""
	if x.ownerOrPublic() == imports.Public {
		caller, site = networks(x.RealIP())
		caller = "from " + caller
	}
	closest, left, wait := l.take(caller, site)
	header := x.Response().Header()
	// Set would write Ratelimit; the draft's spelling is RateLimit.
	header["RateLimit-Policy"] = []string{fmt.Sprintf(`"%s";q=%d;w=%d`, closest.name, closest.perSecond*window, window)}
	header["RateLimit"] = []string{fmt.Sprintf(`"%s";r=%d;t=%d`, closest.name, left, window)}
	if wait == 0 {
		return nil
	}
	return &problem{
		Status: http.StatusTooManyRequests, Code: "rate-limited", Header: [2]string{"Retry-After", strconv.Itoa(wait)},
		Detail: fmt.Sprintf("This client sent more than %d requests per second. Try again after %d s.", closest.perSecond, wait),
	}
}

// ClientNetwork returns the network that counts as one client: an IPv4 address, or an IPv6 /64 network, because its
// client can use all of its addresses.
func ClientNetwork(address string) string {
	client, _ := networks(address)
	return client
}

// networks returns the network that counts as one client, and the IPv6 /48 network of address, or "" for IPv4.
func networks(address string) (client, site string) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address, ""
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String(), ""
	}
	network := func(bits int) string { return netip.PrefixFrom(ip, bits).Masked().String() }
	return network(64), network(48)
}

// take counts a request of caller, and of site unless it is empty. It returns the rule with the smaller rest, that
// rest, and the seconds until this request is allowed, 0 if it is. A rejected request uses no quota, and a caller is
// not stored if its site has reached its limit, so that a site cannot fill the memory.
func (l *limiter) take(caller, site string) (r rule, left, wait int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var shared *rate.Limiter
	if site != "" {
		shared = l.quota(site, l.site, now)
		if tokens := shared.TokensAt(now); tokens < 1 {
			return l.site, 0, l.site.wait(tokens)
		}
	}
	own := l.quota(caller, l.client, now)
	if !own.AllowN(now, 1) {
		return l.client, 0, l.client.wait(own.TokensAt(now))
	}
	r, left = l.client, int(own.TokensAt(now))
	if shared != nil && shared.AllowN(now, 1) && int(shared.TokensAt(now)) < left {
		r, left = l.site, int(shared.TokensAt(now))
	}
	return r, left, 0
}

// quota returns the quota of name, which starts full.
func (l *limiter) quota(name string, r rule, now time.Time) *rate.Limiter {
	q := l.quotas[name]
	if q == nil {
		l.forget(now)
		q = rate.NewLimiter(rate.Limit(r.perSecond), r.perSecond*window)
		l.quotas[name] = q
	}
	return q
}

// wait returns the seconds until a token is available.
func (r rule) wait(tokens float64) int { return int(math.Ceil((1 - tokens) / float64(r.perSecond))) }

// forget removes full quotas if there are many.
func (l *limiter) forget(now time.Time) {
	if len(l.quotas) < l.sweep {
		return
	}
	for name, q := range l.quotas {
		if q.TokensAt(now) >= float64(q.Burst()) {
			delete(l.quotas, name)
		}
	}
	l.sweep = max(sweepAt, 2*len(l.quotas)) // keeps the cost of removal per new caller constant
}
