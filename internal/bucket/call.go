package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// call is one call to the store, by whose run every one goes: with a deadline, through the circuit, its failures classified, and
// watched.
type call struct {
	bucket         *Bucket
	operation, key string                                    // by S3's name for it; what it concerns, for the log
	timeout        time.Duration                             // retries included; 0: as long as ctx lets it
	through        func(context.Context, func() error) error // the circuit's way for it
}

// quick is what nearly all calls are.
func (b *Bucket) shortCall(operation, key string) call {
	return call{b, operation, key, callTimeout, b.circuit.do}
}

// slow is a removal.
func (b *Bucket) removalCall(operation, key string) call {
	return call{b, operation, key, removalTimeout, b.circuit.doSlow}
}

// unbounded takes as long as ctx lets it.
func (b *Bucket) unlimitedCall(operation, key string) call {
	return call{b, operation, key, 0, b.circuit.doSlow}
}

// probe asks how the store and its bucket are, which no open circuit may answer.
func (b *Bucket) uncutCall(operation string) call {
	around := func(_ context.Context, send func() error) error { return send() }
	return call{b, operation, b.name, callTimeout, around}
}

// ask makes c by a method of the SDK's client.
func invoke[In, Out any](ctx context.Context, c call, method func(context.Context, *In, ...func(*s3.Options)) (*Out, error), in *In) (out *Out, err error) {
	err = c.run(ctx, func(ctx context.Context) (err error) {
		out, err = method(ctx, in)
		return err
	})
	return out, err
}

// run makes c by do.
func (c call) run(ctx context.Context, do func(context.Context) error) error {
	began := time.Now()
	err := c.through(ctx, func() error { return c.send(ctx, do) })
	c.bucket.recordFull(c.operation, err)
	c.bucket.hooks.called(c.operation, err, time.Since(began))
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
