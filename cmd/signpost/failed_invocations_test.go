package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// TestInterruptedReadOfFailures checks that a read of the queue of failures that does not reach the end returns the
// messages that it received, and that other readers receive them again.
func TestInterruptedReadOfFailures(t *testing.T) {
	for _, c := range []struct {
		name, want  string
		interrupted bool
	}{
		{"refused", "read the queue of failures: operation error SQS: ReceiveMessage", false},
		{"interrupted", context.Canceled.Error(), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			reads, shown := 0, ""
			queue := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ChangeMessageVisibilityBatch") {
					shown = string(body)
					io.WriteString(w, `{"Successful": [{"Id": "0"}], "Failed": []}`)
				} else if reads++; reads == 1 {
					io.WriteString(w, `{"Messages": [{"MessageId": "a", "ReceiptHandle": "handle", "Body": "{}"}]}`)
				} else {
					if c.interrupted {
						cancel()
						<-r.Context().Done() // the client has closed the connection, and reads no response
					}
					w.WriteHeader(http.StatusForbidden)
				}
			}))
			t.Cleanup(queue.Close)
			settings := aws.Config{
				Region: "eu-west-1", BaseEndpoint: &queue.URL,
				Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			}
			got, err := readFailedInvocations(ctx, settings, queue.URL+"/1/failures")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got the error %v, want %q", err, c.want)
			}
			if len(got) != 1 || got[0].ID != "a" {
				t.Errorf("got the messages %+v, want a", got)
			}
			if !strings.Contains(shown, `"ReceiptHandle":"handle","VisibilityTimeout":0`) {
				t.Errorf("the message is not shown to other readers: got the request %q", shown)
			}
		})
	}
}
