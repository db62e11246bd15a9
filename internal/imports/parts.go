package imports

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// PartsRequest names the parts to sign: Count parts from First on, or Numbers. The API limits both to 1,000 parts,
// whose URLs take about 2 MB with a long session token; a Lambda function returns at most 6 MB.
type PartsRequest struct {
	First, Count int32
	Numbers      []int32
	Checksums    map[string]string // base64, by part number in decimal
}

// SignedPart is the signed request that uploads one part.
type SignedPart struct {
	bucket.SignedRequest
	Number int32
	Offset int64 // bytes from the start of the file
	Size   int64 // bytes; 0 if the size of the import is unknown
}

// SignParts signs the requests that upload the parts of r. It reads the record and sends no other request to the store.
func (s *Service) SignParts(ctx context.Context, owner, id string, r PartsRequest) ([]SignedPart, error) {
	j, err := s.loadOpenMultipart(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	parts, err := r.parts(j)
	if err != nil {
		return nil, err
	}
	now, lifetime := s.Now(), min(cmp.Or(j.Parts.URLTTL, s.Limits.URLTTL), s.Limits.URLTTL)
	until := now.Truncate(time.Second).Add(lifetime)
	if until.After(j.Deadline) {
		until = j.Deadline
	}
	requests, err := s.Bucket.SignParts(ctx, j.multipart(), parts, now, until)
	if err != nil {
		return nil, fromStore("sign parts of "+id, err)
	}
	if j.Parts.URLTTL > 0 && requests[0].ExpiresAt.Before(until) {
		return nil, expiryUnattainable(requests[0].ExpiresAt.Sub(now))
	}
	signed := make([]SignedPart, len(parts))
	for i, p := range parts {
		offset := j.Parts.offset(p.Number)
		signed[i] = SignedPart{SignedRequest: requests[i], Number: p.Number, Offset: offset, Size: p.Size}
	}
	return signed, nil
}

// loadOpenMultipart loads a job whose parts can still be uploaded.
func (s *Service) loadOpenMultipart(ctx context.Context, owner, id string) (Job, error) {
	j, err := s.load(ctx, owner, id)
	switch {
	case err != nil:
		return Job{}, err
	case j.Mode != Multipart:
		return Job{}, conflict(CodeNotMultipart,
			"The import is not a multipart upload. Read it, and send the request in its member upload.", nil)
	case j.Status.IsTerminal():
		return Job{}, terminalError(j.Status)
	case j.overdue(s.Now()):
		return Job{}, terminalError(Expired)
	}
	return j, nil
}

// parts returns the parts of j that r names, in ascending order, or all errors of r.
func (r PartsRequest) parts(j Job) ([]bucket.Part, error) {
	var errs fieldErrors
	last := j.Parts.last()
	numbers := r.numbers(last, &errs)
	parts := make([]bucket.Part, len(numbers))
	for i, n := range numbers {
		parts[i] = bucket.Part{Number: n, Size: j.Parts.partSize(n, j.Size)}
	}
	if j.Parts.Algorithm != "" {
		r.addChecksums(parts, j.Parts.Algorithm, &errs)
	} else if len(r.Checksums) > 0 {
		errs.add(path{"checksums"}, "must not be given, because the import declared no checksum")
	}
	if len(errs) > 0 {
		return nil, invalid(errs)
	}
	return parts, nil
}

// addChecksums adds r's checksums to parts. Each part must have one.
func (r PartsRequest) addChecksums(parts []bucket.Part, algorithm string, errs *fieldErrors) {
	unused := maps.Clone(r.Checksums)
	for i := range parts {
		name := strconv.Itoa(int(parts[i].Number))
		checksum, given := r.Checksums[name]
		delete(unused, name)
		switch {
		case !given:
			errs.add(path{"checksums", name}, "is missing: the import declared the checksum algorithm %s", algorithm)
		case !isDigest(algorithm, checksum):
			errs.add(path{"checksums", name}, notDigest, digests[algorithm].size, algorithm)
		}
		parts[i].Checksum = checksum
	}
	for _, name := range slices.Sorted(maps.Keys(unused)) {
		errs.add(path{"checksums", name}, "belongs to a part that this request does not sign")
	}
}

// numbers returns the part numbers that r names, in ascending order without repetitions; last is the highest valid one.
func (r PartsRequest) numbers(last int32, errs *fieldErrors) []int32 {
	numbers := r.Numbers
	switch {
	case len(numbers) == 0 && r.First == 0:
		errs.add(nil, "the body must have first and count, or part_numbers")
	case len(numbers) > 0 && (r.First > 0 || r.Count > 0):
		errs.add(path{"part_numbers"}, "must not be combined with first and count")
	case len(numbers) == 0 && r.Count == 0:
		errs.add(path{"count"}, "is missing")
	case len(numbers) == 0 && r.First > last:
		errs.add(path{"first"}, "must be at most %d, the number of the last part", last)
	case len(numbers) == 0:
		for n := r.First; n <= last && n-r.First < r.Count; n++ {
			numbers = append(numbers, n)
		}
	}
	for i, n := range r.Numbers {
		if n > last {
			errs.add(path{"part_numbers", strconv.Itoa(i)}, "must be at most %d, the number of the last part", last)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(numbers)))
}

// PartPage is one page of the parts that the store holds.
type PartPage struct {
	Parts   []bucket.Part
	Missing []Range
	Next    int32 // the value of after for the next page; 0: this is the last page
}

// ListParts lists the parts of a job after the part number after, and the gaps between them.
func (s *Service) ListParts(ctx context.Context, owner, id string, after int32) (PartPage, error) {
	j, err := s.loadOpenMultipart(ctx, owner, id)
	if err != nil {
		return PartPage{}, err
	}
	parts, more, err := s.Bucket.ListParts(ctx, j.multipart(), after)
	if errors.Is(err, bucket.ErrNotFound) {
		return PartPage{}, s.uploadGone(ctx, owner, id)
	}
	if err != nil {
		return PartPage{}, fromStore("list parts of "+id, err)
	}
	page := PartPage{Parts: held(parts)}
	end := j.Parts.PartCount // 0 if unknown: then no part after the last stored one is missing
	if more && len(parts) > 0 {
		page.Next = parts[len(parts)-1].Number
		if end == 0 || page.Next < end {
			end = page.Next
		}
	}
	page.Missing = missing(parts, after+1, end)
	return page, nil
}

// uploadGone returns why the store no longer has a job's multipart upload.
func (s *Service) uploadGone(ctx context.Context, owner, id string) error {
	job, err := s.inspect(ctx, owner, id)
	if err != nil {
		return err
	}
	if job.Status.open() {
		return conflict(CodeCompleting, "The import is being completed. Read it until its status is completed.", nil)
	}
	return terminalError(job.Status)
}
