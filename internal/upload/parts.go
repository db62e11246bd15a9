package upload

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// inParts sends a file in parts, or those that are missing of one that was begun.
func (t *transfer) inParts(ctx context.Context, s *source) (Result, error) {
	t.doing = "looking for an earlier run"
	var memory *slot
	if t.Memory != nil {
		var err error
		switch memory, err = t.Memory.hold(s); {
		case errors.Is(err, ErrBusy):
			return Result{}, err
		case err != nil:
			memory = nil // it goes on without, as in a folder that cannot be written
		default:
			defer memory.release()
		}
	}
	job, err := t.begun(ctx, memory, s)
	if err != nil {
		return Result{}, err
	}
	if statusOf(job) == client.JobStatusCompleted {
		forget(memory)
		return skipped(job), nil
	}
	var held map[int32]string
	if job.ID == nil {
		job, err = t.begin(ctx, memory, s)
	} else if held, err = t.held(ctx, job, s); refusedAs(err, "import-completing") {
		job, err = t.API.Read(ctx, t.id)
		result, err := t.completed(ctx, job, err)
		if err != nil {
			return Result{}, err
		}
		result.Skipped = true
		forget(memory)
		return result, nil
	}
	if err != nil {
		return Result{}, t.given(ctx, err, memory)
	}
	sums, resumed, err := t.sendParts(ctx, job, s, held)
	if err != nil {
		return Result{}, t.given(ctx, err, memory)
	}
	result, err := t.complete(ctx, sums, job.Multipart.PartSize, s.size)
	if err != nil {
		return Result{}, t.given(ctx, err, memory)
	}
	result.Resumed = resumed
	forget(memory)
	return result, nil
}

// given is err; where the file has changed, nothing of it is of use any more.
func (t *transfer) given(ctx context.Context, err error, memory *slot) error {
	if errors.Is(err, ErrChanged) {
		forget(memory)
		t.undo(ctx)
	}
	return err
}

// forget ends what is remembered of an upload under way. What stays all the same is found to be over by the next run.
func forget(memory *slot) {
	if memory != nil {
		_ = memory.forget()
	}
}

// begun returns the import to go on with, or an empty job.
func (t *transfer) begun(ctx context.Context, memory *slot, s *source) (client.Job, error) {
	id := t.ID
	if id == "" && memory != nil { // also with Again: it is begun, not done
		if r := memory.read(); r.Checksum == t.Checksum {
			id = r.ID
		}
	}
	if id == "" {
		return client.Job{}, nil
	}
	job, err := t.API.Read(ctx, id)
	if t.ID == "" && refusedAs(err, gone) {
		return client.Job{}, nil
	}
	if err != nil {
		return client.Job{}, err
	}
	fits, status := job.Size != nil && *job.Size == s.size, statusOf(job)
	open := status == client.JobStatusAwaitingUpload || status == client.JobStatusUploading
	switch {
	case fits && status == client.JobStatusCompleted:
		t.id = id
		return job, t.isOf(ctx, job, s)
	case fits && open && job.Multipart != nil && job.Multipart.PartSize > 0:
		t.id, t.Checksum = id, None
		if job.Checksum != nil {
			t.Checksum = Algorithm(job.Checksum.Algorithm)
		}
		return job, nil
	case t.ID != "":
		return client.Job{}, fmt.Errorf("import %s cannot be resumed: it is %s, not a multipart upload in progress of a file of %d bytes",
			id, terminal.Line(string(status)), s.size)
	}
	return client.Job{}, nil
}

// isOf reports whether a completed import that somebody named is of the file, as far as its checksum tells.
func (t *transfer) isOf(ctx context.Context, job client.Job, s *source) error {
	if t.ID == "" {
		return nil
	}
	if job.Checksum == nil || job.Checksum.Value == nil || Algorithm(job.Checksum.Algorithm).hash() == nil {
		return fmt.Errorf("import %s is completed, and without a checksum nothing tells whether it is of this file", t.id)
	}
	sum, err := checksumOf(ctx, Algorithm(job.Checksum.Algorithm), func() (io.Reader, error) { return s.section(0, s.size), nil })
	if err == nil && sum != *job.Checksum.Value {
		err = fmt.Errorf("import %s is completed, of another file: its %s is %s, the file's %s",
			t.id, job.Checksum.Algorithm, terminal.Line(*job.Checksum.Value), sum)
	}
	return err
}

