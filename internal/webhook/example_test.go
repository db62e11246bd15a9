package webhook_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// receiver takes events: only ours, and each once. What it remembers belongs in its database, in one transaction with
// what it does.
type receiver struct {
	verifier *standardwebhooks.Webhook
	mu       sync.Mutex
	handled  map[string]bool // by webhook-id
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, 1<<20))
	if err != nil {
		http.Error(w, "too large, or cut off", http.StatusBadRequest)
		return
	}
	if err := r.verifier.Verify(body, request.Header); err != nil { // the body as it came: any other has another signature
		http.Error(w, "not signed as it should be", http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if id := request.Header.Get("webhook-id"); !r.handled[id] { // an event can come more than once
		fmt.Printf("%s\n", body)
		r.handled[id] = true
	}
	w.WriteHeader(http.StatusNoContent) // any other answer than 2xx, and the event comes again
}

// verifyPublic verifies a delivery with a public key (whpk_…), as Standard Webhooks 1.0.0 specifies for v1a signatures.
// The released reference library for Go has no such function.
func verifyPublic(public ed25519.PublicKey, body []byte, header http.Header) error {
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age.Abs() > 5*time.Minute {
		return errors.New("the delivery is too old, or its time is wrong")
	}
	signed := fmt.Appendf(nil, "%s.%d.%s", header.Get("webhook-id"), seconds, body)
	for signature := range strings.FieldsSeq(header.Get("webhook-signature")) {
		encoded, _ := strings.CutPrefix(signature, "v1a,")
		if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil && ed25519.Verify(public, signed, raw) {
			return nil
		}
	}
	return errors.New("no signature of this key")
}

// A receiver that verifies with a public key, with which it cannot sign, and a sender.
func Example_publicKey() {
	key, err := webhook.ParseKey(webhook.NewPrivateKey()) // signpost webhooks keygen --asymmetric
	if err != nil {
		panic(err)
	}
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key.Verifier(), "whpk_")) // signpost webhooks secret
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || verifyPublic(public, body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Printf("%s\n", body) // each webhook-id once, as in the other example
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()

	err = newLocalSender(key).Send(context.Background(), server.URL, "0198c5a4", time.Now(), []byte(`{"type":"import.completed"}`))
	fmt.Println("delivered:", err == nil)
	// Output:
	// {"type":"import.completed"}
	// delivered: true
}

// newLocalSender returns a sender that signs with key and may call this machine.
func newLocalSender(key webhook.Key) *webhook.Sender {
	_, loopback, err := net.ParseCIDR("127.0.0.0/8")
	if err != nil {
		panic(err)
	}
	return webhook.New(webhook.Options{
		Keys:     func(context.Context, string) ([]webhook.Key, error) { return []webhook.Key{key}, nil },
		Networks: func(string) []*net.IPNet { return []*net.IPNet{loopback} },
	})
}

// A receiver that verifies with the Standard Webhooks library, and what sends to it.
func Example() {
	secret := webhook.NewSecret()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		panic(err)
	}
	key, err := webhook.ParseKey(secret)
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(&receiver{verifier: verifier, handled: map[string]bool{}})
	defer server.Close()

	sender := newLocalSender(key)
	for range 2 {
		err = sender.Send(context.Background(), server.URL, "0198c5a4", time.Now(), []byte(`{"type":"import.completed"}`))
		fmt.Println("delivered:", err == nil)
	}
	// Output:
	// {"type":"import.completed"}
	// delivered: true
	// delivered: true
}
