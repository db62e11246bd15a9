package webhook

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	const start = "https://example.com/"
	for _, c := range []struct {
		url  string
		want error
	}{
		{"https://example.com", nil},
		{"https://example.com:8443/events?token=secret", nil},
		{"http://10.0.0.1/events", nil},
		{"HTTPS://EXAMPLE.COM/", nil},
		{"https://[2606:4700::1111]/", nil},
		{"https://bücher.example/", nil},
		{start + strings.Repeat("a", maxURL-len(start)), nil},
		{start + strings.Repeat("a", maxURL-len(start)+1), errURLLong},
		{"", errURL},
		{"example.com/events", errURL},
		{"//example.com/events", errURL},
		{"https:", errURL},
		{"https://", errURL},
		{"https:///events", errURL},
		{"https://:443/", errURL},
		{"https:example.com", errURL},
		{"ftp://example.com/", errURL},
		{"file:///etc/passwd", errURL},
		{"gopher://example.com/", errURL},
		{"https://exa mple.com/", errURL},
		{"https://example.com\\@10.0.0.1/", errURL},
		{"https://example.com/\r\nHost: x", errURL},
		{" https://example.com/", errURL},
		{"https://example.com:0/", errURL},
		{"https://example.com:65536/", errURL},
		{"https://example.com:http/", errURL},
		{"https://user@example.com/", errUserinfo},
		{"https://user:password@example.com/", errUserinfo},
		{"https://@example.com/", errUserinfo},
		{"https://example.com@10.0.0.1/", errUserinfo},
		{"https://example.com/#", errFragment},
		{"https://example.com/#events", errFragment},
	} {
		got := CheckURL(c.url)
		if !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("CheckURL(%.60q): got %v, want %v", c.url, got, c.want)
		}
		if c.want == nil {
			continue
		}
		f := failed(t, "Send to "+c.url, newSender(t, Options{}).send(t, c.url))
		if f.Error() != "the URL "+c.want.Error() || f.Status != 0 {
			t.Errorf("Send to %.60q: got %d %v, want the URL %v", c.url, f.Status, f, c.want)
		}
	}
}
