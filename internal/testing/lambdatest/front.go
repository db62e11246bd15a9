package lambdatest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Front is an integration that sends HTTP requests to a function, other than a REST API (see Gateway).
type Front struct {
	limit  int // of request and response bodies, in bytes
	event  func(*http.Request, []byte) object
	answer func([]byte) (*response, error)
	failed int // status if the function fails or its response is invalid
}

type object = map[string]any

// HTTPAPI returns an API Gateway HTTP API with the route $default and payload format 2.0. A stage other than "",
// which is $default, is part of rawPath. Authorizer is the result of a JWT or IAM authorizer; it may be nil.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func HTTPAPI(stage string, authorizer map[string]any) Front {
	return httpRoute(stage, "$default", authorizer)
}

// httpRoute is a route of an HTTP API, such as GET /import.
func httpRoute(stage, routeKey string, authorizer map[string]any) Front {
	prefix := ""
	if stage != "" {
		prefix = "/" + stage
	}
	return Front{gatewayLimit, func(r *http.Request, body []byte) object {
		return event2(r, body, prefix, cmp.Or(stage, "$default"), routeKey,
			"abcdefghij.execute-api.us-east-1.amazonaws.com", authorizer)
	}, answer2, http.StatusInternalServerError}
}

// FunctionURL returns a function URL. With AWS_IAM, authorizer is {"iam": {…}}.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
func FunctionURL(authorizer map[string]any) Front {
	return Front{payloadLimit, func(r *http.Request, body []byte) object {
		return event2(r, body, "", "$default", "$default", "abcdefghij.lambda-url.us-east-1.on.aws", authorizer)
	}, answer2, http.StatusBadGateway}
}

// ALB returns an Application Load Balancer's target group, with or without multi-value headers. It only reads the
// same kind of headers in the response that it puts in events.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
func ALB(multiValue bool) Front {
	return Front{1 << 20, func(r *http.Request, body []byte) object {
		e := object{
			"requestContext": object{
				"elb": object{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1"},
			},
			"httpMethod": r.Method,
			"path":       r.URL.EscapedPath(),
		}
		query := map[string][]string{} // neither names nor values are decoded
		for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
			if name, value, _ := strings.Cut(pair, "="); name != "" {
				query[name] = append(query[name], value)
			}
		}
		if headers := lowerCase(forwarded(r)); multiValue {
			e["multiValueHeaders"], e["multiValueQueryStringParameters"] = headers, query
		} else {
			e["headers"], e["queryStringParameters"] = each(headers, last), each(query, last)
		}
		return withBody(e, body, !isText(r.Header) || r.Header.Get("Content-Encoding") != "")
	}, func(told []byte) (*response, error) {
		a := &response{}
		if err := json.Unmarshal(told, a); err != nil {
			return nil, err
		}
		if multiValue {
			a.Headers = nil
		} else {
			a.MultiValueHeaders = nil
		}
		return a.decoded(true)
	}, http.StatusBadGateway}
}

// Serve returns a handler that sends requests to function.
func (f Front) Serve(function Invoke) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := readBody(w, r, f.limit)
		if !ok {
			return
		}
		told, err := function(r.Context(), marshal(f.event(r, body)))
		if e := (*Error)(nil); errors.As(err, &e) && e.Type == RequestTooLarge {
			writeJSON(w, http.StatusRequestEntityTooLarge, message{"Request Too Long"})
			return
		}
		var a *response
		if err == nil {
			a, err = f.answer(told)
		}
		if err != nil || len(told) > f.limit {
			writeJSON(w, f.failed, message{"Internal Server Error"})
			return
		}
		a.write(w)
	})
}

// event2 returns an event of payload format 2.0.
func event2(r *http.Request, body []byte, prefix, stage, routeKey, domain string, authorizer object) object {
	id, _, _ := strings.Cut(domain, ".")
	path, now := prefix+r.URL.EscapedPath(), time.Now().UTC()
	context := object{
		"accountId": "123456789012", "apiId": id, "domainName": domain, "domainPrefix": id, "requestId": uuid.NewString(),
		"routeKey": routeKey, "stage": stage, "time": now.Format(requestTime), "timeEpoch": now.UnixMilli(),
		"http": object{
			"method":    r.Method,
			"path":      path,
			"protocol":  r.Proto,
			"sourceIp":  sourceIP(r),
			"userAgent": r.UserAgent(),
		},
	}
	if authorizer != nil {
		context["authorizer"] = authorizer
	}
	headers := lowerCase(forwarded(r))
	e := object{
		"version":        "2.0",
		"routeKey":       routeKey,
		"rawPath":        path,
		"rawQueryString": r.URL.RawQuery,
		"requestContext": context,
	}
	if cookies := headers["cookie"]; cookies != nil {
		e["cookies"] = strings.Split(strings.Join(cookies, "; "), "; ")
		delete(headers, "cookie")
	}
	e["headers"] = each(headers, joined)
	if query := r.URL.Query(); len(query) > 0 {
		e["queryStringParameters"] = each(query, joined)
	}
	if len(body) == 0 {
		e["isBase64Encoded"] = false
		return e
	}
	return withBody(e, body, !isText(r.Header))
}

