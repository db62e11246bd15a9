package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/format"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// listening is a signpost listen, and a sender like that of the service.
type listening struct {
	*process
	url, secret string
	sender      *webhook.Sender
}

var startWith = regexp.MustCompile(`\n  SIGNPOST_WEBHOOK_URL=(http://\S+/) SIGNPOST_WEBHOOK_SECRETS=(whsec_\S+) ` +
	`SIGNPOST_WEBHOOK_NETWORKS=(\S+) signpost serve\n\n`)

// listenTo runs signpost listen on a free port, and reads its settings from its output.
func listenTo(t *testing.T, args ...string) *listening {
	t.Helper()
	path, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	l := &listening{process: launch(t, exec.Command(path,
		append([]string{"listen", "--listen", "127.0.0.1:0"}, args...)...))}
	greeting := l.stdout
	for _, arg := range args {
		if arg == "--json" {
			greeting = l.stderr
		}
	}
	l.await(t, greeting, "greeting", startWith.MatchString)
	found := startWith.FindStringSubmatch(greeting.String())
	l.url, l.secret = found[1], found[2]
	l.sender = l.senderWith(t, l.secret, found[3])
	return l
}

// senderWith returns a sender with these settings.
func (l *listening) senderWith(t *testing.T, secret, network string) *webhook.Sender {
	t.Helper()
	_, allowed, err := net.ParseCIDR(network)
	if err != nil {
		t.Fatal(err)
	}
	key, err := webhook.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return webhook.New(webhook.Options{
		Keys:     func(context.Context, string) ([]webhook.Key, error) { return []webhook.Key{key}, nil },
		Networks: func(string) []*net.IPNet { return []*net.IPNet{allowed} }, Timeout: limit,
	})
}

// deliver sends an event, and returns the status of a failure, or 0.
func (l *listening) deliver(t *testing.T, s *webhook.Sender, id, body string) int {
	t.Helper()
	err := s.Send(t.Context(), l.url, id, time.Now(), []byte(body))
	if err == nil {
		return 0
	}
	var failure *webhook.Failure
	if !errors.As(err, &failure) || failure.Status == 0 {
		t.Fatalf("deliver %s: %v, want an answer; stderr:\n%s", id, err, l.stderr)
	}
	return failure.Status
}

// said returns the output after the first lines.
func (l *listening) said() string {
	text := l.stdout.String()
	return text[startWith.FindStringIndex(text)[1]:]
}

// interrupt sends SIGINT, as Ctrl-C does.
func (l *listening) interrupt(t *testing.T) {
	t.Helper()
	l.signal(t, syscall.SIGINT)
	if status := l.wait(t); status.ExitStatus() != 0 {
		t.Errorf("after SIGINT: %v, want exit status 0; stderr:\n%s", l.err, l.stderr)
	}
}

// eventOf returns an event of the service.
func eventOf(id, kind, data string) string {
	return fmt.Sprintf("{\"specversion\": \"1.0\", \"id\": %q, \"source\": \"s3://bucket\", \"type\": %q, \"subject\": \"import-1\",\n"+
		" \"time\": \"2026-03-01T12:00:00Z\", \"datacontenttype\": \"application/json\", \"data\": %s}", id, kind, data)
}

