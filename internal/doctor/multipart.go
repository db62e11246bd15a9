package doctor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// The sizes of the two parts in bytes.
const firstPart, lastPart = s3limits.MinPartSize, 11

// multipart uploads an object in two parts, as a client does, and reads it.
func (d *doctor) multipart(ctx context.Context) Finding {
	if d.signedURLsFail {
		return skip("signed URLs do not work")
	}
	f := d.roundTrip(ctx, "")
	d.multipartFails = f.Mark != Pass
	return f
}

// partChecksums does the same with a checksum of each part and of the whole, as an import that declares one.
func (d *doctor) partChecksums(ctx context.Context) Finding {
	const algorithm = "crc64nvme"
	if d.signedURLsFail || d.multipartFails {
		return skip("multipart uploads do not work")
	}
	f := d.roundTrip(ctx, algorithm)
	if f.Mark != Pass {
		return warn(f.Found, "declare no checksum for multipart imports on this store")
	}
	return pass("%s checksums of the parts and the object are stored", algorithm)
}

// roundTrip uploads two parts, with checksums where algorithm names one, completes them and reads the object back.
func (d *doctor) roundTrip(ctx context.Context, algorithm string) Finding {
	const action = "s3:PutObject, s3:ListMultipartUploadParts and s3:GetObject on imports/*"
	u := d.upload()
	u.Checksum.Algorithm = algorithm
	m := bucket.Multipart{Key: u.Key, Algorithm: algorithm}
	var err error
	if m.UploadID, err = d.store.CreateMultipart(ctx, u); bucket.Unsupported(err) {
		return warn("the store does not support multipart uploads", "upload up to 5 GiB in one request, or use another store")
	} else if err != nil {
		return failedCall("starting an upload", err, action)
	}
	d.scratch.uploads = append(d.scratch.uploads, m)
	content := make([]byte, firstPart+lastPart)
	rand.NewChaCha8([32]byte{}).Read(content)
	bodies := [][]byte{content[:firstPart], content[firstPart:]}
	plan, whole := make([]bucket.Part, len(bodies)), ""
	for i, body := range bodies {
		plan[i] = bucket.Part{Number: int32(i + 1), Size: int64(len(body))}
		if algorithm != "" {
			plan[i].Checksum, whole = crc64(body), crc64(content)
		}
	}
	signed, err := d.store.SignParts(ctx, m, plan, u.From, u.Until)
	if err != nil {
		return failedCall("signing the parts", err, action)
	}
	for i, body := range bodies {
		if f := d.expect(ctx, fmt.Sprintf("uploading part %d", i+1), signed[i], body, nil); f != nil {
			return *f
		}
	}
	parts, err := d.store.AllParts(ctx, m)
	if err != nil {
		return failedCall("listing the parts", err, action)
	}
	if !slices.EqualFunc(parts, plan, func(a, b bucket.Part) bool {
		return a.Number == b.Number && a.Size == b.Size && a.Checksum == b.Checksum
	}) {
		return fail("the listed parts differ from those uploaded",
			"use another store: uploads cannot be completed on this one")
	}
	if err := d.store.CompleteMultipart(ctx, m, parts, whole); err != nil {
		return failedCall("completing with If-None-Match", err, action)
	}
	d.scratch.ended(m)
	if o, err := d.store.Head(ctx, m.Key); algorithm != "" && (err != nil || o.Checksums[algorithm] != whole) {
		return fail("HEAD does not return the "+algorithm+" checksum of the object", "use another store")
	}
	back, err := d.store.SignGet(ctx, m.Key, "attachment", u.From, u.Until)
	if err != nil {
		return failedCall("signing the download", err, action)
	}
	if f := d.expect(ctx, "reading it back", back, nil, content); f != nil {
		return *f
	}
	return pass("two parts uploaded, listed, completed and read back")
}

func crc64(content []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(content)))
}

// expect sends body, and returns a finding unless the response succeeds and has the body want.
func (d *doctor) expect(ctx context.Context, doing string, signed bucket.SignedRequest, body, want []byte) *Finding {
	got, err := d.send(ctx, signed, body)
	found := ""
	switch {
	case err != nil:
		found = Cause(err)
	case !got.ok():
		found = got.String()
	case want != nil && !bytes.Equal(got.body, want):
		found = "the bytes differ from those uploaded"
	default:
		return nil
	}
	f := fail(doing+": "+found,
		"check the store and any proxy in front of it; a proxy must accept requests of 5 MiB and more")
	return &f
}

// leftovers counts uploads that are too old to be resumed. Their parts cost money.
func (d *doctor) leftovers(ctx context.Context) Finding {
	uploads, more, err := d.store.ListUploads(ctx, "imports/", bucket.Multipart{}, s3limits.MaxListed)
	if err != nil {
		return unread(err, "s3:ListBucketMultipartUploads", "the store does not list incomplete uploads",
			"find abandoned parts with the store's own tools")
	}
	old, among, ttl := 0, "", config.FormatDuration(d.JobTTL)
	for _, u := range uploads {
		if time.Since(u.Initiated) > d.JobTTL {
			old++
		}
	}
	if more {
		among = fmt.Sprintf(" among the first %d", len(uploads))
	}
	if old > 0 {
		return warn(fmt.Sprintf("incomplete uploads%s older than %s=%s: %d", among, d.Names.JobTTL, ttl, old),
			"add a lifecycle rule that aborts them, or abort each with aws s3api abort-multipart-upload")
	}
	return pass("no incomplete uploads%s older than %s", among, ttl)
}
