package upload

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/gen/client"
)

// uploadMultipart sends a file in parts. If an earlier run created the import, only the missing parts are sent.
func (t *transfer) uploadMultipart(ctx context.Context, s *source) (Result, error) {
	t.step = "find earlier upload"
	entry, err := t.ResumeStore.lockEntry(s)
	if err != nil {
		return Result{}, err
	}
	defer entry.unlock()
	job, err := t.findOpen(ctx, entry, s)
	if err != nil {
		return Result{}, err
	}
	result, err := t.resumeOrCreate(ctx, job, entry, s)
	switch {
	case err == nil:
		entry.remove()
	case errors.Is(err, ErrChanged): // the uploaded parts are useless
		entry.remove()
		t.abort(ctx)
	}
	return result, err
}

// resumeOrCreate resumes the import that findOpen returned, or creates one.
func (t *transfer) resumeOrCreate(
	ctx context.Context, job client.Import, entry *resumeEntry, s *source,
) (result Result, err error) {
	var uploaded map[int32]string
	if job.ID == "" {
		if job, err = t.createMultipart(ctx); err == nil {
			entry.write(resumeState{ID: t.id, Checksum: t.Checksum, identity: s.identity, Path: s.path})
		}
	} else if job.Status != client.ImportStatusCompleted {
		uploaded, err = t.findUploadedParts(ctx, s, job.Multipart.PartSize)
	}
	completing := hasCode(err, "import-completing")
	if completing {
		job, err = t.api.Read(ctx, t.id)
	}
	if completing || job.Status == client.ImportStatusCompleted {
		result, err = t.waitCompleted(ctx, job, err)
		result.Skipped = err == nil
		return result, err
	}
	if err != nil {
		return Result{}, err
	}
	sums, resumed, err := t.sendParts(ctx, s, job.Multipart.PartSize, uploaded)
	if err != nil {
		return Result{}, err
	}
	result, err = t.complete(ctx, sums, job.Multipart.PartSize)
	result.Resumed = resumed
	return result, err
}

// createMultipart creates a multipart import.
func (t *transfer) createMultipart(ctx context.Context) (client.Import, error) {
	t.step = "create import"
	job, err := t.create(ctx, t.importRequest(client.ImportRequestModeMultipart), uuid.NewString())
	if err == nil && (job.Multipart == nil || job.Multipart.PartSize <= 0) {
		err = ErrInvalidResponse
	}
	if err == nil {
		t.id = job.ID
	}
	return job, err
}

// sendParts sends the parts that are not uploaded. It returns the checksums of all parts, and the bytes uploaded
// before.
func (t *transfer) sendParts(
	ctx context.Context, s *source, partSize int64, uploaded map[int32]string,
) (sums []string, resumed int64, err error) {
	t.step = "send"
	for number := range uploaded {
		resumed += s.part(number, partSize).size
	}
	t.emit(Event{Kind: Started})
	if resumed > 0 {
		t.emit(Event{Kind: Resumed, Bytes: resumed})
	}
	sums = make([]string, max(1, (s.size+partSize-1)/partSize))
	sign := signer{api: t.api, id: t.id}
	g, sending := errgroup.WithContext(ctx)
	g.SetLimit(t.limiter.maxPrepared())
	for i := 0; i < len(sums) && sending.Err() == nil; i++ {
		number := int32(i + 1)
		if sum, ok := uploaded[number]; ok {
			sums[i] = sum
			continue
		}
		g.Go(func() (err error) {
			sums[i], err = t.sendPart(sending, &sign, number, s.part(number, partSize))
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
func (t *transfer) sendPart(ctx context.Context, sign *signer, number int32, content section) (string, error) {
	sum, err := content.checksum(ctx, t.Checksum)
	if err != nil {
		return "", err
	}
	_, err = t.send(ctx, part{number, content, func(ctx context.Context, _ bool) (signedRequest, error) {
		return sign.sign(ctx, number, sum)
	}})
	return sum, err
}
