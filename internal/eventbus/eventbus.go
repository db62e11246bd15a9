// Package eventbus puts events on an Amazon EventBridge bus.
package eventbus

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/signpost-s3/signpost/internal/outbox"
)

// source is by what rules know our events. A rule may match the detail-type, which is the event's type, and the detail, which is the event.
const source = "signpost"

// Open returns what publishes on the bus of that name or ARN.
func Open(settings aws.Config, bus string) func(context.Context, outbox.Event) error {
	settings.BaseEndpoint = nil // which is the store's
	client := eventbridge.NewFromConfig(settings)
	return func(ctx context.Context, e outbox.Event) error {
		detail, err := json.Marshal(e)
		if err != nil {
			return err
		}
		out, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			EventBusName: &bus, Source: aws.String(source), DetailType: &e.Type, Detail: aws.String(string(detail)), Time: &e.Time,
		}}})
		if err != nil {
			return err
		}
		if out.FailedEntryCount > 0 { // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
			return fmt.Errorf("event bus %s: %s: %s", bus, aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
		}
		return nil
	}
}
