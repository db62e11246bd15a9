package awslambda

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/internal/s3events"
)

// hear takes what is no proxy event, for which refusal says why, if it tells of the bucket or of the time. An error makes Lambda try
// the event again, twice unless the function is set up otherwise, for all of these come by asynchronous invocations
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
//
// A caller of the API cannot make such an event: a proxy integration, a function URL and a load balancer put what a caller sends into
// members of an event of their own, which has a requestContext, and no more than the text of a header, a query or a body is the
// caller's. Whoever can invoke the function with an event of their own making has lambda:InvokeFunction from its owner. And it would
// not get them far: an event says where to look, and what an import has become is for the bucket to say.
func (p Proxy) hear(ctx context.Context, payload []byte, refusal error) ([]byte, error) {
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
	case p.Sweep != nil && e.Source == "aws.events" && e.DetailType == "Scheduled Event":
		// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
		return heard(p.Sweep(ctx))
	case p.Notice != nil && (e.Records != nil || e.Source == "aws.s3"):
		arrivals, err := s3events.Parse(payload)
		if err != nil {
			return nil, fmt.Errorf("%w (nor an event of S3: %w)", refusal, err)
		}
		return heard(s3events.Tell(ctx, arrivals, p.Bucket, p.Notice))
	}
	return nil, refusal
}

// heard is the answer to an event that nobody waits for.
func heard(err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return []byte("{}"), nil
}
