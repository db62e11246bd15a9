package server_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// members are all that a line of the log may have.
var members = func() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(`time level msg method path status bytes duration_us remote request_id trace_id
		parent_id owner code error audit outcome import size reason file keys`) {
		names[name] = true
	}
	return names
}()

// note remembers which requests the log must tell of.
func (s *service) note(c conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range c.replies {
		if r.ours() {
			s.answers = append(s.answers, answered{r.header.Get("X-Request-Id"), r.status})
		}
	}
	if c.id != "" && c.end == "" {
		s.answers = append(s.answers, answered{c.id, 200})
	}
}

// line is what the log says of a request. It comes a moment after a long answer.
func (s *service) line(t *testing.T, id string) map[string]any {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for text := range strings.Lines(s.log.String()) {
			var line map[string]any
			if strings.Contains(text, id) && json.Unmarshal([]byte(text), &line) == nil && line["request_id"] == id {
				return line
			}
		}
	}
	t.Fatalf("the log has no line of %s", id)
	return nil
}

// checkLog: one line tells of each request, none of anything else, and none what is secret.
func (s *service) checkLog(t *testing.T) {
	t.Helper()
	want := len(s.answers) + s.lost
	for deadline := time.Now().Add(limit); strings.Count(s.log.String(), `"msg":"request"`) < want &&
		time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	left := map[answered]int{}
	for _, a := range s.answers {
		left[a]++
	}
	lost := s.lost
	for text := range strings.Lines(s.log.String()) {
		line := s.parse(t, text)
		switch msg := line["msg"]; {
		case msg == "request":
		case msg == "API keys read", strings.HasPrefix(msg.(string), "http: URL query contains semicolon"):
			continue
		default:
			t.Errorf("the log tells of something else: %s", text)
			continue
		}
		a := answered{line["request_id"].(string), int(line["status"].(float64))}
		switch {
		case left[a] > 0:
			left[a]--
		case lost > 0:
			lost--
		default:
			t.Errorf("the log tells of a request that nobody was answered: %s", text)
		}
		if line["remote"] != "127.0.0.1" {
			t.Errorf("remote: got %v, want where the connection comes from: %s", line["remote"], text)
		}
	}
	for a, n := range left {
		if n > 0 {
			t.Errorf("the log lacks %d lines of %+v", n, a)
		}
	}
	if lost > 0 {
		t.Errorf("the log lacks %d lines of requests without an answer", lost)
	}
}

// parse reads a line, whose names are ours and stand there once.
func (s *service) parse(t *testing.T, text string) (line map[string]any) {
	t.Helper()
	if !jsontext.Value(text).IsValid() { // which is not said of a name that stands there twice
		t.Errorf("a line of the log is not JSON: %q", text)
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	for name := range line {
		if !members[name] {
			t.Errorf("the log has a member %q: %s", name, text)
		}
	}
	for _, secret := range []string{"signpost_", strings.ToUpper(s.key), "X-Amz-Signature", "sekrit"} {
		if strings.Contains(text, secret) {
			t.Errorf("what is secret is in the log: %s", text)
		}
	}
	return line
}
