// Package download downloads objects to files, devices and pipes, and verifies their size and checksum.
package download

import (
	"context"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/upload"
)

// Object is the object of a completed import.
type Object struct {
	ID, Filename string
	Size         *int64
	Checksum     *client.VerifiedChecksum // optional
	URL          string                   // signed
	// Renew returns another signed URL. It is called when the store rejects the signature of URL.
	Renew  func(ctx context.Context) (string, error)
	Client *http.Client
	// Concurrency is the number of concurrent requests for ranges.
	Concurrency int
	// RateLimit is in bytes per second and needs a burst of at least 64 KiB. Nil means no limit.
	RateLimit *rate.Limiter
	// OnEvent receives events from many goroutines concurrently. Parts are ranges.
	OnEvent func(upload.Event)
}

// transfer is the download of one version of an object.
type transfer struct {
	Object
	name string // of the output
	// etag identifies the version, and ranged is set if the store serves ranges. The first response sets both.
	etag   string
	ranged bool

	mu  sync.Mutex
	url string // signed
}

func (o Object) newTransfer(name string) *transfer {
	return &transfer{Object: o, name: name, url: o.URL}
}

func (t *transfer) emit(e upload.Event) {
	e.File, e.ID, e.Total = t.name, t.ID, -1
	if t.Size != nil {
		e.Total = *t.Size
	}
	t.OnEvent(e)
}

// Copy writes the object to w in order, and checks its size and checksum. name is that of w in events.
func (o Object) Copy(ctx context.Context, w io.Writer, name string) error {
	return o.newTransfer(name).copy(ctx, w)
}

// copy receives the object by one request. Another request continues after a broken connection.
func (t *transfer) copy(ctx context.Context, w io.Writer) error {
	t.emit(upload.Event{Kind: upload.Started})
	sum := t.hash()
	if sum != nil {
		w = io.MultiWriter(w, sum)
	}
	to := int64(-1)
	if t.Size != nil {
		to = *t.Size
	}
	if _, err := t.fetch(ctx, 0, section{0, to}, w); err != nil {
		return err
	}
	if sum == nil {
		return nil
	}
	return t.compare(upload.EncodeChecksum(sum.Sum(nil)))
}

// hash returns a hash for the checksum of the import, or nil.
func (t *transfer) hash() hash.Hash {
	if t.Checksum == nil || upload.ChecksumOf(*t.Checksum) == "" {
		return nil
	}
	return upload.Algorithm(t.Checksum.Algorithm).Hash()
}

// compare returns an error unless sum is the checksum of the import.
func (t *transfer) compare(sum string) error {
	if sum == upload.ChecksumOf(*t.Checksum) {
		return nil
	}
	if !t.Checksum.Verified {
		return fmt.Errorf("the %s of the download differs from the one that was declared for the import, and the store "+
			"has verified neither; upload the file again", t.Checksum.Algorithm)
	}
	return fmt.Errorf("the %s of the download differs from that of the import; run the same command again",
		t.Checksum.Algorithm)
}
