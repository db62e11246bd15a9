package upload

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/server"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// world is a service on a real store, and an uploader with its own resume store.
type world struct {
	*Uploader
	store  storetest.Target
	server string
}

func start(t *testing.T) *world {
	t.Helper()
	return startOn(t, storetest.Open(t))
}

// startOn is start for another store.
func startOn(t *testing.T, target storetest.Target) *world {
	t.Helper()
	service, err := server.New(t.Context(), config.Config{
		Listen: "127.0.0.1:0", MaxConnections: 4096, Bucket: target.Bucket, PathStyle: target.PathStyle,
		URLTTL: time.Hour, JobTTL: time.Hour, LongPolling: true,
	}, target.AWS, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service.Handler)
	t.Cleanup(server.Close)
	api, err := NewAPI(server.URL, nil, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	u := New(api, http.DefaultClient, 4)
	if u.ResumeStore, err = OpenResumeStore(t.TempDir(), server.URL); err != nil {
		t.Fatal(err)
	}
	return &world{u, target, server.URL}
}

// stored returns the object of an upload.
func (w *world) stored(t *testing.T, r Result) []byte {
	t.Helper()
	client := s3.NewFromConfig(w.store.AWS, func(o *s3.Options) { o.UsePathStyle = w.store.PathStyle })
	out, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &r.Bucket, Key: &r.Key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

const mib = 1 << 20

// content returns size bytes that depend on seed.
func content(size int, seed uint64) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	r.Read(b)
	return b
}

// TestSizes uploads files and streams of sizes around the limits of single requests and parts, with each checksum.
func TestSizes(t *testing.T) {
	skipIfShort(t)
	w := start(t)
	limits := []int{0, 1, maxBuffered, maxBuffered + 1, 5 * mib, 5*mib + 1, 10 * mib}
	some := []int{0, maxBuffered + 1, 5*mib + 1}
	for a, sizes := range map[Algorithm][]int{CRC64NVME: limits, CRC32C: some, SHA256: some, None: some} {
		for _, size := range sizes {
			body := content(size, 1)
			path := filepath.Join(t.TempDir(), "file.csv")
			if err := os.WriteFile(path, body, 0o600); err != nil {
				t.Fatal(err)
			}
			d := Options{Checksum: a, PartSize: 5 * mib}
			r, err := w.File(t.Context(), path, d)
			if err != nil {
				t.Errorf("File of %d bytes with %s: %v", size, a, err)
				continue
			}
			if got := w.stored(t, r); !bytes.Equal(got, body) || r.Size != int64(size) {
				t.Errorf("File of %d bytes with %s: the store has other content of %d bytes, the result says %d",
					size, a, len(got), r.Size)
			}
			if again, err := w.File(t.Context(), path, d); err != nil || !again.Skipped || again.ID != r.ID {
				t.Errorf("File again: got %+v, %v, want it skipped as %s", again, err, r.ID)
			}
			if !a.combinable() && size > maxBuffered {
				continue
			}
			if r, err = w.Stream(t.Context(), opens(bytes.NewReader(body)), "-", d); err != nil {
				t.Errorf("Stream of %d bytes with %s: %v", size, a, err)
			} else if got := w.stored(t, r); !bytes.Equal(got, body) {
				t.Errorf("Stream of %d bytes with %s: the store has other content of %d bytes", size, a, len(got))
			}
		}
	}
}

// opens returns a function that opens r for Stream.
func opens(r io.Reader) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
}

// skipIfShort skips tests that upload much.
func skipIfShort(t *testing.T) {
	if testing.Short() {
		t.Skip("uploads many files")
	}
}
