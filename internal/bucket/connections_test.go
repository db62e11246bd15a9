package bucket

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// TestConnectionsAreKept has 64 calls in progress at a time, twice, and counts the connections to the store.
func TestConnectionsAreKept(t *testing.T) {
	const calls = 64
	var arrived sync.WaitGroup
	store := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait()
		w.Header().Set("ETag", `"1"`)
	}))
	var connections atomic.Int32
	store.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	store.Start()
	defer store.Close()
	b, err := Open(t.Context(), Options{Name: "bucket", PathStyle: true, AWS: aws.Config{
		Region: "us-east-1", BaseEndpoint: &store.URL,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		arrived.Add(calls)
		var group sync.WaitGroup
		for i := range calls {
			group.Go(func() {
				if err := b.CreateRecord(t.Context(), "key"+strconv.Itoa(i), []byte("{}")); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	if n := connections.Load(); n != calls {
		t.Errorf("twice %d calls at a time: got %d connections, want %d", calls, n, calls)
	}
}
