package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/outbox"
)

// localSettings returns the settings with which a command finds the local store of p.
func (p *process) localSettings(t *testing.T) []string {
	return []string{"SIGNPOST_DATA_DIR=" + p.dir, "SIGNPOST_LOCAL_LISTEN=" + hostOf(t, p.store(t))}
}

// bucketSettings returns the settings that name the store of p like any other store.
func (p *process) bucketSettings(t *testing.T) []string {
	return []string{"SIGNPOST_BUCKET=" + localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3=" + p.store(t), "AWS_SHARED_CREDENTIALS_FILE=" + p.credentialsFile()}
}

// bothSettings returns the settings of two ways to find the store of p, by name.
func (p *process) bothSettings(t *testing.T) map[string][]string {
	return map[string][]string{"of the data folder": p.localSettings(t), "of the bucket": p.bucketSettings(t)}
}

// command runs signpost with these settings only.
func command(t *testing.T, settings []string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	c := exec.Command("signpost", args...)
	var out, failed bytes.Buffer
	c.Env, c.Stdout, c.Stderr = append(cleanEnv(t), settings...), &out, &failed
	if err := c.Run(); c.ProcessState == nil {
		t.Fatalf("signpost %q: %v", args, err)
	}
	return out.String(), failed.String(), c.ProcessState.ExitCode()
}

// runCommand runs a command that must succeed, and returns its output.
func runCommand(t *testing.T, settings []string, args ...string) string {
	t.Helper()
	stdout, stderr, status := command(t, settings, args...)
	if status != 0 || stderr != "" {
		t.Fatalf("signpost %q: exit status %d, stderr %q, want success", args, status, stderr)
	}
	return stdout
}

// record returns the path of an import's record in the local store of p.
func (p *process) record(t *testing.T, id string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "jobs", "public", "*-"+id+".json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("record of %s: got %q, %v", id, found, err)
	}
	return found[0]
}

