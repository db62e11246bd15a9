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
	// openAfter is how many calls in a row must fail. Each was tried up to three times, so this is no passing trouble, yet few
	// callers have waited for their whole deadline.
	openAfter = 10
	// openTime is how long nothing is sent then. A store that is back should be noticed before callers try again, and one call a
	// second is no load for it.
	openTime = time.Second
	// probeWait is how long the others wait for what the one finds that is let through then. A store that is back answers sooner.
	probeWait = 250 * time.Millisecond
	probePoll = 5 * time.Millisecond
)

var (
	// errCut is the failure of a call that was not sent.
	errCircuitOpen = fmt.Errorf("%w: the circuit is open, nothing was sent", ErrUnavailable)
	// errNoEvidence is how a call ended that says nothing about the store.
	errInconclusive = errors.New("no evidence")
)

// circuit spares callers the wait for a store that does not answer: when openAfter calls in a row found it unavailable, the
// others fail at once. After a while one is let through, and when it gets an answer, whatever it is, all are.
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

// pass sends, or returns errCut.
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

// awaitProbe waits for the call that was let through, if there is one under way: who calls at the same moment should not be told that
// the store is away, which may have been back for long.
func (c circuit) awaitProbe(ctx context.Context) {
	probing := func() bool {
		counts := c.breaker.Counts()
		return c.breaker.State() == gobreaker.StateHalfOpen && counts.Requests > counts.TotalExclusions // a canceled call has ended
	}
	for end := time.Now().Add(probeWait); probing() && time.Now().Before(end); {
		select {
		case <-time.After(probePoll):
		case <-ctx.Done():
			return
		}
	}
}

// passSlowly is pass for what may take long. It is never the one that is let through, for which the others would have to wait.
func (c circuit) doSlow(ctx context.Context, send func() error) error {
	if c.breaker.State() == gobreaker.StateHalfOpen {
		return send()
	}
	return c.do(ctx, send)
}

// evidence returns err if it speaks against the store, and nil if the store has answered: a store that answers, whatever its answer, is
// not away, and each caller should receive that answer.
func failureOf(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, ErrCredentialsExpired): // our caller's end, not that of our deadline
		return errInconclusive
	case errors.Is(err, ErrUnavailable) && !isCompleteAnswer(err):
		return err
	}
	return nil
}

// answered reports whether err is an answer of the store that arrived whole.
func isCompleteAnswer(err error) bool {
	var response *awshttp.ResponseError
	broken := (*smithy.DeserializationError)(nil)
	return errors.As(err, &response) && response.HTTPStatusCode() != 0 && !errors.As(err, &broken)
}
