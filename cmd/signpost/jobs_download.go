package main

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type downloadCmd struct {
	ID string `arg:"" name:"id" help:"The import's id."`
	remote
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Where to write it, - for standard output; the import's own filename, here, when left out."`
	Force  bool   `help:"Replace a file that is there."`
}

// Help is what download --help says before its flags.
func (downloadCmd) Help() string {
	return "FILE has its name once its size and, where the import has one, its checksum are right."
}

func (d downloadCmd) Run(i *invocation) error {
	api, err := d.connect(i)
	if err != nil {
		return err
	}
	job, err := api.Read(i.ctx, d.ID)
	if err != nil {
		return stopped(i.ctx, about(d.ID, err))
	}
	switch {
	case of(job.Status) != client.JobStatusCompleted:
		return fmt.Errorf("%s is %s: there is nothing to download yet", d.ID, how(job))
	case job.DownloadURL == nil:
		return fmt.Errorf("the service at %s gives no URLs to download from: whoever runs it allows that with SIGNPOST_DOWNLOADS=true", d.server())
	}
	if err := api.CheckDownload(*job.DownloadURL); err != nil {
		return about(d.ID, err)
	}
	if d.Output == "-" {
		w := i.raw.stdout
		if terminal.Is(w) {
			w = i.stdout
		}
		return stopped(i.ctx, about(d.ID, fetch(i.ctx, job, w)))
	}
	return stopped(i.ctx, d.save(i, job))
}

// save writes the object to a file that has its name only when all of it is there.
func (d downloadCmd) save(i *invocation, job client.Job) error {
	name := d.Output
	if name == "" {
		name = filepath.Base(filepath.Clean("/" + of(job.Filename))) // somebody else chose it
	}
	if name == "" || name == string(filepath.Separator) {
		name = d.ID
	}
	if _, err := os.Lstat(name); err == nil && !d.Force {
		return usageError{fmt.Errorf("%s is there already: --force replaces it, -o names another", shown(name))}
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".signpost-*.part") // nobody else's
	if err != nil {
		return unreadable(name, err)
	}
	defer os.Remove(f.Name()) // unless it has its name by then
	err = errors.Join(fetch(i.ctx, job, f), f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = d.publish(f.Name(), name)
	}
	if err != nil {
		return about(d.ID, err)
	}
	_, err = fmt.Fprintf(i.stdout, "downloaded %s as %s (%s)\n", d.ID, shown(name), inBytes(of(job.Size)))
	return err
}

// publish gives a file its name, and takes none that somebody else took meanwhile.
func (d downloadCmd) publish(file, name string) error {
	if d.Force {
		return os.Rename(file, name)
	}
	return os.Link(file, name)
}

// idle is how long a download may stand still.
const idle = time.Minute

// fetch writes the object to w, and fails if it is not what the import says.
func fetch(ctx context.Context, job client.Job, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(idle, func() { cancel(fmt.Errorf("the store sent nothing for %s", idle)) })
	defer watch.Stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, *job.DownloadURL, nil)
	if err != nil {
		return errors.New("the download URL cannot be used")
	}
	response, err := storeClient(1).Do(q)
	if err != nil {
		return fmt.Errorf("the store at %s cannot be reached: %w", q.URL.Host, unaddressed(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var said struct{ Code, Message string }
		_ = xml.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&said) // a proxy's page says nothing
		return &engine.Refusal{By: "the store", Status: response.StatusCode, Code: said.Code, Detail: said.Message}
	}
	sum := hashOf(job.Checksum)
	size, err := io.Copy(io.MultiWriter(w, sum, alive{watch}), response.Body)
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("after %s: %w", inBytes(size), unaddressed(err))
	case job.Size != nil && size != *job.Size:
		return fmt.Errorf("got %d bytes of %d", size, *job.Size)
	case job.Checksum != nil && of(job.Checksum.Value) != "" && sum.Size() > 0 && base64.StdEncoding.EncodeToString(sum.Sum(nil)) != *job.Checksum.Value:
		return fmt.Errorf("the bytes that came do not have the import's %s %s", job.Checksum.Algorithm, *job.Checksum.Value)
	}
	return nil
}

// alive puts off the end of a watch whenever something is written.
type alive struct{ watch *time.Timer }

func (a alive) Write(p []byte) (int, error) {
	a.watch.Reset(idle)
	return len(p), nil
}

// hashOf is the hash of a declared checksum; of none, one whose sum is empty.
func hashOf(c *client.VerifiedChecksum) hash.Hash {
	if c != nil {
		switch c.Algorithm {
		case client.ChecksumAlgorithmCrc64Nvme:
			return crc64nvme.New()
		case client.ChecksumAlgorithmCrc32C:
			return crc32.New(crc32.MakeTable(crc32.Castagnoli))
		case client.ChecksumAlgorithmCrc32:
			return crc32.NewIEEE()
		case client.ChecksumAlgorithmSha1:
			return sha1.New()
		case client.ChecksumAlgorithmSha256:
			return sha256.New()
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
