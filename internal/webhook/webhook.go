// Package webhook sends events to receivers over HTTP. Deliveries are signed by the Standard Webhooks specification,
// and go to public addresses or allowed networks only. The package makes one attempt: its caller decides about retries.
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

const (
	// idlePerHost is the number of idle connections to a host: as many as the outbox uses at a time.
	idlePerHost = 16
	// defaultTimeout is the lower limit of the specification's recommendation: 15 to 30 s.
	defaultTimeout = 15 * time.Second
	// maxResponse limits what is read of a response, in bytes. The body is discarded, but read so that the connection can
	// be reused.
	maxResponse = 64 << 10
)

// Options configure a Sender.
type Options struct {
	// Keys returns the keys that sign a delivery to a canonical host (see CanonicalHost), the newest first. Each adds a
	// signature, so that receivers can change from one key to the next at any time. Keys is called for each delivery.
	Keys func(ctx context.Context, host string) ([]Key, error)
	// Networks returns the private networks in which a canonical host may be. Nil allows none.
	Networks func(host string) []*net.IPNet
	// NetworksSetting is the name of the setting that allows networks, for failures.
	NetworksSetting string
	// HTTPSOnly refuses plain HTTP also within Networks.
	HTTPSOnly bool
	// Timeout limits one delivery, from the DNS lookup to the end of the response (default 15 s).
	Timeout time.Duration
	// Trace adds spans to a transport. Nil adds none.
	Trace func(http.RoundTripper) http.RoundTripper
}

// Sender sends events. It is safe for concurrent use.
type Sender struct {
	options     Options
	http, https *http.Transport   // by the scheme of the URL
	transport   http.RoundTripper // chooses one of them
	resolver    *net.Resolver     // nil: net.DefaultResolver
}

// New returns a Sender.
func New(o Options) *Sender {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Networks == nil {
		o.Networks = func(string) []*net.IPNet { return nil }
	}
	s := &Sender{options: o}
	s.http, s.https = newTransport(s.dialPlain), newTransport(s.dialSecure)
	s.transport = byScheme{s}
	if o.Trace != nil {
		s.transport = o.Trace(s.transport)
	}
	return s
}

// byScheme sends requests by the transport of their scheme.
type byScheme struct{ *Sender }

func (b byScheme) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "http" {
		return b.http.RoundTrip(request)
	}
	return b.https.RoundTrip(request)
}

// newTransport returns a transport without a proxy. A proxy would look up names itself, and the addresses could not be
// checked.
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

// Send posts body, a CloudEvent as JSON, to address. It returns nil if the response is 2xx, and a *Failure otherwise.
// Id is the id of the event, the same in each attempt. It must have no dots, because they separate the parts of the
// signed text. At is the time of the attempt: receivers accept five minutes of difference to their clock.
func (s *Sender) Send(ctx context.Context, address, id string, at time.Time, body []byte) error {
	if err := CheckURL(address); err != nil {
		return &Failure{Reason: "the URL " + err.Error(), cause: err}
	}
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return &Failure{Reason: errURL.Error(), cause: err}
	}
	if s.options.HTTPSOnly && request.URL.Scheme != "https" {
		return &Failure{Reason: "the URL must be https"}
	}
	keys, err := s.options.Keys(ctx, CanonicalHost(request.URL))
	if err != nil {
		return &Failure{Reason: "the event cannot be signed: " + err.Error(), cause: err}
	}
	if err := sign(request.Header, keys, id, at, body); err != nil {
		return &Failure{Reason: "the event cannot be signed", cause: err}
	}
	request.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	request.Header.Set("User-Agent", "signpost")

	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	return s.deliver(request.WithContext(ctx))
}

// deliver sends request and checks the response. It uses the transport without a client, which follows no redirects,
// keeps no cookies and does not repeat the URL in errors.
func (s *Sender) deliver(request *http.Request) error {
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		return transportError(request.Context(), request.URL, err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxResponse))
	return statusError(request.URL, response)
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
