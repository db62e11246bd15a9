package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// sourceFolder is this folder, before the local store changes the working directory.
var sourceFolder, _ = os.Getwd()

// TestEventKinds sends an event of each kind, in the types of aws-lambda-go, to the function. The results are the table
// in README.md. SIGNPOST_TEST_RIE names AWS's Runtime Interface Emulator, which then runs the function too.
func TestEventKinds(t *testing.T) {
	t.Run("emulator", func(t *testing.T) {
		testEventKinds(t, func(t testing.TB, env []string) lambdatest.Invoke { return launch(t, env...).Invoke })
	})
	t.Run("AWS's emulator", func(t *testing.T) {
		if os.Getenv("SIGNPOST_TEST_RIE") == "" {
			t.Skip("SIGNPOST_TEST_RIE is not set; make e2e sets it")
		}
		testEventKinds(t, launchRIE)
	})
}

func testEventKinds(t *testing.T, launch func(testing.TB, []string) lambdatest.Invoke) {
	store := storetest.OpenNew(t) // a sweep of another test would end the ones of this test
	w := watched{store, launch(t, environment(t, store))}
	direct := launch(t, environment(t, store, "SIGNPOST_LAMBDA_EVENTS=direct"))
	results := []string{}
	for _, kind := range eventKinds {
		outcomes := map[string]bool{}
		for _, payload := range w.payloads(t, kind.events) {
			outcomes[w.outcome(t, payload)] = true
			if answer, err := invoke(t, direct, payload); err != nil {
				t.Errorf("%s, direct mode: %s: got %v, want an upload_url", kind.name, payload, err)
			} else {
				bareURL(t, answer)
			}
		}
		for outcome := range outcomes {
			results = append(results, "| "+kind.name+" | "+outcome+" |")
		}
	}
	text, err := os.ReadFile(filepath.Join(sourceFolder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What can invoke the function?\n")
	_, table, _ := strings.Cut(section, "\n| event | result |\n|---|---|\n")
	if table, _, _ = strings.Cut(table, "\n\n"); table != strings.Join(results, "\n") {
		t.Errorf("README.md has the table\n%s\nbut these are the results:\n%s", table, strings.Join(results, "\n"))
	}
	foreign(t, w)
}

// eventKinds are the kinds of event, with events of which all have the same result. A function returns the event of an
// object, which was uploaded.
var eventKinds = []struct {
	name   string
	events []any
}{
	{"REST API, API key", []any{rest("", events.APIGatewayRequestIdentity{APIKeyID: "a1b2c3d4e5"}, nil)}},
	{"REST API, IAM", []any{rest("", events.APIGatewayRequestIdentity{UserArn: userARN}, nil)}},
	{"REST API, Cognito user pool", []any{rest("", noIdentity, claims)}},
	{"REST API, Lambda authorizer", []any{rest("", noIdentity, map[string]any{"principalId": "alice"})}},
	{"HTTP API, JWT authorizer", []any{http2(&authorizer{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": "alice"}},
	}), rest("1.0", noIdentity, claims)}},
	{"HTTP API, IAM", []any{http2(&authorizer{
		IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: userARN},
	}), rest("1.0", events.APIGatewayRequestIdentity{UserArn: userARN}, nil)}},
	{"HTTP API, Lambda authorizer", []any{
		http2(&authorizer{Lambda: map[string]any{"principalId": "alice"}}),
		rest("1.0", noIdentity, map[string]any{"principalId": "alice"}),
	}},
	{"function URL, `AWS_IAM`", []any{functionURL(&events.LambdaFunctionURLRequestContextAuthorizerDescription{
		IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: userARN},
	})}},
	{"function URL, `NONE`", []any{functionURL(nil)}},
	{"load balancer, with and without multi-value headers", []any{balancer(false), balancer(true)}},
	{"REST API or HTTP API without authorization", []any{
		rest("", noIdentity, nil), rest("1.0", noIdentity, nil), http2(nil),
	}},
	{"S3 notification or EventBridge: object created", []any{s3Event("ObjectCreated:Put"), bridgeS3("Object Created")}},
	{"S3 notification or EventBridge: object deleted", []any{s3Event("ObjectRemoved:Delete"), bridgeS3("Object Deleted")}},
	{"schedule of an EventBridge rule or EventBridge Scheduler", []any{
		bridge("aws.events", "Scheduled Event", "{}"), bridge("aws.scheduler", "Scheduled Event", "{}"),
	}},
	{"EventBridge: events of other services", []any{bridge("aws.ec2", "EC2 Instance State-change Notification", "{}")}},
	{"S3 notification by way of SQS or SNS", []any{throughSQS, throughSNS}},
	{"request for an authorizer", []any{
		events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: "t", MethodArn: methodARN},
		events.APIGatewayCustomAuthorizerRequestTypeRequest{
			Type: "REQUEST", MethodArn: methodARN, Resource: "/import", Path: "/import", HTTPMethod: "POST",
			RequestContext: events.APIGatewayCustomAuthorizerRequestTypeRequestContext{RequestID: "r", Stage: "v1"},
		},
		events.APIGatewayV2CustomAuthorizerV1Request{
			Version: "1.0", Type: "REQUEST", MethodArn: methodARN, Resource: "/import", Path: "/import", HTTPMethod: "POST",
			RequestContext: events.APIGatewayV2CustomAuthorizerV1RequestTypeRequestContext{RequestID: "r", Stage: "v1"},
		},
		events.APIGatewayV2CustomAuthorizerV2Request{
			Version: "2.0", Type: "REQUEST", RouteArn: methodARN, RouteKey: "$default", RawPath: "/import",
			RequestContext: http2(nil).RequestContext,
		},
	}},
	{"WebSocket API", []any{events.APIGatewayWebsocketProxyRequest{
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{
			RouteKey: "$connect", EventType: "CONNECT", ConnectionID: "c", RequestID: "r", Stage: "v1", APIID: "a",
		},
	}}},
	{"other JSON, such as `{}`", []any{
		struct{}{}, nil, []int{}, "text", 1, true, map[string]string{"filename": "a.csv"},
	}},
}

