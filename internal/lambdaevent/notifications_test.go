package lambdaevent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/internal/sigv4"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
)

// TestMain also runs the function, in the process that lambdatest starts.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	lambda.Start(Proxy{
		Handler:         http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "served") }),
		Bucket:          "uploads",
		OnObjectCreated: func(_ context.Context, key string) error { return report("created " + key) },
		Sweep:           func(context.Context) error { return report("swept") },
	})
}

// report records what the function does, and fails if the test wants it to.
func report(what string) error {
	response, err := http.Post(os.Getenv("REPORT_TO"), "text/plain", strings.NewReader(what))
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New("the store is unavailable")
	}
	return nil
}

const (
	proxied   = `{"version":"2.0","rawPath":"/import","requestContext":{"http":{"method":"POST"}}}`
	scheduled = `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events","account":"1",` +
		`"time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["arn:aws:events:us-east-1:1:rule/r"],"detail":{}}`
)

// byScheduler is the event that EventBridge Scheduler sends to a target without its own input. Its detail is a string.
const byScheduler = `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.scheduler","account":"1",` +
	`"time":"2026-01-02T03:04:05Z","region":"us-east-1",` +
	`"resources":["arn:aws:scheduler:us-east-1:1:schedule/default/sweep"],"detail":"{}"}`

// foreign are records of other services that invoke functions.
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html, with-kinesis.html, services-codecommit.html,
// with-sqs.html, with-sns.html
var foreign = map[string]string{
	"DynamoDB": `{"Records":[{"eventID":"1","eventVersion":"1.0","dynamodb":{"Keys":{"Id":{"N":"101"}},` +
		`"StreamViewType":"KEYS_ONLY"},` +
		`"awsRegion":"us-west-2","eventName":"INSERT","eventSourceARN":"arn:aws:dynamodb:us-east-1:1:table/t",` +
		`"eventSource":"aws:dynamodb"}]}`,
	"Kinesis": `{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"4",` +
		`"data":"SGVsbG8="},` +
		`"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-0:4","eventName":"aws:kinesis:record",` +
		`"awsRegion":"us-east-2"}]}`,
	"CodeCommit": `{"Records":[{"awsRegion":"us-east-2","codecommit":{"references":[{"commit":"5",` +
		`"ref":"refs/heads/main"}]},"eventId":"3",` +
		`"eventName":"ReferenceChanges","eventPartNumber":1,"eventSource":"aws:codecommit","eventTotalParts":1,` +
		`"eventVersion":"1.0"}]}`,
	"SQS": `{"Records":[{"messageId":"0","receiptHandle":"A","body":"{}","attributes":{},"eventSource":"aws:sqs",` +
		`"awsRegion":"us-east-2"}]}`,
	"SNS": `{"Records":[{"EventVersion":"1.0","EventSource":"aws:sns","Sns":{"Message":"{}"}}]}`,
}

// created is an event of S3, bridged the same by EventBridge.
func created(bucket, key string) string {
	return fmt.Sprintf(
		`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put",`+
			`"s3":{"bucket":{"name":%q},"object":{"key":%q,"size":1}}}]}`,
		bucket,
		key,
	)
}

func bridged(bucket, key string) string {
	return fmt.Sprintf(
		`{"version":"0","detail-type":"Object Created","source":"aws.s3","resources":["arn:aws:s3:::b"],`+
			`"detail":{"version":"0","bucket":{"name":%q},"object":{"key":%q,"size":1},"reason":"PutObject"}}`,
		bucket,
		key,
	)
}

