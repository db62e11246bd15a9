// Package lambdatest runs a Lambda function without AWS. It contains the Runtime API, from which the function's
// process receives events, and the integrations (REST API, HTTP API, function URL, load balancer) that convert HTTP
// requests and responses by the rules that AWS documents. It does not model IAM.
package lambdatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// payloadLimit limits events and responses: 6 MB and 100 bytes, as Lambda's own message says.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const payloadLimit = 6<<20 + 100

// shutdown is how long Lambda waits for a process to end before it kills it.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
const shutdown = 2 * time.Second

// Invoke calls a function. An *Error is Lambda's response to a failed call.
type Invoke func(ctx context.Context, event []byte) (answer []byte, functionError error)

// Error is a failed call as its caller receives it, whether the function failed or Lambda rejected it.
type Error struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Types of Lambda's own errors. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
const (
	RequestTooLarge  = "RequestEntityTooLargeException"
	InvalidRequest   = "InvalidRequestContentException"
	ResponseTooLarge = "Function.ResponseSizeTooLarge"
	TimedOut         = "Sandbox.Timedout"
	Exited           = "Runtime.ExitError"
)

// Options configures a Runtime.
type Options struct {
	Bootstrap string        // path of the binary
	Env       []string      // NAME=value, after Lambda's own; includes the role's credentials
	Timeout   time.Duration // of the function (default 30 s)
}

// Runtime is an execution environment: a process, which handles one event at a time, and its Runtime API.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type Runtime struct {
	timeout time.Duration
	cmd     *exec.Cmd
	server  *http.Server
	next    chan *call
	ready   chan struct{} // closed when the process first requests an event
	exited  chan struct{}

	mu     sync.Mutex // guards the fields below
	log    bytes.Buffer
	calls  map[string]*call // in progress, by request id
	failed *Error           // the process's initialization error
}

type call struct {
	event []byte
	done  chan outcome // buffered: an answer may come after its caller has gone
}

type outcome struct {
	answer []byte
	err    error
}

// Start starts the process. It does not wait until the process is ready.
func Start(o Options) (*Runtime, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		timeout: o.Timeout, cmd: exec.Command(o.Bootstrap),
		next: make(chan *call), ready: make(chan struct{}), exited: make(chan struct{}), calls: map[string]*call{},
	}
	if r.timeout == 0 {
		r.timeout = 30 * time.Second
	}
	r.server = &http.Server{Handler: r.api()}
	r.cmd.Env = slices.Concat(environment, []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}, o.Env)
	r.cmd.Stdout, r.cmd.Stderr = logWriter{r}, logWriter{r}
	if err := r.cmd.Start(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go r.server.Serve(listener)
	go func() {
		r.cmd.Wait()
		close(r.exited)
	}()
	return r, nil
}

// environment returns the variables that Lambda sets for every function. It inherits none of this process.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
var environment = []string{
	"_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime",
	"AWS_LAMBDA_FUNCTION_NAME=function",
	"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
	"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
	"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/function", "AWS_LAMBDA_LOG_STREAM_NAME=2026/01/02/[$LATEST]0123456789abcdef",
	"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=ASIAIOSFODNN7EXAMPLE",
	"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SESSION_TOKEN=token",
	"LANG=en_US.UTF-8", "TZ=:UTC", "PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
}