// begin creates the import and remembers it.
func (t *transfer) begin(ctx context.Context, memory *slot, s *source) (client.Job, error) {
	t.doing = "creating the import"
	job, err := t.create(ctx, s.size)
	if err == nil && memory != nil {
		_ = memory.write(remembered{ID: t.id, Checksum: t.Checksum, Path: s.path}) // or a later run begins anew
	}
	return job, err
}

// create creates an import in parts of size bytes, -1 where nobody knows.
func (t *transfer) create(ctx context.Context, size int64) (client.Job, error) {
	declared := t.declare(size, client.ImportRequestModeMultipart)
	if t.Checksum != None {
		declared.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum)}
	}
	job, err := t.API.Create(ctx, declared, uuid.NewString())
	if err != nil {
		return client.Job{}, err
	}
	if job.ID == nil || job.Multipart == nil || job.Multipart.PartSize <= 0 {
		return client.Job{}, errBadAnswer
	}
	t.id = *job.ID
	return job, nil
}

// held returns the parts that the store has and that are the file's, with their checksums. What is not, is sent again.
func (t *transfer) held(ctx context.Context, job client.Job, s *source) (map[int32]string, error) {
	t.doing = "comparing what an earlier run sent"
	parts, err := t.API.Parts(ctx, t.id)
	if err != nil {
		return nil, err
	}
	held := map[int32]string{}
	for _, p := range parts {
		offset := int64(p.PartNumber-1) * job.Multipart.PartSize
		length := min(job.Multipart.PartSize, s.size-offset)
		if p.Size != length {
			continue
		}
		sum, same, err := t.compare(ctx, p, s, offset, length)
		if err != nil {
			return nil, err
		}
		if same {
			held[p.PartNumber] = sum
		}
	}
	return held, nil
}

// compare reports whether a part of the store is the file's. Without a checksum its ETag tells, which is an MD5 but where the
// bucket encrypts with a key of its own.
func (t *transfer) compare(ctx context.Context, p client.Part, s *source, offset, length int64) (sum string, same bool, err error) {
	if t.Checksum != None {
		sum, err = checksumOf(ctx, t.Checksum, func() (io.Reader, error) { return s.section(offset, length), nil })
		return sum, p.Checksum != nil && *p.Checksum == sum, err
	}
	if p.ETag == nil {
		return "", false, nil
	}
	h := md5.New()
	if _, err := io.CopyBuffer(h, interruptible{ctx, s.section(offset, length)}, make([]byte, chunk)); err != nil {
		return "", false, err
	}
	return "", strings.Trim(*p.ETag, `"`) == hex.EncodeToString(h.Sum(nil)), nil
}

// sendParts sends all parts but those held, and returns the checksums of all, and how many bytes were held before.
func (t *transfer) sendParts(ctx context.Context, job client.Job, s *source, held map[int32]string) (sums []string, resumed int64, err error) {
	t.doing = "sending it"
	size := job.Multipart.PartSize
	for n := range held {
		resumed += min(size, s.size-int64(n-1)*size)
	}
	t.Notify(Event{Kind: Started, File: t.name, ID: t.id, Total: s.size})
	if resumed > 0 {
		t.Notify(Event{Kind: Resumed, File: t.name, ID: t.id, Bytes: resumed, Total: s.size})
	}
	sums = make([]string, max(1, (s.size+size-1)/size))
	sign := signer{api: t.API, id: t.id}
	g, sending := errgroup.WithContext(ctx)
	g.SetLimit(t.gate.crowd())
	for i := 0; i < len(sums) && sending.Err() == nil; i++ {
		n := int32(i + 1)
		if sum, ok := held[n]; ok {
			sums[i] = sum
			continue
		}
		g.Go(func() (err error) {
			offset := int64(i) * size
			length := min(size, s.size-offset)
			sums[i], err = t.sendPart(sending, &sign, n, length, func() (io.Reader, error) { return s.section(offset, length), nil })
			return err
		})
	}
	err = g.Wait()
	if err == nil && ctx.Err() != nil { // before all parts had their turn
		err = context.Cause(ctx)
	}
	return sums, resumed, err
}

// sendPart hashes a part and sends it, and returns its checksum, which the signature holds the store to.
func (t *transfer) sendPart(ctx context.Context, sign *signer, number int32, length int64, open func() (io.Reader, error)) (sum string, err error) {
	if t.Checksum != None {
		if sum, err = checksumOf(ctx, t.Checksum, open); err != nil {
			return "", err
		}
	}
	_, err = t.send(ctx, piece{number, length, open, func(ctx context.Context, _ bool) (request, error) { return sign.sign(ctx, number, sum) }})
	return sum, err
}
