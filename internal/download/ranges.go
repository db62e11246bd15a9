package download

import (
	"cmp"
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/upload"
)

const (
	// rangeSize is in bytes. A killed process loses the ranges in progress.
	rangeSize = 8 << 20
	// minRanged is the smallest object, in bytes, that is downloaded in ranges and can be resumed.
	minRanged = 2 * rangeSize
)

// isRanged reports whether the object is downloaded in ranges.
func (t *transfer) isRanged() bool { return t.Size != nil && *t.Size >= minRanged }

// rangeChecksum returns the algorithm for ranges: that of the import if the checksums of ranges can be combined.
func (t *transfer) rangeChecksum() upload.Algorithm {
	if t.Checksum != nil && upload.Algorithm(t.Checksum.Algorithm).IsCRC() {
		return upload.Algorithm(t.Checksum.Algorithm)
	}
	return upload.CRC64NVME
}

// fill writes the object to a temporary file, in ranges if the object is large and the store serves them, and checks
// its checksum.
func (t *transfer) fill(ctx context.Context, p *part) error {
	if !t.isRanged() {
		return t.copy(ctx, p.file)
	}
	// One byte shows the version, and whether the store serves ranges.
	if _, err := t.fetch(ctx, 0, section{0, 1}, io.Discard); err != nil {
		return err
	}
	t.emit(upload.Event{Kind: upload.Progress, Bytes: -1})
	if !t.ranged || t.etag == "" {
		t.etag = ""
		return t.copy(ctx, p.file)
	}
	t.emit(upload.Event{Kind: upload.Started})
	kept, err := p.begin(t.etag)
	if err != nil {
		return err
	}
	if kept > 0 {
		t.emit(upload.Event{Kind: upload.Resumed, Bytes: kept})
	}
	sums, err := t.fetchRanges(ctx, p)
	if errors.Is(err, errReplaced) {
		p.stays = false
	}
	if err == nil {
		t.emit(upload.Event{Kind: upload.Finishing})
		err = t.verify(ctx, p, sums)
	}
	return err
}

// fetchRanges fetches the ranges that the file does not have, and returns the checksums of all.
func (t *transfer) fetchRanges(ctx context.Context, p *part) ([]string, error) {
	sums := make([]string, len(p.ranges))
	g, fetching := errgroup.WithContext(ctx)
	g.SetLimit(t.Concurrency)
	for i := 0; i < len(sums) && fetching.Err() == nil; i++ {
		g.Go(func() (err error) {
			sums[i], err = t.fetchRange(fetching, p, i)
			return err
		})
	}
	err := g.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return sums, err
}

// fetchRange completes range i and returns its checksum. The bytes that the file has are read again, because the file
// may have changed.
func (t *transfer) fetchRange(ctx context.Context, p *part, i int) (string, error) {
	sum := t.rangeChecksum().Hash()
	from := int64(i) * rangeSize
	to := min(from+rangeSize, *t.Size)
	kept := p.ranges[i]
	if kept.Size > 0 {
		_, err := io.Copy(sum, io.NewSectionReader(p.file, from, kept.Size))
		if err != nil || upload.EncodeChecksum(sum.Sum(nil)) != kept.Sum {
			t.emit(upload.Event{Kind: upload.Progress, Part: int32(i + 1), Bytes: -kept.Size})
			kept.Size = 0
			sum.Reset()
		}
	}
	if from += kept.Size; from == to {
		return kept.Sum, nil
	}
	n, err := t.fetch(ctx, int32(i+1), section{from, to}, io.MultiWriter(io.NewOffsetWriter(p.file, from), sum))
	kept = keptRange{i, kept.Size + n, upload.EncodeChecksum(sum.Sum(nil))}
	if n > 0 {
		err = cmp.Or(err, p.keep(kept))
	}
	return kept.Sum, err
}

// verify compares the checksum of the file with that of the import.
func (t *transfer) verify(ctx context.Context, p *part, sums []string) (err error) {
	whole := t.hash()
	if whole == nil {
		return nil
	}
	var sum string
	if t.rangeChecksum() == upload.Algorithm(t.Checksum.Algorithm) {
		sum, err = upload.CombineCRCs(t.rangeChecksum(), sums, rangeSize, *t.Size)
	} else {
		var all []byte
		all, err = upload.Sum(ctx, io.NewSectionReader(p.file, 0, p.Size), whole)
		sum = upload.EncodeChecksum(all)
	}
	if err != nil {
		return err
	}
	if err = t.compare(sum); err != nil {
		p.stays = false
	}
	return err
}
