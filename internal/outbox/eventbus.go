package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// eventSource is the source of events on an EventBridge bus. The detail-type is the type of the event, and the detail
// is the event.
const eventSource = "signpost"

// EventBus returns a function that puts events on the Amazon EventBridge bus with that name or ARN.
func EventBus(settings aws.Config, bus string) func(context.Context, Event) error {
	settings.BaseEndpoint = nil // it is the endpoint of the store
	client := eventbridge.NewFromConfig(settings)
	return func(ctx context.Context, e Event) error {
		detail, err := json.Marshal(e)
		if err != nil {
			return err
		}
		out, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			EventBusName: &bus, Source: aws.String(eventSource), DetailType: &e.Type,
			Detail: aws.String(string(detail)), Time: &e.Time,
		}}})
		if err != nil {
			return err
		}
		if out.FailedEntryCount > 0 { // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
			failed := out.Entries[0]
			return fmt.Errorf("event bus %s: %s: %s", bus, aws.ToString(failed.ErrorCode), aws.ToString(failed.ErrorMessage))
		}
		return nil
	}
}