func TestListenTellsEachEventOnce(t *testing.T) {
	t.Parallel()
	l := listenTo(t)
	stranger := l.senderWith(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "127.0.0.0/8")
	late := func(id string) int {
		err := l.sender.Send(t.Context(), l.url, id, time.Now().Add(-time.Hour), []byte("{}"))
		var f *webhook.Failure
		errors.As(err, &f)
		return f.Status
	}
	completed := eventOf("e1", "import.completed",
		`{"id": "import-1", "filename": "orders \u001b[31m.csv", "size": 1572864, "checksum": {}}`)
	inFolder := eventOf("e9", "import.expired", `{"filename": "a.jpg", "relative_path": "photos/a.jpg"}`)
	for _, c := range []struct {
		what string
		got  int
		want int
	}{
		{"an event", l.deliver(t, l.sender, "e1", completed), 0},
		{"the same again", l.deliver(t, l.sender, "e1", completed), 0},
		{"a failure", l.deliver(t, l.sender, "e2",
			eventOf("e2", "import.failed", `{"error": {"code": "checksum-mismatch", "detail": "not as declared"}}`)), 0},
		{"of a file in a folder", l.deliver(t, l.sender, "e9", inFolder), 0},
		{"with another secret", l.deliver(t, stranger, "e3", completed), http.StatusUnauthorized},
		{"of an hour ago", late("e4"), http.StatusUnauthorized},
		{"no event", l.deliver(t, l.sender, "e5", `{}`), http.StatusBadRequest},
		{"no JSON", l.deliver(t, l.sender, "e6", `{`), http.StatusBadRequest},
		{"of exactly 1 MiB", l.deliver(t, l.sender, "e7", strings.Repeat(" ", 1<<20)), http.StatusBadRequest},
		{"a byte more", l.deliver(t, l.sender, "e8", strings.Repeat(" ", 1<<20+1)), http.StatusRequestEntityTooLarge},
	} {
		if c.got != c.want {
			t.Errorf("deliver %s: got %d, want %d", c.what, c.got, c.want)
		}
	}
	response, err := web.Get(l.url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "POST" {
		t.Errorf("GET: got %s %v, want 405 with Allow: POST", response.Status, response.Header)
	}
	unsigned, err := web.Post(l.url, "application/cloudevents+json", strings.NewReader(completed))
	if err != nil {
		t.Fatal(err)
	}
	unsigned.Body.Close()
	if unsigned.StatusCode != http.StatusUnauthorized {
		t.Errorf("POST without a signature: got %s, want 401", unsigned.Status)
	}
	l.interrupt(t)

	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := format.Time(at) + `  import.completed  import-1  "orders \x1b[31m.csv"  1.5 MiB` + "\n" +
		format.Time(at) + "  import.failed  import-1  checksum-mismatch: not as declared\n" +
		format.Time(at) + "  import.expired  import-1  photos/a.jpg\n"
	if got := l.said(); got != want {
		t.Errorf("stdout: got\n%swant\n%s", got, want)
	}
	want = "rejected a delivery with 401: the signature does not match: it was made with another secret, or for another body\n" +
		"rejected a delivery with 401: the timestamp differs from this machine's clock by more than 5 minutes\n" +
		strings.Repeat("rejected a delivery with 400: the delivery has a valid signature, but it is not a CloudEvent 1.0 in JSON\n", 3) +
		"rejected a delivery with 413: the body is larger than 1 MiB\n" +
		"rejected a delivery with 405: method GET; deliveries use POST\n" +
		"rejected a delivery with 401: the delivery is not signed\n"
	if got := l.stderr.String(); got != want {
		t.Errorf("stderr: got\n%swant\n%s", got, want)
	}
}

// With --json, stdout has one event per line and nothing else.
func TestListenJSON(t *testing.T) {
	t.Parallel()
	const secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	l := listenTo(t, "--json", "--secret", secret)
	if l.secret != secret {
		t.Errorf("the secret to start with: got %s, want the one that was given", l.secret)
	}
	for _, id := range []string{"e1", "e2", "e1"} {
		if got := l.deliver(t, l.sender, id, eventOf(id, "import.expired", `{"filename": "<ü>"}`)); got != 0 {
			t.Errorf("deliver %s: got %d", id, got)
		}
	}
	l.interrupt(t)
	line := `{"specversion":"1.0","id":"%s","source":"s3://bucket","type":"import.expired","subject":"import-1",` +
		`"time":"2026-03-01T12:00:00Z","datacontenttype":"application/json","data":{"filename":"<ü>"}}` + "\n"
	if got, want := l.stdout.String(), fmt.Sprintf(line, "e1")+fmt.Sprintf(line, "e2"); got != want {
		t.Errorf("stdout: got\n%swant\n%s", got, want)
	}
}