// TestNotifications checks that S3 and scheduled events are processed once, before the response, and all others are
// rejected.
func TestNotifications(t *testing.T) {
	fault := errors.New("the store is unavailable")
	for _, c := range []struct {
		name, payload string
		want          string // the calls; "refused" for other payloads
	}{
		{"S3", created("uploads", "imports%2Fpublic/a+b"), "created imports/public/a b"},
		{"EventBridge", bridged("uploads", "a+b%2F"), "created a+b%2F"},
		{"a schedule", scheduled, "swept"},
		{"EventBridge Scheduler", byScheduler, "swept"},
		{"another event of EventBridge Scheduler", strings.Replace(byScheduler, "Scheduled", "Other", 1), "refused"},
		{"DynamoDB", foreign["DynamoDB"], "refused"},
		{"Kinesis", foreign["Kinesis"], "refused"},
		{"CodeCommit", foreign["CodeCommit"], "refused"},
		{"SNS", foreign["SNS"], "refused"},
		{"a proxy event", proxied, "served"},
		{"another bucket", created("others", "k"), ""},
		{"another bucket, by EventBridge", bridged("others", "k"), ""},
		{"a removal", strings.Replace(created("uploads", "k"), "Created:Put", "Removed:Delete", 1), ""},
		{"a removal, by EventBridge", strings.Replace(bridged("uploads", "k"), "Created", "Deleted", 1), ""},
		{"another's event", strings.Replace(bridged("uploads", "k"), "aws.s3", "mine", 1), "refused"},
		{"another's schedule", strings.Replace(scheduled, "aws.events", "mine", 1), "refused"},
		{"another of EventBridge's", strings.Replace(scheduled, "Scheduled", "Other", 1), "refused"},
		{"an event in a proxy event", strings.Replace(created("uploads", "k"), "{", `{"requestContext":{},`, 1), "refused"},
		{"a schedule in a proxy event", strings.Replace(scheduled, "{", `{"requestContext":{"http":{}},`, 1), "refused"},
		{"a context of null", strings.Replace(scheduled, "{", `{"requestContext":null,`, 1), "refused"},
		{
			"a proxy event with more",
			strings.Replace(proxied, "{", created("uploads", "k")[:len(created("uploads", "k"))-1]+",", 1), "served",
		},
		{
			"a body of a proxy event", strings.Replace(proxied, "{", fmt.Sprintf(`{"body":%q,`, created("uploads", "k")), 1),
			"served",
		},
		{"Records null", `{"Records":null}`, "refused"},
		{"Records of nothing", `{"Records":[{}]}`, "refused"},
		{"Records that are none", `{"Records":7}`, "refused"},
		{"no detail", `{"source":"aws.s3","detail-type":"Object Created"}`, "refused"},
		{"a source that is none", `{"source":7,"detail-type":"Scheduled Event"}`, "refused"},
		{"SQS", foreign["SQS"], "refused"},
		{"a test event", `{"key1":"value1"}`, "refused"},
		{"nothing", ``, "refused"}, {"null", `null`, "refused"}, {"half", scheduled[:20], "refused"},
	} {
		for _, fails := range []error{nil, fault} {
			var done []string
			p := Proxy{
				Handler:         http.HandlerFunc(func(http.ResponseWriter, *http.Request) { done = append(done, "served") }),
				Bucket:          "uploads",
				OnObjectCreated: func(_ context.Context, key string) error { done = append(done, "created "+key); return fails },
				Sweep:           func(context.Context) error { done = append(done, "swept"); return fails },
			}
			got, err := p.Invoke(t.Context(), []byte(c.payload))
			what := strings.Join(done, ", ")
			switch {
			case c.want == "refused":
				if !errors.Is(err, errNotProxyEvent) || got != nil || what != "" {
					t.Errorf("%s: got %s, %v, done %q, want errNoProxyEvent", c.name, got, err, what)
				}
			case what != c.want:
				t.Errorf("%s: done %q, want %q", c.name, what, c.want)
			case what == "served":
				if err != nil || !strings.Contains(string(got), `"statusCode":200`) {
					t.Errorf("%s: got %s, %v, want an answer", c.name, got, err)
				}
			case what != "" && fails != nil:
				if !errors.Is(err, fails) || got != nil {
					t.Errorf("%s, which fails: got %s, %v, want %v, so that Lambda tries again", c.name, got, err, fails)
				}
			case err != nil || string(got) != `{}`:
				t.Errorf("%s: got %s, %v, want {}", c.name, got, err)
			}
		}
	}
}

// TestNotificationsWithoutCallbacks checks that a function without callbacks rejects these events, each kind
// separately.
func TestNotificationsWithoutCallbacks(t *testing.T) {
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("served") })
	onCreated := func(context.Context, string) error { return nil }
	sweep := func(context.Context) error { return nil }
	onlyCreated := Proxy{Handler: handler, Bucket: "b", OnObjectCreated: onCreated}
	for _, c := range []struct {
		name    string
		p       Proxy
		payload string
		ok      bool
	}{
		{"S3, neither", Proxy{Handler: handler}, created("", "k"), false},
		{"EventBridge, neither", Proxy{Handler: handler}, bridged("", "k"), false},
		{"a schedule, neither", Proxy{Handler: handler}, scheduled, false},
		{"S3, Sweep alone", Proxy{Handler: handler, Sweep: sweep}, created("b", "k"), false},
		{"a schedule, Sweep alone", Proxy{Handler: handler, Sweep: sweep}, scheduled, true},
		{"S3, OnObjectCreated alone", onlyCreated, created("b", "k"), true},
		{"a schedule, OnObjectCreated alone", onlyCreated, scheduled, false},
	} {
		if got, err := c.p.Invoke(t.Context(), []byte(c.payload)); c.ok != (err == nil) ||
			!c.ok && !errors.Is(err, errNotProxyEvent) {
			t.Errorf("%s: got %s, %v, want accepted: %v", c.name, got, err, c.ok)
		}
	}
	e, err := sigv4.ParseEndpoint("https://bucket.example.com")
	if err != nil {
		t.Fatal(err)
	}
	d := Direct{func(context.Context) (sigv4.SecretURL, error) { return e.BucketURL(), nil }}
	for _, payload := range []string{created("b", "k"), bridged("b", "k"), scheduled} {
		if got, err := d.Invoke(t.Context(), []byte(payload)); err != nil ||
			string(got) != `{"upload_url":"https://bucket.example.com"}` {
			t.Errorf("Direct with %s: got %s, %v, want an upload_url", payload, got, err)
		}
	}
}

