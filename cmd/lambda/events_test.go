package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signpost-s3/signpost/gen/client"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// deliveredEvent is a delivered event.
type deliveredEvent struct{ Type, Subject string }

// receiver receives events and verifies their signatures.
type receiver struct {
	url string
	mu  sync.Mutex
	all []deliveredEvent
}

func receive(t *testing.T) *receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	r.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil || verifier.Verify(body, q.Header) != nil {
			t.Errorf("the receiver got %s with an invalid signature", body)
		}
		var event deliveredEvent
		if err := json.Unmarshal(body, &event); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, event)
	}))
	return r
}

// take returns the events about id since the last take: other tests use the same bucket.
func (r *receiver) take(id string) (of []deliveredEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.all {
		if event.Subject == id {
			of = append(of, event)
		}
	}
	r.all = nil
	return of
}

// TestDelivery checks that an event is delivered by the invocation that receives the S3 notification, or by the
// schedule.
func TestDelivery(t *testing.T) {
	r := receive(t)
	f := start(
		t, "SIGNPOST_ALLOW_ANONYMOUS=true", "SIGNPOST_WEBHOOK_URL="+r.url+"/", "SIGNPOST_WEBHOOK_SECRETS="+secret,
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8",
	)
	a := speak(t, gateway(t, contract, f.Invoke), "value-of-a")
	job := a.create(t, client.ImportRequest{Size: ptr(int64(5))})
	arrival := func(bucket string) string {
		return fmt.Sprintf(
			`{"version":"0","id":"x","detail-type":"Object Created","source":"aws.s3","detail":{"version":"0",`+
				`"bucket":{"name":%q},`+
				`"object":{"key":%q,"size":5,"etag":"x","sequencer":"1"},"reason":"PutObject"}}`,
			bucket,
			job.Object.Key,
		)
	}
	const schedule = `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events",` +
		`"resources":["rule/x"],"detail":{}}`
	const completed, aborted = "import.completed", "import.aborted"
	put(t, job.Upload.URL, job.Upload.Headers, []byte("hello"))
	for _, c := range []struct {
		name, event string
		before      func()
		want        []deliveredEvent
	}{
		{"of another bucket", arrival("other"), nil, nil},
		{"before it is known", schedule, nil, nil},
		{"the arrival", arrival(f.store.Bucket), nil, []deliveredEvent{{completed, job.ID}}},
		{"the arrival again", arrival(f.store.Bucket), nil, nil},
		{"a deletion", schedule, func() { a.call(t, "DELETE", "/import/"+job.ID, "") },
			[]deliveredEvent{{aborted, job.ID}}},
		{"the arrival late", arrival(f.store.Bucket), nil, nil},
		{"the schedule again", schedule, nil, nil},
	} {
		if c.before != nil {
			c.before()
		}
		answer, err := invoke(t, f.Invoke, c.event)
		if err != nil || answer != "{}" {
			t.Errorf("%s: got %s, %v, want {}", c.name, answer, err)
		}
		if got := r.take(job.ID); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: delivered %v, want %v", c.name, got, c.want)
		}
	}
}
