package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// delivery is a request to a receiver, with its body.
type delivery struct {
	header http.Header
	body   []byte
}

// collector is a receiver that accepts every delivery.
type collector struct {
	*httptest.Server
	deliveries chan delivery
}

func newCollector(t *testing.T, start func(*httptest.Server)) *collector {
	t.Helper()
	c := &collector{deliveries: make(chan delivery, 100)}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("a delivery: %v", err)
		}
		c.deliveries <- delivery{r.Header, body}
	}))
	c.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(c.Server)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) host() string {
	return strings.TrimPrefix(strings.TrimPrefix(c.URL, "https://"), "http://")
}

// next returns the delivery about the import with that id.
func (c *collector) next(t *testing.T, id string) delivery {
	t.Helper()
	for deadline := time.After(limit); ; {
		select {
		case d := <-c.deliveries:
			if strings.Contains(string(d.body), id) {
				return d
			}
		case <-deadline:
			t.Fatalf("%s received nothing about %s in %v", c.URL, id, limit)
		}
	}
}

// verified reports whether a receiver that holds verifier (whsec_… or whpk_…) accepts d.
func (d delivery) verified(t *testing.T, verifier string) bool {
	t.Helper()
	encoded, asymmetric := strings.CutPrefix(verifier, "whpk_")
	if !asymmetric {
		v, err := standardwebhooks.NewWebhook(verifier)
		if err != nil {
			t.Fatal(err)
		}
		return v.Verify(d.body, d.header) == nil
	}
	public, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	signed := fmt.Appendf(nil, "%s.%s.%s", d.header.Get("webhook-id"), d.header.Get("webhook-timestamp"), d.body)
	for signature := range strings.FieldsSeq(d.header.Get("webhook-signature")) {
		raw, ok := strings.CutPrefix(signature, "v1a,")
		decoded, err := base64.StdEncoding.DecodeString(raw)
		if ok && err == nil && ed25519.Verify(public, signed, decoded) {
			return true
		}
	}
	return false
}

// verifiers returns what signpost webhooks secret prints with the keys of that file.
func verifiers(t *testing.T, file string, host ...string) []string {
	t.Helper()
	command := exec.Command("signpost", append([]string{"webhooks", "secret"}, host...)...)
	command.Env = append(cleanEnv(t), "SIGNPOST_WEBHOOK_SECRETS_FILE="+file)
	printed, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(printed))
}

