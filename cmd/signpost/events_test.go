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

// inside are the settings that p was started with, for a command beside it.
func (p *process) inside(t *testing.T) []string {
	return []string{"SIGNPOST_DATA_DIR=" + p.dir, "SIGNPOST_LOCAL_LISTEN=" + hostOf(t, p.store(t))}
}

// outside are settings that name p's store as they would any other.
func (p *process) outside(t *testing.T) []string {
	return []string{"SIGNPOST_BUCKET=" + localBucket, "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_S3=" + p.store(t), "AWS_SHARED_CREDENTIALS_FILE=" + p.credentialsFile()}
}

// command runs signpost with these settings alone.
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

// succeeds is command where it must, and returns what it printed.
func succeeds(t *testing.T, settings []string, args ...string) string {
	t.Helper()
	stdout, stderr, status := command(t, settings, args...)
	if status != 0 || stderr != "" {
		t.Fatalf("signpost %q: exit status %d, stderr %q, want success", args, status, stderr)
	}
	return stdout
}

// record is the file of an import's record in p's local store.
func (p *process) record(t *testing.T, id string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "jobs", "public", "*-"+id+".json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("record of %s: got %q, %v", id, found, err)
	}
	return found[0]
}

// forget makes an import whose time was over an hour ago, and which was not read since.
func (p *process) forget(t *testing.T) (id string) {
	t.Helper()
	id = *p.create(t).ID
	text, err := os.ReadFile(p.record(t, id))
	if err != nil {
		t.Fatal(err)
	}
	deadline := fmt.Sprintf(`"deadline":"%s"`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	p.write(t, p.record(t, id), regexp.MustCompile(`"deadline":"[^"]+"`).ReplaceAllString(string(text), deadline))
	return id
}

// write puts text where the file at path in the store is.
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

// TestEventsGivenUp lists events that were given up, and has a service send them after all.
func TestEventsGivenUp(t *testing.T) {
	slowTest(t)
	ears := newAudience(t, 0, 0)
	p := startLocal(t, t.TempDir(), "SIGNPOST_WEBHOOK_URL="+ears.URL+"/", "SIGNPOST_WEBHOOK_SECRETS="+ears.secret,
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8")
	given := func(id, subject string) {
		p.write(t, filepath.Join(p.dir, "store", localBucket, "outbox", "dead", "20260301t120000.000z-"+id+".json"),
			`{"event": {"specversion": "1.0",`+
				` "id": "`+id+`", "source": "s3://signpost", "type": "import.aborted", "subject": "`+subject+`", "time": "2026-02-26T12:00:00Z",`+
				` "datacontenttype": "application/json", "data": {"id": "`+subject+`", "owner": "public", "status": "aborted"}},`+
				` "to": ["webhook"], "written": "2026-02-26T12:00:00Z", "true": true, "attempts": 29, "failure": "webhook: hooks.example.com answers 500"}`)
	}
	const one, two, three = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002",
		"01900000-0000-7000-8000-000000000003"
	if got, want := succeeds(t, p.inside(t), "events", "dead"), "no dead events\n"; got != want {
		t.Errorf("dead: got %q, want %q", got, want)
	}
	if got, want := succeeds(t, p.inside(t), "events", "redeliver", "--all"), "no dead events\n"; got != want {
		t.Errorf("redeliver --all: got %q, want %q", got, want)
	}
	given(one, "import-1")
	given(two, "import-2")
	given(three, "import-3")
	for name, settings := range map[string][]string{"beside the service": p.inside(t), "from elsewhere": p.outside(t)} {
		text := succeeds(t, settings, "events", "dead")
		if want := `^` + one + `  2026-\d\d-\d\d \d\d:\d\d.*\n.*  import\.aborted  import-1\n  failed after 29 attempts: webhook: hooks.example.com answers 500\n` + two; !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("dead %s: got\n%swant\n%s", name, text, want)
		}
		n := 0
		for line := range strings.Lines(succeeds(t, settings, "events", "dead", "--json")) {
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
		stdout, stderr, status := command(t, p.inside(t), "events", "redeliver", unknown)
		if status != 1 || stdout != "" || !strings.Contains(stderr,
			"is not the id of a dead event; signpost events dead lists them") || strings.Contains(stderr, "\x1b") {
			t.Errorf("redeliver %q: exit status %d, stdout %q, stderr %q", unknown, status, stdout, stderr)
		}
	}
	for _, subject := range []string{"import-1", "import-2", "import-3"} {
		ears.expect(end{subject, "aborted"})
	}
	if got, want := succeeds(t, p.inside(t), "events", "redeliver", two),
		"1 event will be delivered again with the next sweep\n"; got != want {
		t.Errorf("redeliver: got %q, want %q", got, want)
	}
	if left := succeeds(t, p.inside(t), "events", "dead"); strings.Contains(left, two) || !strings.Contains(left, one) ||
		!strings.Contains(left, three) {
		t.Errorf("dead after redeliver %s: got\n%s", two, left)
	}
	if got, want := succeeds(t, p.outside(t), "events", "redeliver", "--all"),
		"2 events will be delivered again with the next sweep\n"; got != want {
		t.Errorf("redeliver --all: got %q, want %q", got, want)
	}
	ears.awaitAll(t, limit)
	if !ears.knows(one) || !ears.knows(two) || !ears.knows(three) {
		t.Errorf("redeliver: events were told under other ids than they had: %v", ears.tries)
	}
}

// TestGC sweeps the bucket of a service that is stopped, and leaves it alone where one runs.
func TestGC(t *testing.T) {
	slowTest(t)
	ears := newAudience(t, 0, 0)
	telling := []string{"SIGNPOST_WEBHOOK_URL=" + ears.URL + "/", "SIGNPOST_WEBHOOK_SECRETS=" + ears.secret,
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8"}
	p := startLocal(t, t.TempDir(), telling...)
	forgotten, odd := p.forget(t), *p.create(t).ID
	old := time.Now().Add(time.Second)
	p.write(t, p.record(t, odd), "{")
	ears.expect(end{forgotten, "expired"})
	for name, settings := range map[string][]string{"beside the service": p.inside(t), "from elsewhere": p.outside(t)} {
		const want = "another server sweeps this bucket at the moment; it does what there is to do\n"
		got := ""
		for deadline := time.Now().Add(limit); got != want && time.Now().Before(deadline); { // until the service has begun to
			got = succeeds(t, settings, "gc")
		}
		if got != want {
			t.Errorf("gc %s: got %q, want %q", name, got, want)
		}
	}
	p.stop(t)

	time.Sleep(time.Until(old)) // as old as URLs live
	settings := append(telling, "SIGNPOST_DATA_DIR="+p.dir, "SIGNPOST_LOCAL_LISTEN=127.0.0.1:0", "SIGNPOST_URL_TTL=1s")
	stdout, stderr, status := command(t, settings, "gc")
	want := "overdue imports: 2 inspected, 1 ended\nmultipart uploads: 0 inspected, 0 orphans aborted\nevents due: 1\n"
	if stdout != want || status != 1 || !strings.Contains(stderr, odd) ||
		!strings.HasSuffix(stderr, "signpost: 1 import cannot be inspected\n") {
		t.Errorf("gc: exit status %d, stdout\n%swant\n%sstderr %q", status, stdout, want, stderr)
	}
	ears.awaitAll(t, limit)
	want = "overdue imports: 0 inspected, 0 ended\nmultipart uploads: 0 inspected, 0 orphans aborted\nevents due: 0\n"
	if got := succeeds(t, settings, "gc"); got != want {
		t.Errorf("gc again: got\n%swant\n%s", got, want)
	}
}
