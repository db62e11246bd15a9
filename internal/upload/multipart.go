package upload

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

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
	var held []client.Part
	if job.ID != "" && job.Status != client.ImportStatusCompleted {
		held, err = t.findHeldParts(ctx, s, job.Multipart.PartSize)
	}
	if hasCode(err, "import-completing") { // by an earlier run, perhaps of another file
		job, err = t.api.Read(ctx, t.id)
		if _, err = t.waitCompleted(ctx, job, err); err == nil {
			job, err = t.findOpen(ctx, entry, s)
		}
	}
	if err == nil && job.ID == "" {
		if job, err = t.createMultipart(ctx); err == nil {
			entry.write(resumeState{ID: t.id, Checksum: t.Checksum, identity: s.identity, Path: s.path})
		}
	}
	if err != nil {
		return Result{}, err
	}
	if job.Status == client.ImportStatusCompleted {
		result = resultOf(job)
		result.Skipped = true
		return result, nil
	}
	partSize := job.Multipart.PartSize
	sums, resumed, err := t.sendParts(ctx, s, partSize, held)
	if err != nil {
		return Result{}, err
	}
	result, err = t.completeParts(ctx, s, partSize, sums)
	result.Resumed = resumed
	return result, err
}

// maxIdleRounds bounds the completions that are repeated although no part was sent again.
const maxIdleRounds = 5

// completeParts completes the import. Parts that the store lost after it had acknowledged them are sent again, once
// each. There may be several rounds: of parts that two of four nodes have, MinIO shows another random half as lost each
// time it lists them or completes the upload.
func (t *transfer) completeParts(ctx context.Context, s *source, partSize int64, sums []string) (Result, error) {
	resent := map[int32]bool{}
	for idle := 0; ; {
		result, err := t.complete(t.finishing(ctx), sums, partSize)
		if !hasCode(err, "parts-missing") && !hasCode(err, "part-size-mismatch") || ctx.Err() != nil {
			return result, err
		}
		if waited := sleep(ctx, resendDelay); waited != nil {
			return Result{}, waited
		}
		held, failure := t.findHeldParts(ctx, s, partSize)
		if failure != nil {
			return Result{}, failure
		}
		lost := lostParts(held, len(sums))
		if len(lost) == 0 {
			idle++
		}
		if idle > maxIdleRounds || slices.ContainsFunc(lost, func(number int32) bool { return resent[number] }) {
			return Result{}, err
		}
		if err := t.resend(ctx, s, partSize, lost); err != nil {
			return Result{}, err
		}
		for _, number := range lost {
			resent[number] = true
		}
	}
}

// resendDelay is how long to wait before lost parts are sent again: SeaweedFS lists each part that was sent, with a
// time in seconds, and the newest counts.
const resendDelay = time.Second

// lostParts returns the numbers of 1 to count that held lacks.
func lostParts(held []client.Part, count int) (lost []int32) {
	isHeld := map[int32]bool{}
	for _, p := range held {
		isHeld[p.PartNumber] = true
	}
	for number := int32(1); int(number) <= count; number++ {
		if !isHeld[number] {
			lost = append(lost, number)
		}
	}
	return lost
}

// resend sends the parts with these numbers, which the store has lost.
func (t *transfer) resend(ctx context.Context, s *source, partSize int64, numbers []int32) error {
	t.step = "send lost parts again"
	sign := signer{api: t.api, id: t.id}
	g, sending := errgroup.WithContext(ctx)
	g.SetLimit(t.limiter.maxPrepared())
	for _, number := range numbers {
		content := s.part(number, partSize)
		t.emit(Event{Kind: Progress, Part: number, Bytes: -content.size})
		g.Go(func() error {
			_, err := t.sendPart(sending, &sign, number, content)
			return err
		})
	}
	return g.Wait()
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

// finishing returns the context of what remains after the last byte: ctx, or if it has ended, the rest of drainTimeout.
func (t *transfer) finishing(ctx context.Context) context.Context {
	if ctx.Err() != nil {
		return t.drained
	}
	return ctx
}

// sendParts sends the parts that the store does not hold. Meanwhile it compares the others with the file, and sends
// those that differ. It returns the checksums of all parts, and the bytes of the parts that did not have to be sent.
func (t *transfer) sendParts(
	ctx context.Context, s *source, partSize int64, held []client.Part,
) (sums []string, resumed int64, err error) {
	t.step = "send"
	t.emit(Event{Kind: Started})
	comparing := make(chan client.Part, len(held))
	isHeld := map[int32]bool{}
	for _, p := range held {
		comparing <- p
		isHeld[p.PartNumber] = true
		resumed += p.Size
	}
	close(comparing)
	if resumed > 0 {
		t.emit(Event{Kind: Resumed, Bytes: resumed})
	}
	sums = make([]string, s.parts(partSize))
	sign := signer{api: t.api, id: t.id}
	g, sending := errgroup.WithContext(ctx)
	workers := min(maxComparing, len(held))
	g.SetLimit(t.limiter.maxPrepared() + workers)
	send := func(number int32) (err error) {
		sums[number-1], err = t.sendPart(sending, &sign, number, s.part(number, partSize))
		return err
	}
	var different atomic.Int64
	for range workers {
		g.Go(func() error {
			for p := range comparing {
				sum, same, err := t.comparePart(sending, p, s.part(p.PartNumber, partSize))
				if sums[p.PartNumber-1] = sum; err == nil && !same {
					different.Add(p.Size)
					t.emit(Event{Kind: Progress, Part: p.PartNumber, Bytes: -p.Size})
					err = send(p.PartNumber)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	passed := 0
	for number := int32(1); passed < len(sums) && sending.Err() == nil; number++ {
		passed++
		if !isHeld[number] {
			g.Go(func() error { return send(number) })
		}
	}
	err = g.Wait()
	if err == nil && passed < len(sums) { // the loop ended before the last part
		err = context.Cause(ctx)
	}
	return sums, resumed - different.Load(), err
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
