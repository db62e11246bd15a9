package lambdatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain also runs the function, in the process that Start starts.
func TestMain(m *testing.M) {
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		os.Exit(function("http://" + api + "/2018-06-01/runtime/"))
	}
	os.Exit(m.Run())
}

// function does what its event requests.
func function(api string) int {
	post := func(path, body string) int {
		r, err := http.Post(api+path, "application/json", strings.NewReader(body))
		if err != nil {
			return 0
		}
		return r.StatusCode
	}
	if os.Getenv("FAIL") != "" {
		return post("init/error", `{"errorType":"Settings","errorMessage":"FAIL is set"}`) - http.StatusAccepted + 1
	}
	for {
		next, err := http.Get(api + "invocation/next")
		if err != nil {
			return 1
		}
		event, _ := io.ReadAll(next.Body)
		call := "invocation/" + next.Header.Get("Lambda-Runtime-Aws-Request-Id") + "/"
		fmt.Println("event", len(event))
		switch {
		case string(event) == `"fail"`:
			post(call+"error", `{"errorType":"T","errorMessage":"M","stackTrace":[]}`)
		case string(event) == `"exit"`:
			return 3
		case string(event) == `"hang"`:
			select {}
		case bytes.HasPrefix(event, []byte(`"+`)): // answers a byte more than Lambda takes
			fmt.Println("status", post(call+"response", strings.Repeat(" ", payloadLimit+1)))
		default:
			post(call+"response", string(event))
		}
	}
}

func run(t *testing.T, timeout time.Duration, env ...string) *Runtime {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(Options{Bootstrap: self, Env: env, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// TestRuntime checks responses and kinds of errors of a process that continues.
func TestRuntime(t *testing.T) {
	r := run(t, time.Minute)
	if err := r.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	largest := `"` + strings.Repeat("x", payloadLimit-2) + `"`
	for _, c := range []struct{ event, answer, errorType string }{
		{"", "{}", ""},
		{`{"a":1}`, `{"a":1}`, ""},
		{largest, largest, ""},
		{largest + " ", "", RequestTooLarge},
		{"{", "", InvalidRequest},
		{`"fail"`, "", "T"},
		{`"+"`, "", ResponseTooLarge},
		{`"again"`, `"again"`, ""},
	} {
		answer, err := r.Invoke(t.Context(), []byte(c.event))
		e := &Error{}
		if err != nil && !errors.As(err, &e) || e.Type != c.errorType || string(answer) != c.answer {
			t.Errorf("%.20s: got %.20s %v, want %.20s %s", c.event, answer, err, c.answer, c.errorType)
		}
	}
	if log := r.Log(); !strings.Contains(log, "event 7\n") || !strings.Contains(log, "status 413\n") {
		t.Errorf("got log %q, want what the process wrote", log)
	}
}

// TestRuntimeEnds checks that all calls after a process's end return its reason.
func TestRuntimeEnds(t *testing.T) {
	r := run(t, time.Minute)
	for range 2 {
		if _, err := r.Invoke(t.Context(), []byte(`"exit"`)); err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("got %v, want exit status 3", err)
		}
	}
	r = run(t, time.Minute, "FAIL=1")
	if err := r.Ready(t.Context()); err == nil || err.Error() != "Settings: FAIL is set" {
		t.Errorf("ready: got %v, want what the process said of its start", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run(t, time.Minute).Invoke(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: got %v", err)
	}
	if _, err := Start(Options{Bootstrap: "/nowhere"}); err == nil {
		t.Error("a binary that is not there: got no error")
	}
}

// TestRuntimeTimesOut checks that a function without a response is ended.
func TestRuntimeTimesOut(t *testing.T) {
	r := run(t, time.Second)
	for _, errorType := range []string{TimedOut, Exited} {
		_, err := r.Invoke(t.Context(), []byte(`"hang"`))
		if e := (*Error)(nil); !errors.As(err, &e) || e.Type != errorType {
			t.Errorf("got %v, want %s", err, errorType)
		}
	}
}
