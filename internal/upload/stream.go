package upload

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

const (
	// maxSpooled bounds the parts of a stream in progress. Each is a temporary file of a part's size.
	maxSpooled = 4
	// maxBuffered is the largest stream, in bytes, that is kept in memory and sent in one request.
	maxBuffered = 256 << 10
)

// Stream uploads what can be read only once, of any length. open may block, as it does for a named pipe. Each part is
// kept in a temporary file until it is sent, so that it can be retried. An interrupted stream cannot be resumed; its
// import is aborted. If Stream returns before the reader ends, a goroutine stays until open or a read returns.
func (u *Uploader) Stream(
	ctx context.Context, open func() (io.ReadCloser, error), name string, o Options,
) (Result, error) {
	t := u.newTransfer(ctx, name, o)
	if t.Filename == "" {
		t.Filename = "stdin"
	}
	return t.finish(t.uploadStream(ctx, open))
}

func (t *transfer) uploadStream(ctx context.Context, open func() (io.ReadCloser, error)) (Result, error) {
	t.total, t.step = -1, "read"
	streaming, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	result, err := t.stream(streaming, cancel, openPipe(streaming, open))
	if err != nil && t.id != "" {
		t.abort(ctx)
	}
	return result, err
}

// openPipe returns a reader of what open returns that ends with ctx. Opening and reading a terminal or a named pipe
// cannot be interrupted.
func openPipe(ctx context.Context, open func() (io.ReadCloser, error)) io.Reader {
	r, w := io.Pipe()
	stop := context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer stop()
		from, err := open()
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{from}, make([]byte, 1<<20))
			from.Close()
		}
		w.CloseWithError(err) // nil means io.EOF
	}()
	return r
}

func (t *transfer) stream(ctx context.Context, cancel context.CancelCauseFunc, from io.Reader) (Result, error) {
	head, err := io.ReadAll(io.LimitReader(from, maxBuffered+1))
	if err != nil {
		return Result{}, err
	}
	if size := int64(len(head)); size <= maxBuffered && t.fitsOne(size) {
		t.total = size
		return t.uploadSingle(ctx, section{bytes.NewReader(head), 0, size})
	}
	if !t.Checksum.combinable() {
		return Result{}, fmt.Errorf("--checksum %s requires one request, and a stream is sent in parts: "+
			"use crc64nvme, crc32c or none", t.Checksum)
	}
	job, err := t.createMultipart(ctx)
	if err != nil {
		return Result{}, err
	}
	t.step = "send"
	t.emit(Event{Kind: Started})
	partSize := job.Multipart.PartSize
	size, sums, err := t.streamParts(ctx, cancel, io.MultiReader(bytes.NewReader(head), from), partSize)
	if err != nil {
		return Result{}, err
	}
	t.total = size
	return t.complete(ctx, sums, partSize)
}

// streamParts sends parts until from ends. The first error cancels all parts.
func (t *transfer) streamParts(
	ctx context.Context, cancel context.CancelCauseFunc, from io.Reader, partSize int64,
) (size int64, sums []string, err error) {
	sign := signer{api: t.api, id: t.id}
	var g errgroup.Group
	g.SetLimit(maxSpooled)
	byNumber := [s3limits.MaxParts]string{}
	count, full := 0, true
	for full && ctx.Err() == nil {
		file, length, err := spoolPart(from, partSize)
		full = length == partSize
		switch {
		case err != nil:
			cancel(err)
		case count == s3limits.MaxParts && length > 0:
			cancel(fmt.Errorf("the stream has more than %d parts of %d bytes: use a larger --part-size",
				s3limits.MaxParts, partSize))
		}
		if length == 0 || ctx.Err() != nil {
			file.Close()
			break
		}
		i := count
		count++
		size += length
		g.Go(func() (err error) {
			defer file.Close()
			if byNumber[i], err = t.sendPart(ctx, &sign, int32(i+1), section{file, 0, length}); err != nil {
				cancel(err)
			}
			return nil
		})
	}
	_ = g.Wait()
	return size, byNumber[:count], context.Cause(ctx)
}

// spoolPart copies up to size bytes into a temporary file that is already removed, so that a crash leaves nothing
// behind. The file is nil if it cannot be created.
func spoolPart(from io.Reader, size int64) (*os.File, int64, error) {
	file, err := os.CreateTemp("", "signpost-part-*")
	if err != nil {
		return nil, 0, err
	}
	_ = os.Remove(file.Name()) // fails on systems that cannot remove open files
	n, err := io.CopyBuffer(struct{ io.Writer }{file}, io.LimitReader(from, size), make([]byte, chunkSize))
	return file, n, err
}
