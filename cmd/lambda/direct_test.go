package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/lambdatest"
)

// articleAPI is an API in the style of a 2017 article: one path, a custom integration, one response for everything.
const articleAPI = `
swagger: "2.0"
info: {title: Uploads, version: v1}
paths:
  /import/:
    post:
      responses:
        200:
          description: The signed URL.
          schema: {$ref: "#/definitions/Upload"}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:urlsigner/invocations
        credentials: arn:aws:iam::123456789012:role/gateway
        responses:
          default:
            statusCode: "200"
            responseTemplates:
              application/json: |-
                {
                  "upload_url": $input.json('$.upload_url')
                }
definitions:
  Upload:
    type: object
    properties:
      upload_url: {type: string}
`

// TestArticle replaces the function that such an API called.
func TestArticle(t *testing.T) {
	f := start(t, "SIGNPOST_LAMBDA_EVENTS=direct")
	a := speak(t, gateway(t, []byte(articleAPI), f.Invoke), "")
	for _, c := range []struct{ path, body string }{
		{"/import", ""}, {"/import/", ""}, {"/import", "{}"}, {"/import", `{"filename":"a.csv"}`}, {"/import", "[]"},
		{"/import", "null"},
	} {
		status, header, answer := a.call(t, "POST", c.path, c.body, asJSON...)
		if status != http.StatusOK || header.Get("Content-Type") != "application/json" {
			t.Errorf("POST %s %s: got %d %s %s, want 200", c.path, c.body, status, header.Get("Content-Type"), answer)
			continue
		}
		signed := bareURL(t, answer)
		content := []byte("sent for " + c.path + c.body)
		put(t, signed, nil, content)
		f.holds(t, f.keyOf(t, signed), content)
	}
}

// TestDirect checks that every event returns a new upload_url of an anonymous import. A caller who writes the event
// cannot choose a path or an owner, nor change another owner's imports.
func TestDirect(t *testing.T) {
	victim := speak(t, gateway(t, contract, start(t).Invoke), "value-of-a")
	job := victim.create(t, client.ImportRequest{Mode: client.ImportRequestModeMultipart})
	f := start(t, "SIGNPOST_LAMBDA_EVENTS=direct")
	const (
		owner = `"requestContext":{"requestId":"r","stage":"v1","identity":{"apiKeyId":"a1b2c3d4e5","sourceIp":"192.0.2.1"}}`
		http2 = `"requestContext":{"requestId":"r","http":{"method":"DELETE"},` +
			`"authorizer":{"jwt":{"claims":{"sub":"alice"}}}}`
		parts  = `"headers":{"content-type":"application/json"},"body":"{\"first\":1,\"count\":1000}"`
		forALB = `"requestContext":{"elb":{"targetGroupArn":"x"}}`
	)
	seen := map[string]bool{}
	for name, event := range map[string]string{
		"aws lambda invoke":              "",
		"aws lambda invoke, null":        "null",
		"an object":                      "{}",
		"a list":                         "[]",
		"a string":                       `"x"`,
		"a number":                       "1e400",
		"a name twice":                   `{"a":1,"a":2}`,
		"settings":                       `{"SIGNPOST_LAMBDA_EVENTS":"proxy","bucket":"other","key":"../x"}`,
		"as large as Lambda will let it": `"` + strings.Repeat("x", 6*mib) + `"`,
		"forged, create": `{"resource":"/import","path":"/import",` +
			`"httpMethod":"POST",` + parts + `,` + owner + `}`,
		"forged, delete": `{"resource":"/import/{id}","path":"/import/ID","httpMethod":"DELETE",` +
			`"pathParameters":{"id":"ID"},` + owner + `}`,
		"forged, parts": `{"resource":"/import/{id}/parts","path":"/import/ID/parts",` +
			`"httpMethod":"POST",` + parts + `,` + owner + `}`,
		"forged, HTTP API": `{"version":"2.0","routeKey":"$default","rawPath":"/import/ID",` +
			`"headers":{},` + http2 + `}`,
		"forged, load balancer": `{"path":"/import","httpMethod":"POST",` + parts + `,` + forALB + `}`,
	} {
		answer, err := invoke(t, f.Invoke, strings.ReplaceAll(event, "ID", job.ID))
		if err != nil {
			t.Errorf("%s: got %v, want a URL", name, err)
			continue
		}
		key := f.keyOf(t, bareURL(t, answer))
		if !strings.HasPrefix(key, "imports/public/") || strings.Count(key, "/") != 2 || strings.Contains(key, job.ID) ||
			seen[key] {
			t.Errorf("%s: got key %s, want a new one of public", name, key)
		}
		seen[key] = true
	}
	if read := victim.read(t, job.ID); read.Status != client.ImportStatusAwaitingUpload {
		t.Errorf("another's import: got %s, want it untouched", read.Status)
	}
}

// TestDirectFails checks that a failure to sign is an error of the function, which an API can map to a status. The
// article's API has one response for everything, and returns an empty URL.
func TestDirectFails(t *testing.T) {
	f := start(t, "SIGNPOST_LAMBDA_EVENTS=direct", "SIGNPOST_MAX_SIZE=1000") // not possible for untracked imports
	if answer, err := invoke(t, f.Invoke, "{}"); answer != "" || !errors.As(err, new(*lambdatest.Error)) {
		t.Fatalf("got %q %v, want an error", answer, err)
	}
	withPattern := strings.Replace(
		articleAPI, "          default:", "          (?s).+: {statusCode: \"502\"}\n          default:", 1)
	for document, want := range map[string]string{
		articleAPI:  `200 {"upload_url":""}`,
		withPattern: "502",
	} {
		status, _, answer := speak(t, gateway(t, []byte(document), f.Invoke), "").call(t, "POST", "/import", "")
		if got := fmt.Sprint(status, " ", strings.Join(strings.Fields(answer), "")); !strings.HasPrefix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