// Ready returns once the process requests its first event: the end of a cold start.
func (r *Runtime) Ready(ctx context.Context) error {
	select {
	case <-r.ready:
		return nil
	case <-r.exited:
		return r.ended()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Invoke lets the function handle one event; concurrent callers wait. A nil event is {}.
func (r *Runtime) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	switch {
	case len(event) == 0:
		event = []byte("{}")
	case len(event) > payloadLimit:
		return nil, &Error{RequestTooLarge, fmt.Sprintf("Request must be smaller than %d bytes", payloadLimit)}
	case !jsontext.Value(event).IsValid(jsontext.AllowDuplicateNames(true)):
		return nil, &Error{InvalidRequest, "Could not parse request body into json"}
	}
	c := &call{event, make(chan outcome, 1)}
	select {
	case r.next <- c:
	case <-r.exited:
		return nil, r.ended()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case o := <-c.done:
		return o.answer, o.err
	case <-r.exited:
		return nil, r.ended()
	case <-time.After(r.timeout):
		r.cmd.Process.Kill() // as Lambda does; its next call starts a new process
		return nil, &Error{TimedOut, fmt.Sprintf("Task timed out after %.2f seconds", r.timeout.Seconds())}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ended returns why calls fail after the process has ended.
func (r *Runtime) ended() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return r.failed
	}
	return &Error{Exited, "Runtime exited: " + r.cmd.ProcessState.String()}
}

// Log returns the process's output so far.
func (r *Runtime) Log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// Stop ends the process and waits for it. It returns an error if the process had to be killed.
func (r *Runtime) Stop() error {
	defer r.server.Close()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-r.exited:
		return nil
	case <-time.After(shutdown):
	}
	r.cmd.Process.Kill()
	<-r.exited
	return fmt.Errorf("%s did not end within %v of SIGTERM", r.cmd.Path, shutdown)
}

// api returns the handler of the Runtime API.
func (r *Runtime) api() http.Handler {
	const version = "/2018-06-01/runtime/"
	asked := sync.OnceFunc(func() { close(r.ready) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+version+"invocation/next", func(w http.ResponseWriter, q *http.Request) {
		asked()
		r.give(w, q)
	})
	mux.HandleFunc("POST "+version+"invocation/{id}/response", func(w http.ResponseWriter, q *http.Request) {
		r.take(w, q, func(answer []byte) outcome { return outcome{answer: answer} })
	})
	mux.HandleFunc("POST "+version+"invocation/{id}/error", func(w http.ResponseWriter, q *http.Request) {
		r.take(w, q, func(told []byte) outcome { return outcome{err: errorOf(told)} })
	})
	mux.HandleFunc("POST "+version+"init/error", func(w http.ResponseWriter, q *http.Request) {
		told, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.failed = errorOf(told)
		r.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// give sends the next event as soon as there is one.
func (r *Runtime) give(w http.ResponseWriter, q *http.Request) {
	select {
	case <-q.Context().Done():
	case c := <-r.next:
		id := uuid.NewString()
		r.mu.Lock()
		r.calls[id] = c
		r.mu.Unlock()
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(r.timeout).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:function")
		w.Header().Set("Lambda-Runtime-Trace-Id", traceID)
		w.Header().Set("Content-Type", "application/json")
		w.Write(c.event)
	}
}

// traceID is the X-Ray header of every call: no test needs another.
const traceID = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"

// take receives the process's response to an event.
func (r *Runtime) take(w http.ResponseWriter, q *http.Request, read func([]byte) outcome) {
	body, err := io.ReadAll(io.LimitReader(q.Body, payloadLimit+1))
	r.mu.Lock()
	c := r.calls[q.PathValue("id")]
	delete(r.calls, q.PathValue("id"))
	r.mu.Unlock()
	switch {
	case c == nil:
		writeJSON(w, http.StatusBadRequest, &Error{"InvalidRequestID", "There is no such call in progress"})
	case err != nil:
		c.done <- outcome{err: &Error{Exited, err.Error()}}
	case len(body) > payloadLimit:
		told := fmt.Sprintf("xceeded maximum allowed payload size (%d bytes).", payloadLimit)
		writeJSON(w, http.StatusRequestEntityTooLarge, &Error{"RequestEntityTooLarge", "E" + told})
		c.done <- outcome{err: &Error{ResponseTooLarge, "Response payload size e" + told}}
	default:
		w.WriteHeader(http.StatusAccepted)
		c.done <- read(body)
	}
}

// errorOf parses an error that a process reports.
func errorOf(told []byte) *Error {
	e := &Error{}
	if err := json.Unmarshal(told, e); err != nil {
		return &Error{"Runtime.Unknown", string(told)}
	}
	return e
}

type logWriter struct{ r *Runtime }

func (l logWriter) Write(p []byte) (int, error) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	return l.r.log.Write(p)
}
