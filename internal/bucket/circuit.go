package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/sony/gobreaker/v2"
)

const (
	// openAfter is the number of consecutive failures that open the circuit. Each call has made up to three attempts, so
	// this is not a brief disturbance, but few callers have waited for a timeout.
	openAfter = 10
	// openTime is how long the circuit stays open. The service should notice a store that recovers before callers retry,
	// and one call per second is no load.
	openTime = time.Second
	// probeWait is how long other calls wait for the probe's result. A store that has recovered answers sooner.
	probeWait = 250 * time.Millisecond
	probePoll = 5 * time.Millisecond
)

var (
	// errCircuitOpen is the error of a call that was not sent.
	errCircuitOpen = fmt.Errorf("%w: the circuit breaker is open, no request was sent", ErrUnavailable)
	// errInconclusive is an error that says nothing about the store.
	errInconclusive = errors.New("no evidence")
)

// circuit is a circuit breaker: after openAfter consecutive calls that found the store unavailable, calls fail at
// once. After openTime, one call is sent as a probe. Any response to it closes the circuit.
type circuit struct {
	breaker *gobreaker.CircuitBreaker[struct{}]
}

func newCircuit() circuit {
	return circuit{gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     openTime,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= openAfter },
		IsExcluded:  func(err error) bool { return errors.Is(err, errInconclusive) },
	})}
}

// do calls send, or returns errCircuitOpen.
func (c circuit) do(ctx context.Context, send func() error) (err error) {
	c.awaitProbe(ctx)
	_, refused := c.breaker.Execute(func() (struct{}, error) {
		err = send()
		return struct{}{}, failureOf(ctx, err)
	})
	if errors.Is(refused, gobreaker.ErrOpenState) || errors.Is(refused, gobreaker.ErrTooManyRequests) {
		return errCircuitOpen
	}
	return err
}

// awaitProbe waits for a probe in progress, so that concurrent calls do not fail although the store has recovered.
func (c circuit) awaitProbe(ctx context.Context) {
	probing := func() bool {
		counts := c.breaker.Counts()
		// A canceled call counts as an exclusion.
		return c.breaker.State() == gobreaker.StateHalfOpen && counts.Requests > counts.TotalExclusions
	}
	for end := time.Now().Add(probeWait); probing() && time.Now().Before(end); {
		select {
		case <-time.After(probePoll):
		case <-ctx.Done():
			return
		}
	}
}

// doSlow is do for calls that may take long. They are never the probe, for which other calls wait.
func (c circuit) doSlow(ctx context.Context, send func() error) error {
	if c.breaker.State() == gobreaker.StateHalfOpen {
		return send()
	}
	return c.do(ctx, send)
}

// failureOf returns err if it shows that the store is unavailable. It returns nil for every response of the store,
// even an error: callers should receive that response.
func failureOf(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, ErrCredentialsExpired): // the caller's cancellation, not callTimeout
		return errInconclusive
	case errors.Is(err, ErrUnavailable) && !isCompleteAnswer(err):
		return err
	}
	return nil
}

// isCompleteAnswer reports whether err is a response of the store that was received completely.
func isCompleteAnswer(err error) bool {
	var response *awshttp.ResponseError
	broken := (*smithy.DeserializationError)(nil)
	return errors.As(err, &response) && response.HTTPStatusCode() != 0 && !errors.As(err, &broken)
}
