package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/signpost-s3/signpost/internal/format"
)

// failedInvocation is a message in the queue of failures of template.yaml: an event that the Lambda function could not
// process, or that EventBridge could not deliver to it.
type failedInvocation struct {
	ID       string          `json:"message_id"`
	Since    time.Time       `json:"failed_since"`
	Attempts int             `json:"attempts,omitempty"` // 0 if EventBridge could not deliver the event
	Failure  string          `json:"failure"`
	Event    json.RawMessage `json:"event"`
}

// String returns two lines in the format of signpost events dead.
func (f failedInvocation) String() string {
	var event struct {
		Kind   string `json:"detail-type"`
		Detail struct {
			Object struct {
				Key string `json:"key"`
			} `json:"object"`
		} `json:"detail"`
	}
	_ = json.Unmarshal(f.Event, &event) // of another form: without kind
	attempts := "not delivered to the function"
	if f.Attempts > 0 {
		attempts = "failed after " + format.Count(f.Attempts, "attempt")
	}
	what := strings.TrimSpace(cmp.Or(event.Kind, "event") + " " + event.Detail.Object.Key)
	return fmt.Sprintf("%s  %s  %s\n  %s: %s",
		format.Name(f.ID), format.Time(f.Since), format.Name(what), attempts, format.Name(f.Failure))
}

// hidden is how long other readers of a queue do not receive a message that was received.
const hidden = 5 * time.Minute

// readFailedInvocations returns all messages of a queue, the oldest first, and leaves them there. With an error, it
// returns those that were read before.
func readFailedInvocations(
	ctx context.Context, settings aws.Config, queue string,
) (failed []failedInvocation, err error) {
	client := sqs.NewFromConfig(settings)
	var received []types.ChangeMessageVisibilityBatchRequestEntry
	defer func() { // other readers receive the messages again, even if this one was interrupted
		slices.SortFunc(failed, func(a, b failedInvocation) int { return a.Since.Compare(b.Since) })
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hidden)
		defer cancel()
		for batch := range slices.Chunk(received, 10) {
			_, errShow := client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
				QueueUrl: &queue, Entries: batch,
			})
			if errShow != nil {
				err = errors.Join(err, fmt.Errorf("the queue of failures hides its messages for 5 minutes: %w", errShow))
				return
			}
		}
	}()
	for {
		page, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &queue, MaxNumberOfMessages: 10, VisibilityTimeout: int32(hidden.Seconds()), // none is read twice
			WaitTimeSeconds:             1, // asks all servers of the queue
			MessageAttributeNames:       []string{"ERROR_CODE", "ERROR_MESSAGE"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
		})
		if err != nil {
			return failed, fmt.Errorf("read the queue of failures: %w", err)
		}
		if len(page.Messages) == 0 {
			return failed, nil
		}
		for _, m := range page.Messages {
			failed = append(failed, parseFailedInvocation(m))
			received = append(received, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(fmt.Sprint(len(received) % 10)), ReceiptHandle: m.ReceiptHandle,
			})
		}
	}
}

// parseFailedInvocation parses the record of an invocation that failed
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html), or an event with the reason of
// EventBridge (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
func parseFailedInvocation(m types.Message) failedInvocation {
	var record struct {
		Context struct {
			Condition string `json:"condition"`
			Attempts  int    `json:"approximateInvokeCount"`
		} `json:"requestContext"`
		Event    json.RawMessage `json:"requestPayload"`
		Response struct {
			Message string `json:"errorMessage"`
		} `json:"responsePayload"`
	}
	body := []byte(aws.ToString(m.Body))
	f := failedInvocation{ID: aws.ToString(m.MessageId)}
	var sent int64
	if _, err := fmt.Sscan(m.Attributes["SentTimestamp"], &sent); err == nil {
		f.Since = time.UnixMilli(sent).UTC()
	}
	if err := json.Unmarshal(body, &record); err == nil && record.Event != nil {
		f.Event, f.Attempts = record.Event, record.Context.Attempts
		f.Failure = cmp.Or(record.Response.Message, record.Context.Condition, "no reason was given")
		return f
	}
	attribute := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	f.Failure = cmp.Or(attribute("ERROR_MESSAGE"), attribute("ERROR_CODE"), "no reason was given")
	if f.Event = body; !json.Valid(body) {
		f.Event, _ = json.Marshal(string(body)) // not from Lambda or EventBridge
	}
	return f
}
