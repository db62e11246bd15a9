package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// firstPart is the least that a part but the last may have; the last is longer than nothing.
const firstPart, lastPart = 5 << 20, 11

// multipart makes an object of two parts, as a client would, and reads it back.
func (d *doctor) multipart(ctx context.Context) Finding {
	const action = "s3:PutObject, s3:ListMultipartUploadParts and s3:GetObject on imports/*"
	if d.unsigned {
		return skip("signed URLs do not work")
	}
	u := d.upload()
	m := bucket.Multipart{Key: u.Key}
	var err error
	if m.UploadID, err = d.store.CreateMultipart(ctx, u); bucket.Unsupported(err) {
		return Finding{Mark: Warn, Found: "the store has no multipart uploads", Remedy: "upload up to 5 GiB in one request, or use another store"}
	} else if err != nil {
		return fail("beginning an upload", err, action)
	}
	d.scratch.uploads = append(d.scratch.uploads, m)
	whole := make([]byte, firstPart+lastPart)
	rand.Read(whole)
	plan := []bucket.Part{{Number: 1, Size: firstPart}, {Number: 2, Size: lastPart}}
	signed, err := d.store.SignParts(ctx, m, plan, u.From, u.Until)
	if err != nil {
		return fail("signing the parts", err, action)
	}
	for i, body := range [][]byte{whole[:firstPart], whole[firstPart:]} {
		if f := d.expect(ctx, fmt.Sprintf("uploading part %d", i+1), signed[i], body, nil); f != nil {
			return *f
		}
	}
	parts, err := d.store.AllParts(ctx, m)
	if err != nil {
		return fail("listing the parts", err, action)
	}
	if len(parts) != 2 || parts[0].Size != firstPart || parts[1].Size != lastPart {
		return Finding{Mark: Fail, Found: "the list of parts is not what was uploaded", Remedy: "use another store: uploads cannot be completed on this one"}
	}
	if err := d.store.CompleteMultipart(ctx, m, parts, ""); err != nil {
		return fail("completing with If-None-Match", err, action)
	}
	d.scratch.uploads = nil
	back, err := d.store.SignGet(ctx, m.Key, "attachment", u.From, u.Until)
	if err != nil {
		return fail("signing the download", err, action)
	}
	if f := d.expect(ctx, "reading it back", back, nil, whole); f != nil {
		return *f
	}
	return pass("two parts, listed, completed and read back the same")
}

// expect sends body and returns what is wrong with the answer, whose body must be want.
func (d *doctor) expect(ctx context.Context, doing string, signed bucket.SignedRequest, body, want []byte) *Finding {
	got, err := d.send(ctx, signed, body)
	found := ""
	switch {
	case err != nil:
		found = cause(err)
	case !got.ok():
		found = got.String()
	case want != nil && !bytes.Equal(got.body, want):
		found = "other bytes than were uploaded"
	default:
		return nil
	}
	return &Finding{Mark: Fail, Found: doing + ": " + found, Remedy: "look at the store and what is before it; a proxy before the store must take 5 MiB and more in one request"}
}

// leftovers are uploads that nobody can resume any more, of which the parts cost money.
func (d *doctor) leftovers(ctx context.Context) Finding {
	uploads, more, err := d.store.Uploads(ctx, "imports/")
	if err != nil {
		return unread(err, "s3:ListBucketMultipartUploads", "the store does not list incomplete uploads", "look for abandoned parts in the store's own way")
	}
	old, among := 0, ""
	for _, u := range uploads {
		if time.Since(u.At) > d.config.JobTTL {
			old++
		}
	}
	if more {
		among = fmt.Sprintf(" among the first %d", len(uploads))
	}
	if old > 0 {
		return Finding{Mark: Warn, Found: fmt.Sprintf("incomplete uploads%s older than SIGNPOST_JOB_TTL=%s: %d", among, span(d.config.JobTTL), old),
			Remedy: "make a lifecycle rule that aborts them (aws s3api abort-multipart-upload does it one by one)"}
	}
	return pass("no incomplete uploads%s older than %s", among, span(d.config.JobTTL))
}
