package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// receiver takes events: only ours, and each once. What it remembers belongs in its database, in one transaction with what it does.
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

// A receiver that verifies with the Standard Webhooks library, and what sends to it.
func Example() {
	secret := webhook.NewSecret()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(&receiver{verifier: verifier, handled: map[string]bool{}})
	defer server.Close()

	_, loopback, _ := net.ParseCIDR("127.0.0.0/8")
	sender, err := webhook.New(webhook.Options{Secrets: []string{secret}, Networks: []*net.IPNet{loopback}})
	if err != nil {
		panic(err)
	}
	for range 2 {
		err = sender.Send(context.Background(), server.URL, "0198c5a4", time.Now(), []byte(`{"type":"import.completed"}`))
		fmt.Println("delivered:", err == nil)
	}
	// Output:
	// {"type":"import.completed"}
	// delivered: true
	// delivered: true
}
