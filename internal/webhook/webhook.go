// Package webhook sends events to receivers elsewhere: signed, so that they know who speaks, and never to where nobody outside should
// make us call. It knows nothing of what an event is, and tries once; when to try again is for its user to decide.
package webhook

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Limits on deliveries, where Options say nothing else.
const (
	// idlePerHost is the number of idle connections to a host that are kept: as many as the outbox uses at a time.
	idlePerHost = 16
	// defaultTimeout is the shorter end of what the specification recommends: 15 to 30 s.
	defaultTimeout = 15 * time.Second
	// maxAnswer is how much of an answer is read, so that its connection can be used again. What it says is of no interest.
	maxAnswer = 64 << 10
)

// Options configure a Sender.
type Options struct {
	// Keys returns the keys that sign a delivery to a canonical host (see CanonicalHost), the newest first. Each adds a
	// signature, so that receivers can change from one key to the next at any time. Keys is called for each delivery.
	Keys func(ctx context.Context, host string) ([]Key, error)
	// Networks returns the private networks in which a canonical host may be. Nil allows none.
	Networks func(host string) []*net.IPNet
	// HTTPSOnly refuses plain HTTP also within Networks.
	HTTPSOnly bool
	// Timeout limits one delivery, from the DNS lookup to the end of the response (default 15 s).
	Timeout time.Duration
}

// Sender sends events. It is safe for concurrent use.
type Sender struct {
	keys      func(context.Context, string) ([]Key, error)
	guard     guard
	httpsOnly bool
	plain     *http.Transport // for http
	secure    *http.Transport // for https
	timeout   time.Duration
}

// New returns a Sender.
func New(o Options) *Sender {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	s := &Sender{keys: o.Keys, guard: guard{networks: o.Networks}, httpsOnly: o.HTTPSOnly, timeout: o.Timeout}
	s.plain, s.secure = newTransport(s.guard.dialPlain), newTransport(s.guard.dialSecure)
	return s
}

// newTransport uses no proxy: it would look up names where nobody judges what they lead to.
func newTransport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Send posts body, a CloudEvent as JSON, to address, and returns nil when it is answered with 2xx, and a *Failure otherwise. Id is the
// event's own, the same each time it is sent; as the parts of what is signed are divided by dots, it must have none that others chose. At
// is the time of this attempt, of which receivers accept five minutes more or less than their own.
func (s *Sender) Send(ctx context.Context, address, id string, at time.Time, body []byte) error {
	if err := CheckURL(address); err != nil {
		return &Failure{Reason: "the URL " + err.Error(), cause: err}
	}
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return &Failure{Reason: errURL.Error(), cause: err}
	}
	if s.httpsOnly && request.URL.Scheme != "https" {
		return &Failure{Reason: "the URL must be https"}
	}
	keys, err := s.keys(ctx, CanonicalHost(request.URL))
	if err != nil {
		return &Failure{Reason: "the event cannot be signed: " + err.Error(), cause: err}
	}
	if err := sign(request.Header, keys, id, at, body); err != nil {
		return &Failure{Reason: "the event cannot be signed", cause: err}
	}
	request.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	request.Header.Set("User-Agent", "signpost")

	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.deliver(request.WithContext(ctx))
}

// deliver sends request and judges the answer. A transport alone follows no redirect, keeps no cookie and repeats no URL in its errors.
func (s *Sender) deliver(request *http.Request) error {
	transport := s.secure
	if request.URL.Scheme == "http" {
		transport = s.plain
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return unanswered(request.Context(), request.URL, err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // its status has said everything
	return answered(request.URL, answer)
}

// sign sets the headers of Standard Webhooks 1.0.0 (section "Webhook headers").
func sign(header http.Header, keys []Key, id string, at time.Time, body []byte) error {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		var err error
		if signatures[i], err = key.sign(id, at, body); err != nil {
			return err
		}
	}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