// answer2 parses a response of payload format 2.0. JSON without a status code is the body of a 200.
func answer2(told []byte) (*response, error) {
	var a struct {
		StatusCode *int     `json:"statusCode"` // shadows the embedded one
		Cookies    []string `json:"cookies"`
		response   `json:",inline"`
	}
	if err := json.Unmarshal(told, &a); err != nil || a.StatusCode == nil {
		inferred := &response{
			StatusCode: 200,
			Headers:    map[string]string{"Content-Type": "application/json"},
			Body:       string(told),
		}
		return inferred, json.Unmarshal(told, new(any))
	}
	a.response.StatusCode = *a.StatusCode
	a.response.MultiValueHeaders = map[string][]string{"Set-Cookie": a.Cookies} // not a member of format 2.0
	return a.decoded(true)
}

// response is a valid response of a function.
type response struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// decoded checks the status and, if base is set, decodes base64.
func (a *response) decoded(base bool) (*response, error) {
	if a.StatusCode < 200 || a.StatusCode > 599 {
		return nil, errors.New("no status code")
	}
	if !a.IsBase64Encoded || !base {
		return a, nil
	}
	body, err := base64.StdEncoding.DecodeString(a.Body)
	a.Body = string(body)
	return a, err
}

// write writes a. A name in multiValueHeaders replaces the same name in headers; Content-Length is computed.
func (a *response) write(w http.ResponseWriter) {
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	for name, values := range a.MultiValueHeaders {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(a.StatusCode)
	io.WriteString(w, a.Body)
}

// requestTime is the time format of events.
const requestTime = "02/Jan/2006:15:04:05 -0700"

type message struct {
	Message string `json:"message"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.MarshalWrite(w, v)
}

// marshal returns v as JSON. Invalid UTF-8 is replaced, as all integrations do.
func marshal(v any) []byte {
	text, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // events can always be encoded
	}
	return text
}

// readBody reads a body of up to limit bytes. It rejects a larger one like API Gateway, in plain text.
func readBody(w http.ResponseWriter, r *http.Request, limit int) ([]byte, bool) {
	body, err := io.ReadAll(r.Body) // to the end: a client that is still sending would miss the response
	if err != nil || len(body) > limit {
		http.Error(w, "HTTP content length exceeded 10485760 bytes.", http.StatusRequestEntityTooLarge)
		return nil, false
	}
	return body, true
}

func withBody(e object, body []byte, binary bool) object {
	e["body"], e["isBase64Encoded"] = string(body), binary
	if binary {
		e["body"] = base64.StdEncoding.EncodeToString(body)
	}
	return e
}

// isText reports whether a body is put into the event without base64. This is documented for load balancers; HTTP
// APIs were observed to use the same types (https://github.com/ministackorg/ministack/pull/766).
func isText(h http.Header) bool {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return strings.HasPrefix(t, "text/") || t == "application/json" || t == "application/javascript" ||
		t == "application/xml"
}

// forwarded returns the headers of a request with those that every integration adds.
func forwarded(r *http.Request) http.Header {
	h := r.Header.Clone()
	h.Set("Host", r.Host)
	h.Set("X-Forwarded-For", strings.TrimPrefix(h.Get("X-Forwarded-For")+", "+sourceIP(r), ", "))
	h.Set("X-Forwarded-Port", "443")
	h.Set("X-Forwarded-Proto", "https")
	h.Set("X-Amzn-Trace-Id", traceID)
	return h
}

func sourceIP(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

func lowerCase(h http.Header) map[string][]string {
	lower := map[string][]string{}
	for name, values := range h {
		lower[strings.ToLower(name)] = values
	}
	return lower
}

func joined(values []string) string { return strings.Join(values, ",") }
func last(values []string) string   { return values[len(values)-1] }

func each(all map[string][]string, one func([]string) string) map[string]string {
	single := map[string]string{}
	for name, values := range all {
		single[name] = one(values)
	}
	return single
}
