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

// uploadMultipart sends a file in parts. If an earlier run created the import, only the missing parts are sent.
func (t *transfer) uploadMultipart(ctx context.Context, s *source) (Result, error) {
	t.step = "find earlier upload"
	var entry *resumeEntry
	if t.ResumeStore != nil {
		var err error
		switch entry, err = t.ResumeStore.lockEntry(s); {
		case errors.Is(err, ErrBusy):
			return Result{}, err
		case err != nil:
			entry = nil // upload without resume state, for example in a read-only directory
		default:
			defer entry.unlock()
		}
	}
	job, err := t.findOpen(ctx, entry, s)
	if err != nil {
		return Result{}, err
	}
	result, err := t.continueOrCreate(ctx, entry, s, job)
	switch {
	case err == nil:
		entry.remove()
	case errors.Is(err, ErrChanged): // the uploaded parts are useless
		entry.remove()
		t.abort(ctx)
	}
	return result, err
}

// continueOrCreate continues the import that findOpen returned, or creates one.
func (t *transfer) continueOrCreate(
	ctx context.Context, entry *resumeEntry, s *source, job client.Job,
) (Result, error) {
	if statusOf(job) == client.JobStatusCompleted {
		return skippedResult(job), nil
	}
	var uploaded map[int32]string
	var err error
	if job.ID == nil {
		job, err = t.createAndRecord(ctx, entry, s)
	} else if uploaded, err = t.findUploadedParts(ctx, job, s); hasCode(err, "import-completing") {
		job, err = t.API.Read(ctx, t.id)
		result, err := t.waitCompleted(ctx, job, err)
		result.Skipped = err == nil
		return result, err
	}
	if err != nil {
		return Result{}, err
	}
	sums, resumed, err := t.sendParts(ctx, job, s, uploaded)
	if err != nil {
		return Result{}, err
	}
	result, err := t.complete(ctx, sums, job.Multipart.PartSize, s.size)
	if err == nil {
		result.Resumed = resumed
	}
	return result, err
}

// findOpen returns the import to resume, or an empty job.
func (t *transfer) findOpen(ctx context.Context, entry *resumeEntry, s *source) (client.Job, error) {
	id := t.ID
	if id == "" && entry != nil { // also with Again: the upload is in progress, not completed
		if state := entry.read(); state.Checksum == t.Checksum {
			id = state.ID
		}
	}
	if id == "" {
		return client.Job{}, nil
	}
	job, err := t.API.Read(ctx, id)
	if t.ID == "" && hasCode(err, codeImportNotFound) {
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
		return job, t.checkCompleted(ctx, job, s)
	case fits && open && job.Multipart != nil && job.Multipart.PartSize > 0:
		t.id, t.Checksum = id, None
		if job.Checksum != nil {
			t.Checksum = Algorithm(job.Checksum.Algorithm)
		}
		return job, nil
	case t.ID != "":
		return client.Job{}, fmt.Errorf("import %s cannot be resumed: it is %s, "+
			"not a multipart upload in progress of a file of %d bytes", id, terminal.Line(string(status)), s.size)
	}
	return client.Job{}, nil
}

// checkCompleted compares the checksum of the file with that of the completed import that t.ID names.
func (t *transfer) checkCompleted(ctx context.Context, job client.Job, s *source) error {
	if t.ID == "" {
		return nil
	}
	if job.Checksum == nil || job.Checksum.Value == nil || Algorithm(job.Checksum.Algorithm).Hash() == nil {
		return fmt.Errorf("import %s is completed; without a checksum it cannot be compared with the file", t.id)
	}
	sum, err := computeChecksum(ctx, Algorithm(job.Checksum.Algorithm), func() (io.Reader, error) {
		return s.section(0, s.size), nil
	})
	if err == nil && sum != *job.Checksum.Value {
		err = fmt.Errorf("import %s is completed with another file: its %s is %s, the file's is %s",
			t.id, job.Checksum.Algorithm, terminal.Line(*job.Checksum.Value), sum)
	}
	return err
}

// createAndRecord creates the import and writes its resume state.
func (t *transfer) createAndRecord(ctx context.Context, entry *resumeEntry, s *source) (client.Job, error) {
	t.step = "create import"
	job, err := t.createMultipart(ctx, s.size)
	if err == nil && entry != nil {
		// If this fails, a later run creates a new import.
		_ = entry.write(resumeState{ID: t.id, Checksum: t.Checksum, Path: s.path})
	}
	return job, err
}