// TestNotificationsInRuntime sends events to a process by the Runtime API's protocol.
func TestNotificationsInRuntime(t *testing.T) {
	var mu sync.Mutex
	var reports []string
	unavailable := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if reports = append(reports, string(what)); unavailable {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	function, err := lambdatest.Start(
		lambdatest.Options{Bootstrap: self, Env: []string{"REPORT_TO=" + server.URL}, Timeout: 10 * time.Second},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer function.Stop()
	send := func(payload string, isUnavailable bool) (answer string, done []string, err error) {
		mu.Lock()
		unavailable, reports = isUnavailable, nil
		mu.Unlock()
		got, err := function.Invoke(t.Context(), []byte(payload))
		mu.Lock()
		defer mu.Unlock()
		return string(got), reports, err
	}
	for _, c := range []struct {
		payload     string
		unavailable bool
		answer      string
		done        []string
		err         string
	}{
		{payload: created("uploads", "a%2Fb"), answer: `{}`, done: []string{"created a/b"}},
		{payload: bridged("uploads", "a%2Fb"), answer: `{}`, done: []string{"created a%2Fb"}},
		{payload: scheduled, answer: `{}`, done: []string{"swept"}},
		{payload: byScheduler, answer: `{}`, done: []string{"swept"}},
		{payload: created("uploads", "k"), unavailable: true, done: []string{"created k"}, err: "the store is unavailable"},
		{payload: scheduled, unavailable: true, done: []string{"swept"}, err: "the store is unavailable"},
		{payload: created("others", "k"), answer: `{}`},
		{payload: foreign["DynamoDB"], err: "/Records/0: eventSource must end"},
		{payload: foreign["Kinesis"], err: "/Records/0: eventSource must end"},
		{payload: foreign["CodeCommit"], err: "/Records/0: eventSource must end"},
		{payload: `{"Records":[7]}`, err: "not a proxy event"},
		{payload: `{"hello":"world"}`, err: "not a proxy event"},
	} {
		answer, done, err := send(c.payload, c.unavailable)
		if answer != c.answer || !slices.Equal(done, c.done) || (err == nil) != (c.err == "") ||
			err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %q, %v, done %q, want %q, %q, done %q", c.payload, answer, err, done, c.answer, c.err, c.done)
		}
	}
	if answer, done, err := send(proxied, false); err != nil || !strings.Contains(answer, `"body":"served"`) ||
		done != nil {
		t.Errorf("a proxy event after them: got %s, %v, done %q, want it served", answer, err, done)
	}
}

// FuzzNotifications checks that a payload causes at most one call, and that one with a requestContext is never an S3
// event.
func FuzzNotifications(f *testing.F) {
	for _, e := range append(fuzzedEvents, scheduled, created("uploads", "k"), bridged("uploads", "k")) {
		f.Add([]byte(e))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var mu sync.Mutex
		served, swept, created := 0, 0, 0
		p := Proxy{
			Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }),
			Bucket:  "uploads",
			Sweep:   func(context.Context) error { swept++; return nil },
			OnObjectCreated: func(_ context.Context, key string) error {
				mu.Lock()
				defer mu.Unlock()
				if created++; key == "" {
					t.Errorf("%q: created of nothing", payload)
				}
				return nil
			},
		}
		answered, err := p.Invoke(t.Context(), payload)
		if (err == nil) != (answered != nil) || served+swept+min(created, 1) > 1 || err != nil && served+swept+created > 0 {
			t.Errorf("%q: got %s, %v, served %d, swept %d, created %d", payload, answered, err, served, swept, created)
		}
		var e map[string]jsontext.Value
		if json.Unmarshal(payload, &e) == nil && e["requestContext"] != nil && swept+created > 0 {
			t.Errorf("%q: has a requestContext, and was heard", payload)
		}
	})
}