const (
	userARN   = "arn:aws:iam::111122223333:user/bob"
	methodARN = "arn:aws:execute-api:us-east-1:111122223333:abcdefghij/v1/POST/import"
)

type authorizer = events.APIGatewayV2HTTPRequestContextAuthorizerDescription

var (
	noIdentity events.APIGatewayRequestIdentity
	claims     = map[string]any{"claims": map[string]any{"sub": "alice"}}
)

// rest returns a request of a REST API, or with version 1.0 one of an HTTP API.
func rest(version string, identity events.APIGatewayRequestIdentity, authorizer map[string]any) any {
	return struct {
		Version string `json:"version,omitempty"`
		events.APIGatewayProxyRequest
	}{version, events.APIGatewayProxyRequest{
		Resource: "/import", Path: "/import", HTTPMethod: "POST",
		RequestContext: events.APIGatewayProxyRequestContext{
			Stage: "v1", RequestID: "r", APIID: "a", ResourcePath: "/import", Path: "/v1/import", HTTPMethod: "POST",
			Identity: identity, Authorizer: authorizer,
		},
	}}
}

func http2(by *authorizer) events.APIGatewayV2HTTPRequest {
	return events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: "/import",
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "$default", Stage: "$default", RequestID: "r", APIID: "a", Authorizer: by,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "POST", Path: "/import", SourceIP: "192.0.2.1"},
		},
	}
}

func functionURL(by *events.LambdaFunctionURLRequestContextAuthorizerDescription) events.LambdaFunctionURLRequest {
	return events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: "/import",
		RequestContext: events.LambdaFunctionURLRequestContext{
			RequestID: "r", APIID: "a", Authorizer: by,
			HTTP: events.LambdaFunctionURLRequestContextHTTPDescription{
				Method: "POST", Path: "/import", SourceIP: "192.0.2.1",
			},
		},
	}
}

func balancer(multiValue bool) events.ALBTargetGroupRequest {
	e := events.ALBTargetGroupRequest{
		HTTPMethod: "POST", Path: "/import",
		RequestContext: events.ALBTargetGroupRequestContext{ELB: events.ELBContext{
			TargetGroupArn: "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1",
		}},
	}
	if multiValue {
		e.MultiValueHeaders = map[string][]string{"x-forwarded-for": {"192.0.2.1"}}
	} else {
		e.Headers = map[string]string{"x-forwarded-for": "192.0.2.1"}
	}
	return e
}

// object is an object in a bucket.
type object struct{ bucket, key string }

func s3Event(name string) func(object) any {
	return func(o object) any {
		return events.S3Event{Records: []events.S3EventRecord{{
			EventVersion: "2.1", EventSource: "aws:s3", EventName: name,
			S3: events.S3Entity{Bucket: events.S3Bucket{Name: o.bucket}, Object: events.S3Object{Key: o.key, Size: 5}},
		}}}
	}
}

func bridgeS3(detailType string) func(object) any {
	return func(o object) any {
		return bridge("aws.s3", detailType,
			fmt.Sprintf(`{"version":"0","bucket":{"name":%q},"object":{"key":%q,"size":5}}`, o.bucket, o.key))
	}
}

func bridge(source, detailType, detail string) events.EventBridgeEvent {
	return events.EventBridgeEvent{
		Version: "0", ID: "i", Source: source, DetailType: detailType, Resources: []string{"arn:aws:events:r"},
		Detail: json.RawMessage(detail),
	}
}

func throughSQS(o object) any {
	body, _ := json.Marshal(s3Event("ObjectCreated:Put")(o))
	return events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", EventSource: "aws:sqs", Body: string(body)}}}
}

func throughSNS(o object) any {
	body, _ := json.Marshal(s3Event("ObjectCreated:Put")(o))
	return events.SNSEvent{Records: []events.SNSEventRecord{{
		EventSource: "aws:sns", SNS: events.SNSEntity{Type: "Notification", Message: string(body)},
	}}}
}

