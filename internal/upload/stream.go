package upload

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"
)

// spools is how many parts of a stream are under way at most. Each is a file of a part's size until the store has it.
const spools = 4

// Stream uploads what can be read only once, whatever its length. Each part is kept in a temporary file until it is sent, so that
// it can be sent again; what was cut off cannot be gone on with, and is removed. When Stream returns before from has ended, a
// goroutine stays with it until it gives something, or ends.
func (u *Uploader) Stream(ctx context.Context, from io.Reader, name string, d Declaration) (Result, error) {
	t := u.transfer(name, d)
	t.total, t.doing = -1, "reading it"
	if t.Filename == "" {
		t.Filename = "stdin"
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	result, err := t.stream(ctx, cancel, piped(ctx, from))
	if err == nil {
		u.Notify(Event{Kind: Completed, File: name, ID: result.ID, Total: result.Size, Result: &result})
		return result, nil
	}
	if t.id != "" {
		t.undo(ctx)
	}
	return Result{}, t.failed(err)
}

// piped reads from, until ctx ends: a terminal, or a pipe that nobody writes to, would keep its reader for ever.
func piped(ctx context.Context, from io.Reader) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{from}, make([]byte, chunk))
		w.CloseWithError(err)
	}()
	return r
}

func (t *transfer) stream(ctx context.Context, cancel context.CancelCauseFunc, from io.Reader) (Result, error) {
	head, err := io.ReadAll(io.LimitReader(from, heldSize+1))
	if err != nil {
		return Result{}, err
	}
	if len(head) <= heldSize && t.fitsOne(int64(len(head))) {
		t.total = int64(len(head))
		return t.single(ctx, t.total, func() (io.Reader, error) { return bytes.NewReader(head), nil })
	}
	if !t.Checksum.inParts() {
		return Result{}, fmt.Errorf("%s is of a whole file and a stream goes in parts: use --checksum crc64nvme, crc32c or none", t.Checksum)
	}
	t.doing = "creating the import"
	job, err := t.create(ctx, -1)
	if err != nil {
		return Result{}, err
	}
	t.Notify(Event{Kind: Started, File: t.name, ID: t.id, Total: -1})
	size, sums, err := t.streamParts(ctx, cancel, io.MultiReader(bytes.NewReader(head), from), job.Multipart.PartSize)
	if err != nil {
		return Result{}, err
	}
	return t.complete(ctx, sums, job.Multipart.PartSize, size)
}

// streamParts sends part after part until from ends. What keeps one from being read or sent ends all.
func (t *transfer) streamParts(ctx context.Context, cancel context.CancelCauseFunc, from io.Reader, partSize int64) (size int64, sums []string, err error) {
	t.doing = "sending it"
	sign := signer{api: t.API, id: t.id}
	var g errgroup.Group
	g.SetLimit(spools)
	byNumber := [maxParts]string{}
	count, full := 0, true
	for full && ctx.Err() == nil {
		file, length, err := spool(from, partSize)
		if err != nil {
			cancel(err)
			break
		}
		full = length == partSize
		if count == maxParts && length > 0 {
			cancel(fmt.Errorf("it has more than %d parts of %d bytes: begin anew with a larger --part-size", maxParts, partSize))
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
			byNumber[i], err = t.sendPart(ctx, &sign, int32(i+1), length, func() (io.Reader, error) { return io.NewSectionReader(file, 0, length), nil })
			if err != nil {
				cancel(err)
			}
			return nil
		})
	}
	_ = g.Wait()
	return size, byNumber[:count], context.Cause(ctx)
}

// maxParts is S3's bound: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
const maxParts = 10_000

// spool puts up to size bytes into a temporary file that has no name any more, so that nothing of it stays behind.
func spool(from io.Reader, size int64) (*os.File, int64, error) {
	file, err := os.CreateTemp("", "signpost-part-*")
	if err != nil {
		return nil, 0, err
	}
	_ = os.Remove(file.Name()) // a system that keeps open files from being removed cleans up by itself
	n, err := io.CopyBuffer(struct{ io.Writer }{file}, io.LimitReader(from, size), make([]byte, chunk))
	if err != nil {
		file.Close()
	}
	return file, n, err
}
