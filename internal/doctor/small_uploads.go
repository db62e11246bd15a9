package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// smallUpload is an upload of one part, which may be small.
type smallUpload struct {
	bucket.Multipart
	bucket.Upload
}

// uploadOnePart creates an upload and sends its only part.
func (d *doctor) uploadOnePart(ctx context.Context, algorithm string, body []byte) (smallUpload, *Finding) {
	m, u, fault := d.createMultipart(ctx, algorithm)
	up := smallUpload{m, u}
	if fault == nil {
		fault = d.sendPart(ctx, up, body)
	}
	return up, fault
}

// sendPart sends the only part of up. It returns a finding if the store refuses it.
func (d *doctor) sendPart(ctx context.Context, up smallUpload, body []byte) *Finding {
	part := bucket.Part{Number: 1, Size: int64(len(body))}
	if up.Algorithm != "" {
		part.Checksum = crc64(body)
	}
	signed, err := d.store.SignParts(ctx, up.Multipart, []bucket.Part{part}, up.From, up.Until)
	if err != nil {
		return failed("signing a part", err, multipartAction)
	}
	return d.expect(ctx, "uploading a part", signed[0], body, nil)
}

// repeatedParts sends a part again, with other content, and completes the upload.
func (d *doctor) repeatedParts(ctx context.Context) Finding {
	if d.signedURLsFail || d.multipartFails {
		return skip("multipart uploads do not work")
	}
	older, newer := []byte("the part"), []byte("the same part again")
	up, fault := d.uploadOnePart(ctx, "", older)
	if fault != nil {
		return *fault
	}
	m := up.Multipart
	d.pause(time.Second) // SeaweedFS lists times in whole seconds
	if refused := d.sendPart(ctx, up, newer); refused != nil {
		if fault := d.sendPart(ctx, up, older); fault != nil {
			return fail("a part cannot be sent again: "+fault.Found,
				"use another store: here, an upload of which one request received no response cannot continue")
		}
		return warn("a part can be sent again, but not with other content: "+refused.Found,
			"abort an upload whose file has changed, and start it again")
	}
	listed, err := d.store.CountListedParts(ctx, m)
	if err != nil {
		return failedCall("listing the parts", err, multipartAction)
	}
	parts, err := d.store.AllParts(ctx, m)
	if err != nil {
		return failedCall("listing the parts", err, multipartAction)
	}
	const remedy = "use another store: on this one, a repeated request may damage an object"
	if len(parts) != 1 || parts[0].Size != int64(len(newer)) {
		return fail("of a part that was sent twice, the list does not show the last", remedy)
	}
	if err := d.store.CompleteMultipart(ctx, m, parts, ""); err != nil {
		return failedCall("completing an upload whose part was sent twice", err, multipartAction)
	}
	d.scratch.ended(m)
	stored, err := d.store.ReadRecord(ctx, m.Key)
	switch {
	case err != nil:
		return failedCall("reading the object", err, multipartAction)
	case !bytes.Equal(stored.Body, newer):
		return fail("of a part that was sent twice, the object does not have the last", remedy)
	case listed > 1:
		return pass("a part that was sent twice is listed twice; the last one counts")
	}
	return pass("of a part that was sent twice, the last one counts")
}

// objectChecksums completes uploads with a wrong checksum of the whole object.
func (d *doctor) objectChecksums(ctx context.Context) Finding {
	const algorithm = "crc64nvme"
	if d.signedURLsFail || d.multipartFails {
		return skip("multipart uploads do not work")
	}
	body := []byte("signpost doctor")
	accepted, unnoticed := false, []string{}
	for _, c := range []struct{ algorithm, of string }{
		{algorithm, "parts with checksums"}, {"", "plain parts"},
	} {
		up, fault := d.uploadOnePart(ctx, c.algorithm, body)
		if fault != nil {
			return warn(fault.Found, unverified)
		}
		refused, err := d.completeWrong(ctx, up.Multipart, algorithm, body)
		if err != nil {
			return failedCall("completing "+c.of, err, multipartAction)
		}
		accepted = accepted || !refused
		if refused && c.algorithm != "" {
			continue
		}
		// The service sends no checksum with the completion of plain parts, and compares that of the object.
		if o, err := d.store.Head(ctx, up.Multipart.Key); err != nil || o.Checksums[algorithm] != crc64(body) {
			unnoticed = append(unnoticed, c.of)
		}
	}
	switch {
	case len(unnoticed) > 0:
		found := fmt.Sprintf("a wrong %s of the whole object is not noticed over %s", algorithm,
			strings.Join(unnoticed, " and over "))
		return warn(found, unverified)
	case accepted:
		return pass("a wrong %s of the whole object is accepted, but HEAD returns the right one", algorithm)
	}
	return pass("a wrong %s of the whole object is refused", algorithm)
}

// completeWrong completes m with a wrong checksum or, if the store refuses that, without one.
func (d *doctor) completeWrong(
	ctx context.Context, m bucket.Multipart, algorithm string, body []byte,
) (refused bool, err error) {
	parts, err := d.store.AllParts(ctx, m)
	if err != nil {
		return false, err
	}
	declaring := m
	declaring.Algorithm = algorithm
	err = d.store.CompleteMultipart(ctx, declaring, parts, crc64(append(body, '!')))
	if refused = err != nil && !errors.Is(err, bucket.ErrNotCompleted); refused {
		err = d.store.CompleteMultipart(ctx, m, parts, "")
	}
	if err == nil {
		d.scratch.ended(m)
	}
	return refused, err
}
