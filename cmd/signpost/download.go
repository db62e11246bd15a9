package main

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type downloadCmd struct {
	ID string `arg:"" name:"id" help:"Import id."`
	serviceFlags
	Output string `short:"o" placeholder:"FILE" help:"File or folder, - for standard output (default: the filename)."`
	Force  bool   `help:"Replace an existing file, or write to a block device."`
}

// Help returns the text before the flags in download --help.
func (downloadCmd) Help() string {
	return "FILE appears once it is complete and its size and checksum are right. A replaced file keeps its mode. " +
		"A symbolic link is followed. Devices and named pipes get the bytes as they arrive.\n\n" +
		"Characters of the import's filename that some system does not allow become _. A name that begins with a dot or " +
		"hyphen, or that Windows reserves, gets a _ before it. Use -o to choose another.\n\n" +
		"For example:  signpost download 01890000-0000-7000-8000-000000000000 -o report.csv"
}

func (d downloadCmd) Run(i *invocation) error {
	api, err := d.connect(i)
	if err != nil {
		return err
	}
	job, err := api.Read(i.ctx, d.ID)
	if err != nil {
		return asInterruption(i.ctx, importError(d.ID, err))
	}
	switch {
	case deref(job.Status) != client.JobStatusCompleted:
		return fmt.Errorf("%s is %s: only completed imports can be downloaded", d.ID, statusText(job))
	case job.DownloadURL == nil:
		return fmt.Errorf("the service at %s does not allow downloads: its operator can set SIGNPOST_DOWNLOADS=true",
			d.server())
	}
	if err := api.CheckDownload(*job.DownloadURL); err != nil {
		return importError(d.ID, err)
	}
	if d.Output != "-" {
		return asInterruption(i.ctx, d.save(i, job))
	}
	w := i.raw.stdout
	if terminal.Is(w) {
		w = i.stdout
	}
	return asInterruption(i.ctx, importError(d.ID, downloadObject(i.ctx, job, w)))
}

// stallTimeout is how long a download may receive nothing.
const stallTimeout = time.Minute

// downloadObject writes the object to w, and checks its size and checksum.
func downloadObject(ctx context.Context, job client.Job, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("the store sent nothing for %s", stallTimeout)) })
	defer watch.Stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, *job.DownloadURL, nil)
	if err != nil {
		return errors.New("the download URL is invalid")
	}
	response, err := storeClient(1).Do(q)
	if err != nil {
		return fmt.Errorf("the store at %s cannot be reached: %w", q.URL.Host, withoutAddress(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // the status is the error, whatever the body
		return engine.StoreError(response.StatusCode, body)
	}
	sum := hashOf(job.Checksum)
	watch.Stop()
	size, err := io.Copy(io.MultiWriter(w, sum), stallReader{response.Body, watch})
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("after %s: %w", formatBytes(size), withoutAddress(err))
	case job.Size != nil && size != *job.Size:
		return fmt.Errorf("received %d of %d bytes", size, *job.Size)
	case job.Checksum == nil || deref(job.Checksum.Value) == "" || sum.Size() == 0:
		return nil
	case engine.EncodeChecksum(sum.Sum(nil)) != *job.Checksum.Value:
		return fmt.Errorf("the %s of the download is not the import's: %s", job.Checksum.Algorithm, *job.Checksum.Value)
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

// hashOf returns the hash of a checksum; without one, a hash with an empty sum.
func hashOf(c *client.VerifiedChecksum) hash.Hash {
	if c != nil {
		if h := engine.Algorithm(c.Algorithm).Hash(); h != nil {
			return h
		}
	}
	return noHash{}
}

type noHash struct{}

func (noHash) Write(p []byte) (int, error) { return len(p), nil }
func (noHash) Sum(b []byte) []byte         { return b }
func (noHash) Reset()                      {}
func (noHash) Size() int                   { return 0 }
func (noHash) BlockSize() int              { return 1 }
