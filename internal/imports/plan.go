package imports

import (
	"fmt"
	"slices"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

const (
	mebibyte = 1 << 20
	// autoSize is the largest size that Auto uploads in one request. Below it, a retry from the start costs less than
	// the additional requests of a multipart upload.
	autoSize = 64 * mebibyte
	// defaultPartSize keeps the number of requests low. Sizes above 156 GiB need larger parts.
	defaultPartSize = 16 * mebibyte
	// unknownSizePartSize allows 625 GiB if the size is unknown.
	unknownSizePartSize = 64 * mebibyte
)

// Plan is how a file is divided into parts. All parts have PartSize bytes, except the last, which has the rest.
type Plan struct {
	PartSize  int64 `json:"part_size"`            // bytes
	PartCount int32 `json:"part_count,omitempty"` // 0: the size is unknown
}

// planFor divides size bytes (nil: unknown) into parts of partSize bytes (0: chosen here).
func planFor(size *int64, partSize int64) Plan {
	switch {
	case size == nil && partSize == 0:
		return Plan{PartSize: unknownSizePartSize}
	case size == nil:
		return Plan{PartSize: partSize}
	case partSize == 0:
		partSize = max(defaultPartSize, roundUp(partSizeFor(*size), mebibyte))
	}
	return Plan{PartSize: partSize, PartCount: int32(max(1, ceilDiv(*size, partSize)))}
}

// partSizeFor returns the smallest part size with which s3limits.MaxParts hold size bytes.
func partSizeFor(size int64) int64 { return ceilDiv(size, s3limits.MaxParts) }

func ceilDiv(a, b int64) int64        { return (a + b - 1) / b }
func roundUp(n, multiple int64) int64 { return ceilDiv(n, multiple) * multiple }

// last returns the highest valid part number.
func (p Plan) last() int32 {
	if p.PartCount > 0 {
		return p.PartCount
	}
	return s3limits.MaxParts
}

// offset returns where part n begins, in bytes from the start of the file.
func (p Plan) offset(n int32) int64 { return int64(n-1) * p.PartSize }

// partSize returns the size of part n of a file of total bytes, 0 if total is unknown.
func (p Plan) partSize(n int32, total *int64) int64 {
	switch {
	case total == nil:
		return 0
	case n == p.PartCount:
		return *total - p.offset(n)
	}
	return p.PartSize
}

// Range is a range of part numbers, both ends included.
type Range struct{ First, Last int32 }

// describe returns the field error of a range of missing parts.
func (r Range) describe() string {
	if r.First == r.Last {
		return fmt.Sprintf("part %d is missing", r.First)
	}
	return fmt.Sprintf("parts %d to %d are missing", r.First, r.Last)
}

// held returns the parts that the store has not lost.
func held(parts []bucket.Part) []bucket.Part {
	return slices.DeleteFunc(slices.Clone(parts), func(p bucket.Part) bool { return p.Lost })
}

// missing returns the ranges from first to last (0: the last of parts) that parts, in ascending order, lack.
func missing(parts []bucket.Part, first, last int32) []Range {
	if n := len(parts); last == 0 && n > 0 && parts[n-1].Lost {
		last = parts[n-1].Number
	}
	var gaps []Range
	for _, p := range held(parts) {
		if last > 0 && p.Number > last {
			break // not in the plan
		}
		if p.Number > first {
			gaps = append(gaps, Range{first, p.Number - 1})
		}
		first = p.Number + 1
	}
	if first <= last {
		gaps = append(gaps, Range{first, last})
	}
	return gaps
}

// check compares parts, in ascending order, with the plan of a file of total bytes. The error names each part that is
// missing or has the wrong size.
func (p Plan) check(parts []bucket.Part, total *int64) error {
	last := p.PartCount
	if total == nil {
		last = 1 // an upload has at least one part, and its highest part number is the last
		if n := len(parts); n > 0 {
			last = parts[n-1].Number
		}
	}
	var wrong fieldErrors
	for _, part := range held(parts) {
		want := p.PartSize
		if total != nil {
			want = p.partSize(part.Number, total)
		}
		switch {
		case part.Number > last:
			wrong.add(nil, "part %d is not in the plan, which ends with part %d", part.Number, last)
		case total == nil && part.Number == last:
			if part.Size > p.PartSize {
				wrong.add(nil, "part %d has %d bytes, but must have at most %d", part.Number, part.Size, p.PartSize)
			}
		case part.Size != want:
			wrong.add(nil, "part %d has %d bytes, but must have %d", part.Number, part.Size, want)
		}
	}
	if len(wrong) > 0 {
		const detail = "Parts differ from the plan. Upload the parts in errors again with the right size, then complete the import."
		return conflict(CodePartSizeMismatch, detail, wrong)
	}
	for _, gap := range missing(parts, 1, last) {
		wrong.add(nil, "%s", gap.describe())
	}
	if len(wrong) > 0 {
		return conflict(CodePartsMissing, "Parts are missing. Upload the parts in errors, then complete the import.", wrong)
	}
	return nil
}