// createOverdue creates an import whose deadline was an hour ago, and which was not read since.
func (p *process) createOverdue(t *testing.T) (id string) {
	t.Helper()
	id = p.create(t).ID
	text, err := os.ReadFile(p.record(t, id))
	if err != nil {
		t.Fatal(err)
	}
	deadline := fmt.Sprintf(`"deadline":"%s"`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	p.write(t, p.record(t, id), regexp.MustCompile(`"deadline":"[^"]+"`).ReplaceAllString(string(text), deadline))
	return id
}

// write replaces the file at path in the store.
func (p *process) write(t *testing.T, path, text string) {
	t.Helper()
	key, err := filepath.Rel(filepath.Join(p.dir, "store", localBucket), path)
	if err != nil {
		t.Fatal(err)
	}
	id, secret := p.credentials(t)
	store := s3.New(s3.Options{Region: "us-east-1", UsePathStyle: true, BaseEndpoint: new(p.store(t)),
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
	_, err = store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(localBucket), Key: new(filepath.ToSlash(key)),
		Body: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDeadEvents lists dead events, and redelivers them.
func TestDeadEvents(t *testing.T) {
	slowTest(t)
	hooks := newTestReceiver(t, 0, 0)
	p := startLocal(t, t.TempDir(), "SIGNPOST_WEBHOOK_URL="+hooks.URL+"/", "SIGNPOST_WEBHOOK_SECRETS="+hooks.secret,
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8")
	writeDead := func(id, subject string) {
		p.write(t, filepath.Join(p.dir, "store", localBucket, "outbox", "dead", "20260301t120000.000z-"+id+".json"),
			`{"event": {"specversion": "1.0",`+
				` "id": "`+id+`", "source": "s3://signpost", "type": "import.aborted", "subject": "`+subject+`",`+
				` "time": "2026-02-26T12:00:00Z",`+
				` "datacontenttype": "application/json", "data": {"id": "`+subject+`", "owner": "public", "status": "aborted"}},`+
				` "to": ["webhook"], "written": "2026-02-26T12:00:00Z", "true": true, "attempts": 29,`+
				` "failure": "webhook: hooks.example.com returned 500"}`)
	}
	const one, two, three = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002",
		"01900000-0000-7000-8000-000000000003"
	if got, want := runCommand(t, p.localSettings(t), "events", "dead"), "no dead events\n"; got != want {
		t.Errorf("dead: got %q, want %q", got, want)
	}
	if got, want := runCommand(t, p.localSettings(t), "events", "redeliver", "--all"), "no dead events\n"; got != want {
		t.Errorf("redeliver --all: got %q, want %q", got, want)
	}
	writeDead(one, "import-1")
	writeDead(two, "import-2")
	writeDead(three, "import-3")
	for name, settings := range p.bothSettings(t) {
		text := runCommand(t, settings, "events", "dead")
		if want := `^` + one + `  2026-\d\d-\d\d \d\d:\d\d.*\n.*  import\.aborted  import-1\n` +
			`  failed after 29 attempts: webhook: hooks.example.com returned 500\n` + two; !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("dead %s: got\n%swant\n%s", name, text, want)
		}
		n := 0
		for line := range strings.Lines(runCommand(t, settings, "events", "dead", "--json")) {
			var dead outbox.Dead
			if err := json.Unmarshal([]byte(line), &dead); err != nil || dead.Attempts != 29 ||
				dead.Event.Type != "import.aborted" {
				t.Errorf("dead --json %s: got %q (%v)", name, line, err)
			}
			n++
		}
		if n != 3 {
			t.Errorf("dead --json %s: got %d lines, want 3", name, n)
		}
	}
	for _, unknown := range []string{"01900000-0000-7000-8000-00000000ffff", "x\x1b[31m"} {
		stdout, stderr, status := command(t, p.localSettings(t), "events", "redeliver", unknown)
		if status != 1 || stdout != "" || !strings.Contains(stderr,
			"is not the id of a dead event; signpost events dead lists them") || strings.Contains(stderr, "\x1b") {
			t.Errorf("redeliver %q: exit status %d, stdout %q, stderr %q", unknown, status, stdout, stderr)
		}
	}
	for _, subject := range []string{"import-1", "import-2", "import-3"} {
		hooks.expect(outcome{subject, "aborted"})
	}
	if got, want := runCommand(t, p.localSettings(t), "events", "redeliver", two),
		"1 event will be delivered again by the running service, or by signpost gc\n"; got != want {
		t.Errorf("redeliver: got %q, want %q", got, want)
	}
	left := runCommand(t, p.localSettings(t), "events", "dead")
	if strings.Contains(left, two) || !strings.Contains(left, one) || !strings.Contains(left, three) {
		t.Errorf("dead after redeliver %s: got\n%s", two, left)
	}
	if got, want := runCommand(t, p.bucketSettings(t), "events", "redeliver", "--all"),
		"2 events will be delivered again by the running service, or by signpost gc\n"; got != want {
		t.Errorf("redeliver --all: got %q, want %q", got, want)
	}
	hooks.awaitDelivered(t, limit)
	if !hooks.accepted(one) || !hooks.accepted(two) || !hooks.accepted(three) {
		t.Errorf("redeliver: event ids changed: %v", hooks.attemptsOf)
	}
}

// TestGC sweeps the bucket of a stopped service, and does nothing while a service runs.
func TestGC(t *testing.T) {
	slowTest(t)
	hooks := newTestReceiver(t, 0, 0)
	webhookSettings := []string{"SIGNPOST_WEBHOOK_URL=" + hooks.URL + "/", "SIGNPOST_WEBHOOK_SECRETS=" + hooks.secret,
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8"}
	p := startLocal(t, t.TempDir(), webhookSettings...)
	overdue, invalid := p.createOverdue(t), p.create(t).ID
	old := time.Now().Add(time.Second)
	p.write(t, p.record(t, invalid), "{")
	hooks.expect(outcome{overdue, "expired"})
	for name, settings := range p.bothSettings(t) {
		const want = "another process, such as a running service, sweeps this bucket, so nothing was done\n"
		got := ""
		for deadline := time.Now().Add(limit); got != want && time.Now().Before(deadline); { // the service may not sweep yet
			got = runCommand(t, settings, "gc")
		}
		if got != want {
			t.Errorf("gc %s: got %q, want %q", name, got, want)
		}
	}
	p.stop(t)

	time.Sleep(time.Until(old)) // as old as URLs live
	settings := append(webhookSettings, "SIGNPOST_DATA_DIR="+p.dir, "SIGNPOST_LOCAL_LISTEN=127.0.0.1:0",
		"SIGNPOST_URL_TTL=1s")
	stdout, stderr, status := command(t, settings, "gc")
	const report = "imports: %d inspected, %d of them completed or expired\n" +
		"multipart uploads: 0 inspected, 0 of them orphaned and aborted\nevents: %d were due for delivery\n"
	want := fmt.Sprintf(report, 2, 1, 1)
	if stdout != want || status != 1 || !strings.Contains(stderr, invalid) ||
		!strings.HasSuffix(stderr, "signpost: 1 import could not be inspected\n") {
		t.Errorf("gc: exit status %d, stdout\n%swant\n%sstderr %q", status, stdout, want, stderr)
	}
	hooks.awaitDelivered(t, limit)
	want = fmt.Sprintf(report, 0, 0, 0)
	if got := runCommand(t, settings, "gc"); got != want {
		t.Errorf("gc again: got\n%swant\n%s", got, want)
	}
}
