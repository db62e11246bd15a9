package frontend

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// prism is a proxy that checks calls of a caller with this key.
type prism struct{ url, key string }

// startPrism runs Prism before the service until the end of the test, and returns its URL.
func startPrism(t *testing.T, dir, service string, contract []byte, options ...string) string {
	t.Helper()
	document := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(document, contract, 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{"proxy", document, service, "--errors", "--port=0"}, options...)
	program := exec.CommandContext(t.Context(), filepath.Join(dir, "node_modules/.bin/prism"), arguments...)
	output, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	program.Stderr = program.Stdout
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(output, &printed))
	for lines.Scan() {
		if found := regexp.MustCompile(` listening on (http://\S+)`).FindStringSubmatch(lines.Text()); found != nil {
			go io.Copy(io.Discard, output)       // so that Prism can print more
			t.Cleanup(func() { program.Wait() }) // the end of t.Context kills it
			return found[1]
		}
	}
	t.Fatalf("prism: got no URL: %s", &printed)
	return ""
}

// response is what the proxy returns.
type response struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request with header fields in pairs.
func (p prism) send(t *testing.T, method, path, body string, fields ...string) response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if p.key != "" {
		request.Header.Set("x-api-key", p.key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	return exchange(t, request)
}

func exchange(t *testing.T, request *http.Request) response {
	t.Helper()
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{got.StatusCode, got.Header, body}
}

// signed is a signed request of a response.
type signed struct {
	URL             string
	Headers, Fields map[string]string
}

// put sends a signed request to the store.
func put(t *testing.T, s signed, content string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range s.Headers {
		request.Header.Set(name, value)
	}
	if got := exchange(t, request); got.status != http.StatusOK {
		t.Fatalf("PUT: got %d %s, want 200", got.status, got.body)
	}
}

// reply contains the members of all responses that the tests read.
type reply struct {
	ID, Status string
	Upload     signed
	Parts      []signed
	header     http.Header
	problem    []byte // the body of an error
}

// call checks that the status is want, and that Prism found no violation.
func (p prism) call(t *testing.T, method, path, body string, want int, fields ...string) reply {
	t.Helper()
	sent := p.send(t, method, path, body, fields...)
	if violations := sent.header.Get("sl-violations"); sent.status != want || violations != "" {
		t.Fatalf("%s %s %.100s: got %d %s, violations %s; want %d and no violation",
			method, path, body, sent.status, sent.body, violations, want)
	}
	got := reply{header: sent.header, problem: sent.body}
	if len(sent.body) > 0 && want < 300 {
		if err := json.Unmarshal(sent.body, &got); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, sent.body)
		}
	}
	return got
}

// create creates a tracked import.
func (p prism) create(t *testing.T, body string) reply {
	t.Helper()
	return p.call(t, "POST", "/import", body, http.StatusCreated)
}

// fails checks that a call of an operation, such as GET /import/{id}, fails with the code and the detail of the
// contract's example for this status.
func (p prism) fails(t *testing.T, operation, path, body string, status int, fields ...string) {
	t.Helper()
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	method, template, _ := strings.Cut(operation, " ")
	documented := contract.Paths.Find(template).GetOperation(method).Responses.Status(status).Value
	example, err := json.Marshal(documented.Content.Get("application/problem+json").Example)
	if err != nil {
		t.Fatal(err)
	}
	var got, want struct{ Code, Detail string }
	sent := p.call(t, method, path, body, status, fields...)
	if err := errors.Join(json.Unmarshal(sent.problem, &got), json.Unmarshal(example, &want)); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s %s %.100s: got %+v, want the example of the contract: %+v", method, path, body, got, want)
	}
}
