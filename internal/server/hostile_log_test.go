package server_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// members are the attributes that a log line may have.
var logMembers = func() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(`time level msg method path status bytes duration_us remote request_id trace_id
		parent_id owner code error audit outcome import size reason file count`) {
		names[name] = true
	}
	return names
}()

// record remembers the requests that must be in the log.
func (s *service) record(c conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range c.replies {
		if r.fromService() {
			s.responses = append(s.responses, loggedRequest{r.header.Get("X-Request-Id"), r.status})
		}
	}
	if c.id != "" && c.end == "" {
		s.responses = append(s.responses, loggedRequest{c.id, 200})
	}
}

// logLine returns the log line of a request. After a long response the service writes it a moment later.
func (s *service) logLine(t *testing.T, id string) map[string]any {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for text := range strings.Lines(s.log.String()) {
			var line map[string]any
			if strings.Contains(text, id) && json.Unmarshal([]byte(text), &line) == nil && line["request_id"] == id {
				return line
			}
		}
	}
	t.Fatalf("the log has no line of request %s", id)
	return nil
}

// checkLog checks that the log has exactly one line for each request, no other lines, and no secrets.
func (s *service) checkLog(t *testing.T) {
	t.Helper()
	want := len(s.responses) + s.unanswered
	for deadline := time.Now().Add(limit); strings.Count(s.log.String(), `"msg":"request"`) < want &&
		time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	left := map[loggedRequest]int{}
	for _, a := range s.responses {
		left[a]++
	}
	lost := s.unanswered
	for text := range strings.Lines(s.log.String()) {
		line := s.parse(t, text)
		switch msg := line["msg"]; {
		case msg == "request":
		case msg == "API keys loaded", strings.HasPrefix(msg.(string), "http: URL query contains semicolon"):
			continue
		default:
			t.Errorf("the log has an unexpected line: %s", text)
			continue
		}
		a := loggedRequest{line["request_id"].(string), int(line["status"].(float64))}
		switch {
		case left[a] > 0:
			left[a]--
		case lost > 0:
			lost--
		default:
			t.Errorf("the log has a request that got no response: %s", text)
		}
		if line["remote"] != "127.0.0.1" {
			t.Errorf("remote: got %v, want the address of the connection: %s", line["remote"], text)
		}
	}
	for a, n := range left {
		if n > 0 {
			t.Errorf("the log lacks %d lines for %+v", n, a)
		}
	}
	if lost > 0 {
		t.Errorf("the log lacks %d lines for requests without a response", lost)
	}
}

// parse decodes a log line and checks that its attributes are known, unique and not secret.
func (s *service) parse(t *testing.T, text string) (line map[string]any) {
	t.Helper()
	if !jsontext.Value(text).IsValid() { // false for a duplicate name
		t.Errorf("a line of the log is not JSON: %q", text)
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	for name := range line {
		if !logMembers[name] {
			t.Errorf("the log has an unknown attribute %q: %s", name, text)
		}
	}
	for _, secret := range []string{"signpost_", strings.ToUpper(s.key), "X-Amz-Signature", "sekrit"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log has a secret: %s", text)
		}
	}
	return line
}
