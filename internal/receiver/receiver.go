// Package receiver receives webhook deliveries on a laptop: it verifies them, and handles each event once.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signpost-s3/signpost/internal/format"
)

// maxBody bounds an event, in bytes. An event describes one import in a few kB.
const maxBody = 1 << 20

// bodyTimeout bounds the reading of a request body.
const bodyTimeout = 10 * time.Second

// Receiver accepts signed deliveries and handles each event once, one at a time.
type Receiver struct {
	verifier *standardwebhooks.Webhook
	handle   func(context.Context, Event) error
	stderr   io.Writer
	busy     chan struct{} // semaphore that also guards handled
	handled  recentIDs
}

// New returns a receiver that verifies deliveries with the key of a secret, and reports rejected ones on stderr.
func New(key []byte, handle func(context.Context, Event) error, stderr io.Writer) (*Receiver, error) {
	verifier, err := standardwebhooks.NewWebhookRaw(key)
	return &Receiver{verifier: verifier, handle: handle, stderr: stderr, busy: make(chan struct{}, 1)}, err
}

// ServeHTTP handles a delivery.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	status, err := r.receive(w, request)
	if err != nil {
		fmt.Fprintf(r.stderr, "rejected a delivery with %d: %v\n", status, err)
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.WriteHeader(status)
}

// receive handles a delivery and returns the response status.
func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) (status int, err error) {
	if request.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, fmt.Errorf("method %s; deliveries use POST", request.Method)
	}
	body, status, err := readBody(w, request)
	if err != nil {
		return status, err
	}
	if err := r.verifier.Verify(body, request.Header); err != nil {
		return http.StatusUnauthorized, verificationError(err)
	}
	e, err := ParseEvent(body)
	if err != nil {
		return http.StatusBadRequest, fmt.Errorf("the delivery has a valid signature, but %w", err)
	}
	ctx := request.Context()
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return http.StatusServiceUnavailable,
			fmt.Errorf("%s: the service closed the connection while another event was handled; it will retry", e)
	}
	id := request.Header.Get(standardwebhooks.HeaderWebhookID)
	if r.handled.has(id) {
		return http.StatusNoContent, nil
	}
	if err := r.handle(ctx, e); err != nil {
		return http.StatusInternalServerError, fmt.Errorf("%s: %w", e, err)
	}
	r.handled.add(id)
	return http.StatusNoContent, nil
}

// readBody reads a request body, within limits of size and time.
func readBody(w http.ResponseWriter, request *http.Request) (body []byte, status int, err error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return nil, http.StatusInternalServerError, err
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %s", format.Bytes(maxBody))
	case err != nil:
		return nil, http.StatusBadRequest, errors.New("the body is incomplete")
	}
	return body, 0, control.SetReadDeadline(time.Time{})
}

// verificationError explains why a signature is rejected.
func verificationError(err error) error {
	switch {
	case errors.Is(err, standardwebhooks.ErrNoMatchingSignature):
		return errors.New("the signature does not match: it was made with another secret, or for another body")
	case errors.Is(err, standardwebhooks.ErrMessageTooOld), errors.Is(err, standardwebhooks.ErrMessageTooNew):
		return errors.New("the timestamp differs from this machine's clock by more than 5 minutes")
	}
	return errors.New("the delivery is not signed")
}

// maxRecentIDs is more than a laptop receives while the service may still retry an event.
const maxRecentIDs = 10_000

// recentIDs holds the last maxRecentIDs ids, and up to as many older ones.
type recentIDs struct{ newer, older map[string]bool }

func (r *recentIDs) has(id string) bool { return r.newer[id] || r.older[id] }

func (r *recentIDs) add(id string) {
	if r.newer == nil || len(r.newer) == maxRecentIDs {
		r.newer, r.older = map[string]bool{}, r.newer
	}
	r.newer[id] = true
}
