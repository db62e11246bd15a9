package imports

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// PartsRequest names the parts to sign: Count from First on, or Numbers. The contract bounds them at 1,000, whose URLs, with a
// long session token, are about 2 MB; a Lambda answers with 6 MB.
type PartsRequest struct {
	First, Count int32
	Numbers      []int32
	Checksums    map[string]string // base64, by part number in decimal
}

// SignedPart is the request that uploads one part.
type SignedPart struct {
	bucket.SignedRequest
	Number int32
	Offset int64 // bytes into the file
	Size   int64 // bytes; 0 where the size of the import is not known
}

// SignParts signs requests for the parts that r names. It reads the record once and asks the store nothing else.
func (s *Service) SignParts(ctx context.Context, owner, id string, r PartsRequest) ([]SignedPart, error) {
	j, err := s.loadParts(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	parts, err := r.parts(j.Job)
	if err != nil {
		return nil, err
	}
	now, life := s.Now(), s.Limits.URLTTL
	if asked := j.Parts.URLTTL; asked > 0 {
		life = min(asked, life)
	}
	until := now.Truncate(time.Second).Add(life)
	if until.After(j.Deadline) {
		until = j.Deadline
	}
	requests, err := s.Bucket.SignParts(ctx, j.multipart(), parts, now, until)
	if err != nil {
		return nil, fromStore("sign parts of "+id, err)
	}
	if j.Parts.URLTTL > 0 && requests[0].ExpiresAt.Before(until) {
		return nil, unattainable(requests[0].ExpiresAt.Sub(now))
	}
	signed := make([]SignedPart, len(parts))
	for i, p := range parts {
		signed[i] = SignedPart{SignedRequest: requests[i], Number: p.Number, Offset: j.Parts.offset(p.Number), Size: p.Size}
	}
	return signed, nil
}

// loadParts reads a job whose parts can still be sent.
func (s *Service) loadParts(ctx context.Context, owner, id string) (stored, error) {
	j, err := s.load(ctx, owner, id)
	switch {
	case err != nil:
		return stored{}, err
	case j.Mode != Multipart:
		return stored{}, conflict(CodeNotMultipart, "The import is not in parts. Send the request that reading it gives.", nil)
	case !j.Status.open():
		return stored{}, over(j.Status)
	case j.overdue(s.Now()):
		return stored{}, over(Expired)
	}
	return j, nil
}

// parts returns the parts of j that r names, in order, or all that is wrong with r.
func (r PartsRequest) parts(j Job) ([]bucket.Part, error) {
	var faults []Field
	fault := func(pointer, detail string, args ...any) {
		faults = append(faults, Field{Pointer: pointer, Detail: fmt.Sprintf(detail, args...)})
	}
	numbers, last := r.Numbers, j.Parts.last()
	switch {
	case len(numbers) == 0 && r.First == 0:
		fault("", "must name parts: first and count, or part_numbers")
	case len(numbers) > 0 && (r.First > 0 || r.Count > 0):
		fault("/part_numbers", "must not stand beside first and count")
	case len(numbers) == 0 && r.Count == 0:
		fault("/count", "is missing")
	case len(numbers) == 0 && r.First > last:
		fault("/first", "must be at most %d, the last part", last)
	case len(numbers) == 0:
		for n := r.First; n <= last && n-r.First < r.Count; n++ {
			numbers = append(numbers, n)
		}
	}
	for i, n := range r.Numbers {
		if n > last {
			fault("/part_numbers/"+strconv.Itoa(i), "must be at most %d, the last part", last)
		}
	}
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	parts := make([]bucket.Part, len(numbers))
	var name []byte
	for i, n := range numbers {
		name = strconv.AppendInt(name[:0], int64(n), 10)
		checksum, given := r.Checksums[string(name)]
		switch {
		case j.Parts.Algorithm != "" && !given:
			fault(Pointer("checksums", string(name)), "is missing; the import declared %s", j.Parts.Algorithm)
		case given && j.Parts.Algorithm != "" && !isDigest(j.Parts.Algorithm, checksum):
			fault(Pointer("checksums", string(name)), "must be the base64 of %d bytes, as %s has", digestSizes[j.Parts.Algorithm], j.Parts.Algorithm)
		}
		parts[i] = bucket.Part{Number: n, Size: j.Parts.partSize(n, j.Size), Checksum: checksum}
	}
	if j.Parts.Algorithm == "" && len(r.Checksums) > 0 {
		fault("/checksums", "must not be given, because the import declared no checksum")
	} else {
		for _, name := range slices.Sorted(maps.Keys(r.Checksums)) {
			n, err := strconv.ParseInt(name, 10, 32)
			if _, asked := slices.BinarySearch(numbers, int32(n)); err != nil || !asked || name != strconv.Itoa(int(n)) {
				fault(Pointer("checksums", name), "is not of a part to be signed")
			}
		}
	}
	if len(faults) > 0 {
		return nil, invalid(faults[:min(len(faults), maxReported)])
	}
	return parts, nil
}

// PartPage is a page of the parts that the store holds.
type PartPage struct {
	Parts   []bucket.Part
	Missing []Range
	Next    int32 // the page after this begins after it; 0: this is the last
}

// ListParts lists the parts of a job from the one after number after, with the gaps among them.
func (s *Service) ListParts(ctx context.Context, owner, id string, after int32) (PartPage, error) {
	j, err := s.loadParts(ctx, owner, id)
	if err != nil {
		return PartPage{}, err
	}
	parts, more, err := s.Bucket.ListParts(ctx, j.multipart(), after)
	if errors.Is(err, bucket.ErrNotFound) {
		return PartPage{}, s.whyGone(ctx, owner, id)
	}
	if err != nil {
		return PartPage{}, fromStore("list parts of "+id, err)
	}
	page := PartPage{Parts: parts}
	end := j.Parts.PartCount // 0, where nobody knows: what comes after the last part held is not missing
	if more && len(parts) > 0 {
		page.Next = parts[len(parts)-1].Number
		if end == 0 || page.Next < end {
			end = page.Next
		}
	}
	page.Missing = missing(parts, after+1, end)
	return page, nil
}

// whyGone says what has become of a job whose parts the store no longer has.
func (s *Service) whyGone(ctx context.Context, owner, id string) error {
	job, err := s.reconciled(ctx, owner, id, s.Now())
	if err != nil {
		return err
	}
	if job.Status.open() {
		return conflict(CodeCompleting, "The import is being completed. Read it until it is.", nil)
	}
	return over(job.Status)
}

// reconcileParts asks the store for the parts of an open job. One whose completion a server began and did not end is completed
// here.
func (s *Service) reconcileParts(ctx context.Context, j stored, now time.Time) (Job, error) {
	parts, err := s.Bucket.AllParts(ctx, j.multipart())
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return s.settle(ctx, j, now)
	case err != nil:
		return Job{}, fromStore("read import "+j.ID, err)
	case j.completing() && now.Sub(j.Parts.Completing) >= s.patience(): // renewed while its server lives
		return s.resume(ctx, j, parts)
	}
	return j.holding(parts), nil
}

// holding is j, open, with the parts that the store holds.
func (j Job) holding(parts []bucket.Part) Job {
	var bytes int64
	for _, p := range parts {
		bytes += p.Size
	}
	if len(parts) > 0 {
		j.Status = Uploading
	}
	return j.counting(int32(len(parts)), bytes)
}

// counting is j with so many parts and bytes uploaded.
func (j Job) counting(parts int32, bytes int64) Job {
	p := *j.Parts
	p.Uploaded, p.UploadedBytes = parts, bytes
	j.Parts = &p
	return j
}