// watched is a function, of which the test watches the bucket.
type watched struct {
	store  storetest.Target
	invoke lambdatest.Invoke
}

// payloads returns events as JSON. Events about an object are about a new one that was just uploaded for an import.
func (w watched) payloads(t *testing.T, all []any) (payloads []string) {
	t.Helper()
	for _, event := range all {
		if about, ok := event.(func(object) any); ok {
			a := speak(t, serve(t, lambdatest.HTTPAPI("", jwt).Serve(w.invoke)), "")
			job := a.create(t, client.ImportRequest{Size: ptr(int64(5))})
			put(t, job.Upload.URL, job.Upload.Headers, []byte("hello"))
			event = about(object{w.store.Bucket, job.Object.Key})
		}
		payload, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, string(payload))
	}
	return payloads
}

// ownerKind finds the kind of the owner in the signed URL of a response.
var ownerKind = regexp.MustCompile(`/imports/([a-z]+)-`)

// outcome invokes the function and returns what it did.
func (w watched) outcome(t *testing.T, payload string) string {
	t.Helper()
	const lease = "sweep/lease.json"
	_, err := w.store.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.store.Bucket, Key: ptr(lease)})
	if err != nil {
		t.Fatal(err)
	}
	before := w.objects(t)
	answer, err := invoke(t, w.invoke, payload)
	changed := []string{}
	for key, etag := range w.objects(t) {
		if before[key] != etag {
			folder, _, _ := strings.Cut(key, "/")
			changed = append(changed, folder)
		}
	}
	slices.Sort(changed)
	var response events.APIGatewayProxyResponse
	if err == nil {
		if err := json.Unmarshal([]byte(answer), &response); err != nil {
			t.Fatalf("event %s: got %s: %v", payload, answer, err)
		}
	}
	owner := ownerKind.FindStringSubmatch(response.Body)
	switch did := strings.Join(changed, " "); {
	case err != nil && did == "":
		return "the invocation fails"
	case owner != nil && did == "":
		return fmt.Sprintf("response %d, the owner begins with `%s-`", response.StatusCode, owner[1])
	case response.StatusCode > 0 && did == "":
		return fmt.Sprintf("response %d", response.StatusCode)
	case answer == "{}" && did == "":
		return "ignored"
	case answer == "{}" && did == "jobs":
		return "the import is completed"
	case answer == "{}" && slices.Contains(changed, "sweep"):
		return "a sweep"
	default:
		t.Errorf("event %s: got %s, %v, and changes of %s", payload, answer, err, did)
		return "unknown"
	}
}

// objects returns the ETags of all objects by key.
func (w watched) objects(t *testing.T) map[string]string {
	t.Helper()
	list, err := w.store.Client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &w.store.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	etags := map[string]string{}
	for _, o := range list.Contents {
		etags[*o.Key] = *o.ETag
	}
	return etags
}

// foreign checks that events of services that the function does not serve make the invocation fail, among them all that
// aws-lambda-go has examples of.
func foreign(t *testing.T, w watched) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go")
	list.Dir = sourceFolder
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "events/testdata/*.json"))
	served := regexp.MustCompile(`/(alb-lambda-target-request-.*|apigw-(restapi-openapi-)?request|apigw-v2-request-.*|` +
		`lambda-urls-request|s3-(event|event-with-decoded|glacier-event|intelligenttier-event|lifecycle-event|` +
		`replication-event|restore-event))\.json$`)
	failed := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(content) {
			continue
		}
		answer, err := invoke(t, w.invoke, string(content))
		if isServed := served.MatchString(filepath.ToSlash(file)); isServed != (err == nil) {
			t.Errorf("%s: got %.300s, %v, want a failed invocation: %v", file, answer, err, !isServed)
		} else if !isServed {
			failed++
		}
	}
	if failed < 50 {
		t.Errorf("got %d events of other services, want at least 50", failed)
	}
}

// launchRIE starts the binary in AWS's Runtime Interface Emulator.
// https://github.com/aws/aws-lambda-runtime-interface-emulator
func launchRIE(t testing.TB, env []string) lambdatest.Invoke {
	t.Helper()
	address := freeAddress(t)
	cmd := exec.Command(os.Getenv("SIGNPOST_TEST_RIE"), "--log-level", "error", "--runtime-api-address", freeAddress(t),
		"--runtime-interface-emulator-address", address, bootstrap)
	var log bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("log of %s:\n%s", cmd.Path, log.String())
		}
	})
	for deadline := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	return func(ctx context.Context, event []byte) ([]byte, error) {
		url := "http://" + address + "/2015-03-31/functions/function/invocations"
		r, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(event))
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		var failed lambdatest.Error // it has no X-Amz-Function-Error
		if json.Unmarshal(answer, &failed) == nil && failed.Message != "" {
			return nil, &failed
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("status %s: %s", response.Status, answer)
		}
		return answer, nil
	}
}

// freeAddress returns an address that was free.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
