package doctor

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

const (
	// manyParts is how many parts one response lists, and what a client of 16 MiB parts has at 16 GB.
	manyParts = s3limits.MaxListed
	// partsAtOnce bounds the uploads in flight.
	partsAtOnce = 16
)

// manyParts completes an upload of 1,000 parts if the store accepts parts of one byte. Some stores accept and list many
// parts, and then cannot complete them.
func (d *doctor) manyParts(ctx context.Context) Finding {
	if d.signedURLsFail || d.multipartFails {
		return skip("multipart uploads do not work")
	}
	if err := d.completeParts(ctx, 2); errors.Is(err, bucket.ErrBadPart) {
		return skip(fmt.Sprintf("the store rejects small parts, and %d large ones would take %d GB",
			manyParts, manyParts*firstPart/1_000_000_000))
	} else if err != nil {
		return failedCall("uploading two parts of one byte", err, "s3:PutObject and s3:ListMultipartUploadParts on imports/*")
	}
	if err := d.completeParts(ctx, manyParts); err != nil {
		return fail(fmt.Sprintf("%d parts: %s", manyParts, Cause(err)),
			"use a store that completes 10,000 parts, or send large files in few large parts")
	}
	return pass("%d parts of one byte completed", manyParts)
}

// completeParts uploads count parts of one byte and completes them.
func (d *doctor) completeParts(ctx context.Context, count int) error {
	u := d.upload()
	m := bucket.Multipart{Key: u.Key}
	var err error
	if m.UploadID, err = d.store.CreateMultipart(ctx, u); err != nil {
		return err
	}
	d.scratch.uploads = append(d.scratch.uploads, m)
	plan := make([]bucket.Part, count)
	for i := range plan {
		plan[i] = bucket.Part{Number: int32(i + 1), Size: 1}
	}
	signed, err := d.store.SignParts(ctx, m, plan, u.From, u.Until)
	if err != nil {
		return err
	}
	uploads, limited := errgroup.WithContext(ctx)
	uploads.SetLimit(partsAtOnce)
	for i := range signed {
		uploads.Go(func() error {
			got, err := d.send(limited, signed[i], []byte{byte(i)})
			if err == nil && !got.ok() {
				err = fmt.Errorf("uploading part %d: %s", i+1, got)
			}
			return err
		})
	}
	if err := uploads.Wait(); err != nil {
		return err
	}
	parts, err := d.store.AllParts(ctx, m)
	if err != nil {
		return err
	}
	if len(parts) != count {
		return fmt.Errorf("the store lists %d parts", len(parts))
	}
	if err := d.store.CompleteMultipart(ctx, m, parts, ""); err != nil {
		return err
	}
	d.scratch.ended(m)
	o, err := d.store.Head(ctx, m.Key)
	if err == nil && o.Size != int64(count) {
		err = fmt.Errorf("the object has %d bytes", o.Size)
	}
	return err
}