// createMultipart creates a multipart import of size bytes; -1 means unknown.
func (t *transfer) createMultipart(ctx context.Context, size int64) (client.Job, error) {
	request := t.importRequest(size, client.ImportRequestModeMultipart)
	if t.Checksum != None {
		request.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(t.Checksum)}
	}
	job, err := t.API.Create(ctx, request, uuid.NewString())
	if err != nil {
		return client.Job{}, err
	}
	if job.ID == nil || job.Multipart == nil || job.Multipart.PartSize <= 0 {
		return client.Job{}, errInvalidResponse
	}
	t.id = *job.ID
	return job, nil
}

// findUploadedParts returns the checksums of the uploaded parts that match the file. Other parts are sent again.
func (t *transfer) findUploadedParts(ctx context.Context, job client.Job, s *source) (map[int32]string, error) {
	t.step = "compare uploaded parts"
	parts, err := t.API.Parts(ctx, t.id)
	if err != nil {
		return nil, err
	}
	uploaded := map[int32]string{}
	for _, p := range parts {
		offset := int64(p.PartNumber-1) * job.Multipart.PartSize
		length := min(job.Multipart.PartSize, s.size-offset)
		if p.Size != length {
			continue
		}
		sum, same, err := t.comparePart(ctx, p, s, offset, length)
		if err != nil {
			return nil, err
		}
		if same {
			uploaded[p.PartNumber] = sum
		}
	}
	return uploaded, nil
}

// comparePart reports whether an uploaded part matches the file. Without a checksum it compares the ETag. That is the
// part's MD5 unless the bucket encrypts with its own key; such parts are sent again.
func (t *transfer) comparePart(
	ctx context.Context, p client.Part, s *source, offset, length int64,
) (sum string, same bool, err error) {
	if t.Checksum != None {
		sum, err = computeChecksum(ctx, t.Checksum, func() (io.Reader, error) { return s.section(offset, length), nil })
		return sum, p.Checksum != nil && *p.Checksum == sum, err
	}
	if p.ETag == nil {
		return "", false, nil
	}
	h := md5.New()
	if _, err := io.CopyBuffer(h, contextReader{ctx, s.section(offset, length)}, make([]byte, chunkSize)); err != nil {
		return "", false, err
	}
	return "", strings.Trim(*p.ETag, `"`) == hex.EncodeToString(h.Sum(nil)), nil
}

// sendParts sends the parts that are not uploaded. It returns the checksums of all parts, and the bytes uploaded
// before.
func (t *transfer) sendParts(
	ctx context.Context, job client.Job, s *source, uploaded map[int32]string,
) (sums []string, resumed int64, err error) {
	t.step = "send"
	size := job.Multipart.PartSize
	for number := range uploaded {
		resumed += min(size, s.size-int64(number-1)*size)
	}
	t.OnEvent(Event{Kind: Started, File: t.name, ID: t.id, Total: s.size})
	if resumed > 0 {
		t.OnEvent(Event{Kind: Resumed, File: t.name, ID: t.id, Bytes: resumed, Total: s.size})
	}
	sums = make([]string, max(1, (s.size+size-1)/size))
	sign := signer{api: t.API, id: t.id}
	g, sending := errgroup.WithContext(ctx)
	g.SetLimit(t.limiter.maxPrepared())
	for i := 0; i < len(sums) && sending.Err() == nil; i++ {
		number := int32(i + 1)
		if sum, ok := uploaded[number]; ok {
			sums[i] = sum
			continue
		}
		g.Go(func() (err error) {
			offset := int64(i) * size
			length := min(size, s.size-offset)
			open := func() (io.Reader, error) { return s.section(offset, length), nil }
			sums[i], err = t.sendPart(sending, &sign, number, length, open)
			return err
		})
	}
	err = g.Wait()
	if err == nil && ctx.Err() != nil { // the loop ended before the last part
		err = context.Cause(ctx)
	}
	return sums, resumed, err
}

// sendPart sends a part and returns its checksum, which is part of the signature.
func (t *transfer) sendPart(
	ctx context.Context, sign *signer, number int32, length int64, open func() (io.Reader, error),
) (sum string, err error) {
	if t.Checksum != None {
		if sum, err = computeChecksum(ctx, t.Checksum, open); err != nil {
			return "", err
		}
	}
	_, err = t.send(ctx, payload{number, length, open, func(ctx context.Context, _ bool) (signedRequest, error) {
		return sign.sign(ctx, number, sum)
	}})
	return sum, err
}
