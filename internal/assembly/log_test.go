package assembly

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
)

// TestLogIsPrintable: each log line has only printable characters and decodes to the logged text.
func TestLogIsPrintable(t *testing.T) {
	for _, path := range []string{"/plain", "/\x7f", "/\u0080\u009b31m\u009f", "/\u202egpj.exe", "/\U000e0041",
		"/\x1b[31m", "/é日", "/\u2028"} {
		var log bytes.Buffer
		NewLogger(&log).Info("request", "path", path)
		line := log.String()
		for _, r := range line[:len(line)-1] {
			if !unicode.IsPrint(r) {
				t.Errorf("path %q: the line has %U: %q", path, r, line)
			}
		}
		var got struct{ Path string }
		if err := json.Unmarshal(log.Bytes(), &got); err != nil || got.Path != path {
			t.Errorf("path %q: the line %q decodes to %q, %v", path, line, got.Path, err)
		}
	}
}

// TestLogShortensIDs: error texts contain only the beginning of an import id, because the id may be a capability.
// Other ids are logged unchanged.
func TestLogShortensIDs(t *testing.T) {
	const id, short = "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", "0198c5a4-7b1e-7c3a"
	const random, record = "4bd1c0f2-66a7-4a53-9d2c-0f5f5c6f4f1e", `Get "http://store/bucket/jobs/public/fe673a5b84e1-`
	for _, c := range []struct{ attribute, text, want string }{
		{"error", "read import " + id + ": timeout", "read import " + short + ": timeout"},
		{"error", record + id + `.json": EOF`, record + short + `.json": EOF`},
		{"error", id + " and " + strings.ToUpper(id), short + " and " + strings.ToUpper(short)},
		{"text", "rename imports/public/" + id, "rename imports/public/" + short},
		{"key", "imports/public/" + id, "imports/public/" + short},
		{"error", "request " + random, "request " + random},
		{"event", id, id}, {"request_id", id, id},
		{"path", "/import/" + id, "/import/" + id}, {"import", id, id},
	} {
		var log bytes.Buffer
		NewLogger(&log).Error("failed", c.attribute, c.text)
		var got map[string]string
		if err := json.Unmarshal(log.Bytes(), &got); err != nil || got[c.attribute] != c.want {
			t.Errorf("%s %q: got %q, %v, want %q", c.attribute, c.text, got[c.attribute], err, c.want)
		}
	}
	var log bytes.Buffer
	NewLogger(&log).With("error", id).Error("failed: "+id, "error", errors.New(id))
	if strings.Contains(log.String(), id) {
		t.Errorf("id in the message, in With and in an error: got %s, want shortened ids", log.String())
	}
}
