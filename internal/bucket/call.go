package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// call is a call to the store. Run adds a timeout, the circuit breaker, the error's class, and metrics.
type call struct {
	bucket         *Bucket
	operation, key string        // S3's name of the operation; the key, for errors
	timeout        time.Duration // including retries; 0: none
	// through runs the call through the circuit breaker.
	through func(context.Context, func() error) error
}

// shortCall returns a call that needs one small response: the usual case.
func (b *Bucket) shortCall(operation, key string) call {
	return call{b, operation, key, callTimeout, b.circuit.do}
}

// removalCall returns a call that removes something.
func (b *Bucket) removalCall(operation, key string) call {
	return call{b, operation, key, removalTimeout, b.circuit.doSlow}
}

// unlimitedCall returns a call without a timeout of its own.
func (b *Bucket) unlimitedCall(operation, key string) call {
	return call{b, operation, key, 0, b.circuit.doSlow}
}

// uncutCall returns a call that inspects the store, so it bypasses the circuit breaker.
func (b *Bucket) uncutCall(operation string) call {
	around := func(_ context.Context, send func() error) error { return send() }
	return call{b, operation, b.name, callTimeout, around}
}

// invoke runs c with a method of the SDK's client.
func invoke[In, Out any](
	ctx context.Context, c call,
	method func(context.Context, *In, ...func(*s3.Options)) (*Out, error), in *In,
) (out *Out, err error) {
	err = c.run(ctx, func(ctx context.Context) (err error) {
		out, err = method(ctx, in)
		return err
	})
	return out, err
}

// run runs c, which do sends.
func (c call) run(ctx context.Context, do func(context.Context) error) error {
	began := time.Now()
	err := c.through(ctx, func() error { return c.send(ctx, do) })
	c.bucket.hooks.called(ctx, c.operation, err, time.Since(began))
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.operation, c.key, err)
	}
	return nil
}

func (c call) send(ctx context.Context, do func(context.Context) error) error {
	if c.timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		ctx = limited
	}
	return classify(do(ctx))
}
