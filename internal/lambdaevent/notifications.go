package lambdaevent

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/internal/s3events"
)

// handleEvent handles S3 notifications and scheduled events. For all others it returns refusal, the reason why payload
// is not a proxy event, and Hint. All of these events are asynchronous invocations: after an error, Lambda retries
// twice by default (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
//
// A caller of the API cannot send such an event. API Gateway, function URLs and load balancers put the request into
// members of their own event, which always has a requestContext. Sending another event requires the permission
// lambda:InvokeFunction. A forged notification has little effect: it names an object, and the bucket determines the
// state of the import.
func (p Proxy) handleEvent(ctx context.Context, payload []byte, refusal error) ([]byte, error) {
	if p.Hint != "" {
		refusal = fmt.Errorf("%w, %s", refusal, p.Hint)
	}
	var e struct {
		Source     string         `json:"source"`
		DetailType string         `json:"detail-type"`
		Records    jsontext.Value `json:"Records"`
		Context    jsontext.Value `json:"requestContext"`
	}
	if err := json.Unmarshal(payload, &e); err != nil || e.Context != nil {
		return nil, refusal
	}
	switch {
	case p.Sweep != nil && e.DetailType == "Scheduled Event" && (e.Source == "aws.events" || e.Source == "aws.scheduler"):
		// A rule of EventBridge (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html) or
		// EventBridge Scheduler (https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html).
		return acknowledge(p.Sweep(ctx))
	case p.OnObjectCreated != nil && (e.Records != nil || e.Source == "aws.s3"):
		objects, err := s3events.Parse(payload)
		if err != nil {
			return nil, fmt.Errorf("%w (nor an S3 notification: %w)", refusal, err)
		}
		return acknowledge(s3events.HandleEach(ctx, objects, p.Bucket, p.OnObjectCreated))
	}
	return nil, refusal
}

// acknowledge returns the answer to an asynchronous invocation, which Lambda discards, or err.
func acknowledge(err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return []byte("{}"), nil
}
