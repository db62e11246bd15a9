package webhook

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestSignature: a receiver with the current or the previous secret accepts the event, and one with another secret does
// not.
func TestSignature(t *testing.T) {
	for _, c := range []struct {
		what    string
		signing []string
		holds   string
		want    error
	}{
		{"the only secret", []string{secretA}, secretA, nil},
		{"the new one of two", []string{secretB, secretA}, secretB, nil},
		{"the old one of two", []string{secretB, secretA}, secretA, nil},
		{"the old one, no longer used", []string{secretB}, secretA, standardwebhooks.ErrNoMatchingSignature},
		{"another secret", []string{secretB, secretA}, secretC, standardwebhooks.ErrNoMatchingSignature},
	} {
		verifier, err := standardwebhooks.NewWebhook(c.holds)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"specversion":"1.0","data":{"filename":"Übersicht.csv"}}`
		var header http.Header
		var got error
		server := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
			header = r.Header
			text, err := io.ReadAll(r.Body)
			if err != nil || string(text) != body {
				t.Errorf("%s: the receiver read %q, %v, want %q", c.what, text, err, body)
			}
			got = verifier.Verify(text, r.Header)
		})
		now := time.Now()
		if err := newSender(t, Options{Keys: fixed(t, c.signing...)}).Send(t.Context(), server.URL+"/events?x=1",
			"01998e-1", now, []byte(body)); err != nil {
			t.Errorf("%s: Send: got %v", c.what, err)
		}
		if !errors.Is(got, c.want) {
			t.Errorf("%s: Verify: got %v, want %v", c.what, got, c.want)
		}
		if signatures := strings.Fields(header.Get("webhook-signature")); len(signatures) != len(c.signing) {
			t.Errorf("%s: got signatures %q, want one for each of %d secrets", c.what, signatures, len(c.signing))
		}
		for name, want := range map[string]string{"webhook-id": "01998e-1", "User-Agent": "signpost",
			"Content-Type": "application/cloudevents+json; charset=utf-8", "Accept-Encoding": "", "Cookie": ""} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s: got %q, want %q", c.what, name, got, want)
			}
		}
	}
}

// TestSignatureVectors checks the test vectors of the Go library of the specification: libraries/go/webhook_test.go and
// webhook_asymmetric_test.go.
func TestSignatureVectors(t *testing.T) {
	for key, want := range map[string]string{
		secretA: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=": "" +
			"v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==",
	} {
		keys, err := fixed(t, key)(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		if err := sign(header, keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999_999_999),
			[]byte(`{"test": 2432232314}`)); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": want,
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	}
}

// TestSignatureOfAnotherTime: each attempt has its own timestamp, which receivers compare with their clock.
func TestSignatureOfAnotherTime(t *testing.T) {
	verifier, err := standardwebhooks.NewWebhook(secretA)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		off  time.Duration
		want error
	}{
		{-4 * time.Minute, nil}, {-6 * time.Minute, standardwebhooks.ErrMessageTooOld},
		{4 * time.Minute, nil}, {6 * time.Minute, standardwebhooks.ErrMessageTooNew},
	} {
		var got error
		server := newReceiver(
			t,
			func(_ http.ResponseWriter, r *http.Request) { got = verifier.Verify([]byte("{}"), r.Header) },
		)
		if err := newSender(t, Options{}).Send(t.Context(), server.URL, "id", time.Now().Add(c.off),
			[]byte("{}")); err != nil {
			t.Errorf("Send %v from now: got %v", c.off, err)
		}
		if !errors.Is(got, c.want) {
			t.Errorf("Verify %v from now: got %v, want %v", c.off, got, c.want)
		}
	}
}
