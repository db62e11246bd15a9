package outbox

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// backlog is a store with a large outbox. None of its entries can be read.
type backlog struct {
	keys []string // in ascending order

	mu    sync.Mutex
	lists int
	reads map[string]bool
}

func (b *backlog) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
	query := r.URL.Query()
	if query.Get("list-type") != "2" {
		b.reads[strings.TrimPrefix(r.URL.Path, "/b/")] = true
		return answer(404, "<Error><Code>NoSuchKey</Code></Error>")
	}
	b.lists++
	at, found := slices.BinarySearch(b.keys, query.Get("start-after"))
	if found {
		at++
	}
	most, err := strconv.Atoi(query.Get("max-keys"))
	if err != nil {
		return nil, err
	}
	end := min(at+most, len(b.keys))
	var contents strings.Builder
	for _, key := range b.keys[at:end] {
		fmt.Fprintf(&contents, "<Contents><Key>%s</Key></Contents>", key)
	}
	return answer(
		200,
		fmt.Sprintf("<ListBucketResult><IsTruncated>%t</IsTruncated>%s</ListBucketResult>", end < len(b.keys), &contents),
	)
}

// keyOf returns the key of an entry of that lane.
func keyOf(due time.Time, id string, l lane) string {
	return pendingPrefix + due.UTC().Format(dueLayout) + "-" + id + l.suffix() + ".json"
}

// TestBacklog: an owner causes 25 events per second for more than an hour. Listing is limited, and an event of another
// owner that became due after most of them is delivered after a few calls of QueueDue.
func TestBacklog(t *testing.T) {
	const events, interval = 100_000, 40 * time.Millisecond
	now := time.Now()
	attacker, victim := lane{digest("slow.test"), digest("attacker")}, lane{digest("fast.test"), digest("victim")}
	id := func(n int) string { return fmt.Sprintf("01a204af-18ca-76d5-a867-%012d", n) }
	store := &backlog{reads: map[string]bool{}}
	for n := range events {
		store.keys = append(store.keys, keyOf(now.Add(-(events-time.Duration(n))*interval), id(n), attacker))
	}
	last := keyOf(now.Add(-20*time.Minute), id(events), victim)
	store.keys = append(store.keys, last)
	slices.Sort(store.keys)
	b, err := bucket.Open(t.Context(), bucket.Options{Name: "b", PathStyle: true, AWS: aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://store.test"), HTTPClient: &http.Client{Transport: store},
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
	}})
	if err != nil {
		t.Fatal(err)
	}
	box := New(Options{Bucket: b, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	calls := 0
	for ; calls < 1000 && !store.reads[last]; calls++ {
		store.lists = 0
		if _, err := box.QueueDue(t.Context(), 20); err != nil {
			t.Fatal(err)
		}
		box.Wait()
		if store.lists > oldestPages+randomPages {
			t.Fatalf("QueueDue listed %d pages, want %d at most", store.lists, oldestPages+randomPages)
		}
		if !store.reads[store.keys[0]] {
			t.Errorf("call %d did not read the oldest entry", calls)
		}
	}
	t.Logf("delivered by call %d", calls)
	if !store.reads[last] {
		t.Errorf("not delivered by %d calls", calls)
	}
}
