package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxEvent bounds an event, which is what is known of one import: a few kB.
const maxEventBody = 1 << 20

// bodyTimeout is how long its bytes may take.
const bodyTimeout = 10 * time.Second

// receiver takes deliveries: signed ones, each event once, one at a time.
type receiver struct {
	verifier *standardwebhooks.Webhook
	handle   func(context.Context, receivedEvent) error
	stderr   io.Writer
	busy     chan struct{} // whose it is may handle an event, and look at handled
	handled  recentIDs
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	status, err := r.receive(w, request)
	if err != nil {
		fmt.Fprintf(r.stderr, "answered %d: %v\n", status, err)
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.WriteHeader(status)
}

// take returns the status to answer with, and for people what is wrong.
func (r *receiver) receive(w http.ResponseWriter, request *http.Request) (status int, err error) {
	if request.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, fmt.Errorf("%s is no delivery of an event, which is a POST", request.Method)
	}
	body, status, err := readEvent(w, request)
	if err != nil {
		return status, err
	}
	if err := r.verifier.Verify(body, request.Header); err != nil {
		return http.StatusUnauthorized, verificationError(err)
	}
	n, err := parseEvent(body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	ctx := request.Context()
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return http.StatusServiceUnavailable, fmt.Errorf("%s: the service has not waited for its turn, and will send it again", n)
	}
	id := request.Header.Get(standardwebhooks.HeaderWebhookID)
	if r.handled.has(id) {
		return http.StatusNoContent, nil
	}
	if err := r.handle(ctx, n); err != nil {
		return http.StatusInternalServerError, fmt.Errorf("%s: %w", n, err)
	}
	r.handled.add(id)
	return http.StatusNoContent, nil
}

// readEvent reads a body that must come whole, within bounds of size and time.
func readEvent(w http.ResponseWriter, request *http.Request) (body []byte, status int, err error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return nil, http.StatusInternalServerError, err
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, request.Body, maxEventBody))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("a delivery of more than %s", formatBytes(maxEventBody))
	case err != nil:
		return nil, http.StatusBadRequest, errors.New("a delivery that broke off")
	}
	return body, 0, control.SetReadDeadline(time.Time{})
}

// unverified says why err's delivery is not believed.
func verificationError(err error) error {
	switch {
	case errors.Is(err, standardwebhooks.ErrNoMatchingSignature):
		return errors.New("a delivery is signed with another secret, or is not what was signed")
	case errors.Is(err, standardwebhooks.ErrMessageTooOld), errors.Is(err, standardwebhooks.ErrMessageTooNew):
		return errors.New("a delivery's time is more than 5 minutes off")
	}
	return errors.New("a delivery is not signed")
}
