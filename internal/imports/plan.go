package imports

import (
	"fmt"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// S3's bounds of a multipart upload: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
const (
	MinPartSize = 5 << 20 // bytes, but for the last part
	MaxPartSize = 5 << 30 // bytes
	MaxParts    = 10_000
	MaxSize     = MaxParts * MaxPartSize // 48.8 TiB
)

const (
	mebibyte = 1 << 20
	// autoSize is the largest upload that Auto sends in one request. Below it, a retry from the start costs less than parts do.
	autoSize = 64 * mebibyte
	// leastPartSize keeps the number of requests low where the count does not decide.
	leastPartSize = 16 * mebibyte
	// blindPartSize leaves room for 625 GiB where the size is not known.
	blindPartSize = 64 * mebibyte
)

// Plan is how an upload is cut into parts. All are of PartSize but the last, which holds what is left.
type Plan struct {
	PartSize  int64 `json:"part_size"`            // bytes
	PartCount int32 `json:"part_count,omitempty"` // 0: the size is not known
}

// planFor cuts size bytes (nil: not known) into parts of partSize, or of what suits where that is 0.
func planFor(size *int64, partSize int64) Plan {
	switch {
	case size == nil && partSize == 0:
		return Plan{PartSize: blindPartSize}
	case size == nil:
		return Plan{PartSize: partSize}
	case partSize == 0:
		partSize = max(leastPartSize, roundUp(partSizeFor(*size), mebibyte))
	}
	return Plan{PartSize: partSize, PartCount: int32(max(1, ceilDiv(*size, partSize)))}
}

// partSizeFor is the least part size of which MaxParts hold size.
func partSizeFor(size int64) int64 { return ceilDiv(size, MaxParts) }

func ceilDiv(a, b int64) int64        { return (a + b - 1) / b }
func roundUp(n, multiple int64) int64 { return ceilDiv(n, multiple) * multiple }

// last is the highest part number there may be.
func (p Plan) last() int32 {
	if p.PartCount > 0 {
		return p.PartCount
	}
	return MaxParts
}

// offset is where part n begins in the file.
func (p Plan) offset(n int32) int64 { return int64(n-1) * p.PartSize }

// partSize is the length of part n of an upload of total bytes; 0 where only the client can tell.
func (p Plan) partSize(n int32, total *int64) int64 {
	switch {
	case total == nil:
		return 0
	case n == p.PartCount:
		return *total - p.offset(n)
	}
	return p.PartSize
}

// Range is a run of part numbers, both ends included.
type Range struct{ First, Last int32 }

func (r Range) String() string {
	if r.First == r.Last {
		return fmt.Sprintf("part %d", r.First)
	}
	return fmt.Sprintf("parts %d to %d", r.First, r.Last)
}

// missing returns the runs between first and last (0: the last held) that parts, in order, do not hold.
func missing(parts []bucket.Part, first, last int32) []Range {
	var gaps []Range
	for _, p := range parts {
		if last > 0 && p.Number > last {
			break // out of plan
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

// maxReported bounds how many faults an answer lists.
const maxReported = 100

// check holds parts, in order, to the plan of an upload of total bytes: nil, or an Error that names what is wrong.
func (p Plan) check(parts []bucket.Part, total *int64) error {
	last := p.PartCount
	if total == nil {
		last = 1 // there is at least one; the highest number held is the last
		if n := len(parts); n > 0 {
			last = parts[n-1].Number
		}
	}
	var wrong []Field
	for _, part := range parts {
		switch {
		case part.Number > last:
			wrong = append(wrong, Field{Detail: fmt.Sprintf("part %d is not in the plan, which ends with part %d", part.Number, last)})
		case total == nil && part.Number == last:
			if part.Size > p.PartSize {
				wrong = append(wrong, Field{Detail: fmt.Sprintf("part %d has %d bytes, must have at most %d", part.Number, part.Size, p.PartSize)})
			}
		default:
			want := p.PartSize
			if total != nil {
				want = p.partSize(part.Number, total)
			}
			if part.Size != want {
				wrong = append(wrong, Field{Detail: fmt.Sprintf("part %d has %d bytes, must have %d", part.Number, part.Size, want)})
			}
		}
	}
	if len(wrong) > 0 {
		return conflict(CodePartSizeMismatch, "Parts differ from the plan. Upload them again at the right size, then complete.", wrong)
	}
	for _, gap := range missing(parts, 1, last) {
		wrong = append(wrong, Field{Detail: gap.String()})
	}
	if len(wrong) > 0 {
		return conflict(CodePartsMissing, "Parts are missing. Upload them, then complete.", wrong)
	}
	return nil
}
