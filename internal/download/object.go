// Package download downloads objects to files, devices and pipes, and verifies their size and checksum.
package download

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/upload"
)

// Object is the object of a completed import.
type Object struct {
	ID, Filename string
	URL          string // signed
	Size         *int64
	Checksum     *client.VerifiedChecksum // optional
	Client       *http.Client
}

// stallTimeout is how long a download may receive nothing.
const stallTimeout = time.Minute

// Copy writes the object to w, and checks its size and checksum.
func (o Object) Copy(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("the store sent nothing for %s", stallTimeout)) })
	defer watch.Stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL, nil)
	if err != nil {
		return errors.New("the download URL is invalid")
	}
	response, err := o.Client.Do(q)
	if err != nil {
		return fmt.Errorf("the store at %s cannot be reached: %w", q.URL.Host, upload.Cause(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // the status is the error, whatever the body
		return upload.StoreError(response.StatusCode, body)
	}
	var sum hash.Hash
	if o.Checksum != nil && o.Checksum.Value != "" {
		sum = upload.Algorithm(o.Checksum.Algorithm).Hash()
	}
	if sum != nil {
		w = io.MultiWriter(w, sum)
	}
	watch.Stop()
	size, err := io.Copy(w, stallReader{response.Body, watch})
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("download stopped after %s: %w", format.Bytes(size), upload.Cause(err))
	case o.Size != nil && size != *o.Size:
		return fmt.Errorf("received %d of %d bytes; run the same command again", size, *o.Size)
	case sum != nil && upload.EncodeChecksum(sum.Sum(nil)) != o.Checksum.Value:
		return fmt.Errorf("the %s of the download differs from that of the import; run the same command again",
			o.Checksum.Algorithm)
	}
	return nil
}

// stallReader resets the timer for each read. The timer stops between reads, because the output may be slow.
type stallReader struct {
	from  io.Reader
	timer *time.Timer
}

func (w stallReader) Read(p []byte) (int, error) {
	w.timer.Reset(stallTimeout)
	defer w.timer.Stop()
	return w.from.Read(p)
}
