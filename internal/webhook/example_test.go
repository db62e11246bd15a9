package webhook_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
	"github.com/signpost-s3/signpost/internal/webhook"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// receiver accepts signed events, each once. A real receiver stores the ids in its database, in one transaction with
// the effects of the event.
type receiver struct {
	verifier *standardwebhooks.Webhook
	store    *s3.Client
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
		http.Error(w, "the signature is missing or wrong", http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if id := request.Header.Get("webhook-id"); !r.handled[id] { // an event can come more than once
		if err := r.work(request.Context(), body); err != nil {
			http.Error(w, "not handled", http.StatusInternalServerError)
			return
		}
		r.handled[id] = true
	}
	w.WriteHeader(http.StatusNoContent) // any other answer than 2xx, and the event comes again
}

// work handles an event once. It reads the object only if it is still the one that the event describes.
func (r *receiver) work(ctx context.Context, body []byte) error {
	var event struct {
		Type string
		Data struct {
			Object struct{ Bucket, Key, ETag string }
		}
	}
	if err := json.Unmarshal(body, &event); err != nil || event.Type != "import.completed" {
		return err
	}
	o := event.Data.Object
	object, err := r.store.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.Bucket, Key: &o.Key, IfMatch: &o.ETag})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "PreconditionFailed" {
		fmt.Println("replaced by another upload, which has an event of its own")
		return nil
	}
	if err != nil {
		return err
	}
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	fmt.Printf("%s: %s\n", event.Type, content)
	return err
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

// This receiver verifies deliveries with a public key, which cannot sign.
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

	err = newLocalSender(
		key,
	).Send(
		context.Background(),
		server.URL,
		"0198c5a4",
		time.Now(),
		[]byte(`{"type":"import.completed"}`),
	)
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

// This receiver verifies deliveries with the Standard Webhooks library and fetches the object with If-Match.
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
	target, err := storetest.Start()
	if err != nil {
		panic(err)
	}
	store := s3.NewFromConfig(target.AWS, func(o *s3.Options) { o.UsePathStyle = target.PathStyle })
	upload := func(content string) (event []byte) {
		stored, err := store.PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: &target.Bucket, Key: aws.String("imports/key-alice/0198c5a4"), Body: strings.NewReader(content),
		})
		if err != nil {
			panic(err)
		}
		object := fmt.Sprintf(`{"bucket": %q, "key": "imports/key-alice/0198c5a4", "etag": %q}`, target.Bucket, *stored.ETag)
		return fmt.Appendf(nil, `{"type": "import.completed", "data": {"object": %s}}`, object)
	}
	server := httptest.NewServer(&receiver{verifier: verifier, store: store, handled: map[string]bool{}})
	defer server.Close()

	sender := newLocalSender(key)
	send := func(id string, event []byte) {
		err := sender.Send(context.Background(), server.URL, id, time.Now(), event)
		fmt.Println("delivered:", err == nil)
	}
	first := upload("one")
	send("0198c5a4", first)
	send("0198c5a4", first)
	second := upload("two")
	third := upload("three")
	send("0198c5a5", second)
	send("0198c5a6", third)
	// Output:
	// import.completed: one
	// delivered: true
	// delivered: true
	// replaced by another upload, which has an event of its own
	// delivered: true
	// import.completed: three
	// delivered: true
}