// abortedImport creates an import with that webhook_url, aborts it and returns its id.
func (p *process) abortedImport(t *testing.T, webhookURL string) string {
	t.Helper()
	status, answer := p.postImport(t, fmt.Sprintf(`{"webhook_url":%q}`, webhookURL))
	var job struct{ ID string }
	if err := json.Unmarshal(answer, &job); err != nil || status != http.StatusCreated {
		t.Fatalf("create with webhook_url %s: got %d %s", webhookURL, status, answer)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, p.api+"/import/"+job.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := web.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.Body.Close(); response.StatusCode != http.StatusNoContent {
		t.Fatalf("DELETE: got %s, want 204", response.Status)
	}
	return job.ID
}

func (p *process) postImport(t *testing.T, body string) (status int, answer []byte) {
	t.Helper()
	response, err := web.Post(p.api+"/import", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// TestImportWebhooks: a receiver that an import names verifies with the key of its host, and holds nothing with which
// it could sign for another receiver. Keys change while the service runs. Private networks are open to the hosts they
// are bound to, and to https only.
func TestImportWebhooks(t *testing.T) {
	slowTest(t)
	own := newCollector(t, (*httptest.Server).Start)
	bound, unbound := newCollector(t, (*httptest.Server).StartTLS), newCollector(t, (*httptest.Server).StartTLS)
	dir := t.TempDir()
	roots, file := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "keys")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bound.Certificate().Raw})
	older, newer, private := webhook.NewSecret(), webhook.NewSecret(), webhook.NewPrivateKey()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(roots, string(certificate))
	write(file, older+"\n"+private+"\n")
	p := startLocal(t, filepath.Join(dir, "data"), "SSL_CERT_FILE="+roots, "SIGNPOST_WEBHOOK_URL="+own.URL+"/",
		"SIGNPOST_WEBHOOK_SECRETS_FILE="+file,
		"SIGNPOST_WEBHOOK_HOSTS="+bound.host()+","+unbound.host(),
		"SIGNPOST_WEBHOOK_NETWORKS=127.0.0.0/8,"+bound.host()+"=127.0.0.1")

	id := p.abortedImport(t, bound.URL+"/events")
	toOwn, toBound := own.next(t, id), bound.next(t, id)
	common, forBound := verifiers(t, file), verifiers(t, file, bound.host())
	for _, c := range []struct {
		what     string
		delivery delivery
		holds    []string
		want     bool
	}{
		{"the operator's receiver", toOwn, common, true},
		{"the host's receiver", toBound, forBound, true},
		{"the operator's receiver, signature for the host", toBound, common, false},
		{"the host's receiver, signature for the operator", toOwn, forBound, false},
		{"another host's receiver", toBound, verifiers(t, file, unbound.host()), false},
	} {
		if len(c.holds) != 2 {
			t.Fatalf("%s: holds %d verifiers, want one for each key", c.what, len(c.holds))
		}
		for _, verifier := range c.holds {
			if got := c.delivery.verified(t, verifier); got != c.want {
				t.Errorf("%s with %.6s…: accepted %t, want %t", c.what, verifier, got, c.want)
			}
		}
	}

	id = p.abortedImport(t, unbound.URL+"/events")
	own.next(t, id)
	p.await(t, p.stderr, "refusal to call a private address", func(s string) bool {
		return strings.Contains(s, "import: 127.0.0.1 is a loopback address: not called; "+
			"SIGNPOST_WEBHOOK_NETWORKS can allow it for this host")
	})
	if n := len(unbound.deliveries); n != 0 {
		t.Errorf("a host without a private network received %d deliveries in one, want none", n)
	}
	plain := strings.Replace(bound.URL, "https://", "http://", 1)
	if status, answer := p.postImport(t, fmt.Sprintf(`{"webhook_url":%q}`, plain)); status != http.StatusBadRequest {
		t.Errorf("create with webhook_url %s: got %d %s, want 400", plain, status, answer)
	}

	const read = `"msg":"webhook keys loaded"`
	p.await(t, p.stderr, "first reading of the file", func(s string) bool { return strings.Count(s, read) == 1 })
	write(file, "whsec_broken\n")
	p.await(t, p.stderr, "complaint about the file",
		func(s string) bool { return strings.Contains(s, "key 1: a key is whsec_") })
	write(file, newer+"\n"+older+"\n")
	p.await(t, p.stderr, "second reading of the file", func(s string) bool { return strings.Count(s, read) == 2 })
	id = p.abortedImport(t, bound.URL+"/events")
	rotated := verifiers(t, file, bound.host())
	if len(rotated) != 2 || rotated[1] != forBound[0] {
		t.Fatalf("after the change: got verifiers %v, want a new one before %s", rotated, forBound[0])
	}
	toBound = bound.next(t, id)
	for _, verifier := range rotated {
		if !toBound.verified(t, verifier) {
			t.Errorf("after the change, %s…: not accepted", verifier[:12])
		}
	}
	if toBound.verified(t, forBound[1]) {
		t.Error("a key that was removed still signs")
	}
	for _, secret := range append([]string{older, newer, private}, forBound...) {
		if _, encoded, _ := strings.Cut(secret, "_"); strings.Contains(p.stdout.String()+p.stderr.String(), encoded) {
			t.Errorf("%s was written:\n%s%s", secret, p.stdout, p.stderr)
		}
	}
}
