package doctor

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// The sizes of the two parts in bytes.
const firstPart, lastPart = s3limits.MinPartSize, 11

// multipart uploads an object in two parts, as a client does, and reads it.
func (d *doctor) multipart(ctx context.Context) Finding {
	if d.signedURLsFail {
		return skip("signed URLs do not work")
	}
	_, fault := d.roundTrip(ctx, "")
	if d.multipartFails = fault != nil; d.multipartFails {
		return *fault
	}
	return pass("two parts uploaded, listed, completed and read back")
}

// partChecksums does the same with a checksum of each part and of the whole, as an import that declares one.
func (d *doctor) partChecksums(ctx context.Context) Finding {
	const algorithm = "crc64nvme"
	if d.signedURLsFail || d.multipartFails {
		return skip("multipart uploads do not work")
	}
	lacking, fault := d.roundTrip(ctx, algorithm)
	switch {
	case fault != nil:
		return warn(fault.Found, "declare no checksum for multipart imports on this store")
	case len(lacking) > 0:
		return warn(strings.Join(lacking, "; "), unverified)
	}
	return pass("%s checksums of the parts and the object are stored", algorithm)
}

// unverified is the remedy for stores whose checksums prove nothing.
const unverified = "use a store that verifies them, or compare checksums after uploads whose checksum.verified is false"

// roundTrip uploads two parts, with checksums where algorithm names one, completes them and reads the object back. It
// returns which checksums are lacking, or why the upload fails.
func (d *doctor) roundTrip(ctx context.Context, algorithm string) (lacking []string, fault *Finding) {
	m, u, fault := d.createMultipart(ctx, algorithm)
	if fault != nil {
		return nil, fault
	}
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
		return nil, failed("signing the parts", err, multipartAction)
	}
	for i, body := range bodies {
		if f := d.expect(ctx, fmt.Sprintf("uploading part %d", i+1), signed[i], body, nil); f != nil {
			return nil, f
		}
	}
	parts, err := d.store.AllParts(ctx, m)
	if err != nil {
		return nil, failed("listing the parts", err, multipartAction)
	}
	if found := difference(parts, plan); found != "" {
		f := fail(found,
			"check that all nodes of the store run, or use another store: uploads cannot be completed on this one")
		return nil, &f
	}
	if algorithm != "" {
		lacking = lackingSums(parts, bodies)
	}
	if err := d.store.CompleteMultipart(ctx, m, parts, whole); err != nil {
		return nil, failed("completing with If-None-Match", err, multipartAction)
	}
	d.scratch.ended(m)
	if o, err := d.store.Head(ctx, m.Key); algorithm != "" && (err != nil || o.Checksums[algorithm] != whole) {
		lacking = append(lacking, "HEAD does not return the "+algorithm+" checksum of the object")
	}
	back, err := d.store.SignGet(ctx, m.Key, "attachment", u.From, u.Until)
	if err != nil {
		return nil, failed("signing the download", err, multipartAction)
	}
	if f := d.expect(ctx, "reading it back", back, nil, content); f != nil {
		return nil, f
	}
	return lacking, nil
}

// createMultipart creates an upload for d's scratch. With algorithm, it declares checksums.
func (d *doctor) createMultipart(ctx context.Context, algorithm string) (bucket.Multipart, bucket.Upload, *Finding) {
	u := d.upload()
	u.Checksum.Algorithm = algorithm
	m := bucket.Multipart{Key: u.Key, Algorithm: algorithm}
	var err error
	if m.UploadID, err = d.store.CreateMultipart(ctx, u); bucket.Unsupported(err) {
		f := warn("the store does not support multipart uploads", "upload up to 5 GiB in one request, or use another store")
		return m, u, &f
	} else if err != nil {
		return m, u, failed("starting an upload", err, multipartAction)
	}
	d.scratch.uploads = append(d.scratch.uploads, m)
	return m, u, nil
}

const multipartAction = "s3:PutObject, s3:ListMultipartUploadParts and s3:GetObject on imports/*"

// failed is failedCall for functions that return a finding only for a fault.
func failed(doing string, err error, action string) *Finding {
	f := failedCall(doing, err, action)
	return &f
}

// difference returns how the listed parts differ from those uploaded, in ascending order: empty if they do not.
func difference(listed, uploaded []bucket.Part) string {
	var faults []string
	for i, want := range uploaded {
		switch {
		case len(listed) == 0 || listed[0].Number > want.Number:
			faults = append(faults, fmt.Sprintf("part %d is not listed", want.Number))
			continue
		case listed[0].Number < want.Number:
			return fmt.Sprintf("part %d is listed, but was not uploaded", listed[0].Number)
		case listed[0].Lost:
			faults = append(faults, fmt.Sprintf("part %d is listed as lost", want.Number))
		case listed[0].Size != want.Size:
			faults = append(faults, fmt.Sprintf("part %d is listed with %d bytes instead of %d", i+1, listed[0].Size, want.Size))
		case listed[0].Checksum != "" && listed[0].Checksum != want.Checksum:
			faults = append(faults, fmt.Sprintf("part %d is listed with another checksum", want.Number))
		}
		listed = listed[1:]
	}
	if len(listed) > 0 {
		faults = append(faults, fmt.Sprintf("part %d is listed, but was not uploaded", listed[0].Number))
	}
	return strings.Join(faults, "; ")
}

// lackingSums returns what resume compares if the store lists parts without checksums.
func lackingSums(parts []bucket.Part, bodies [][]byte) []string {
	for i, part := range parts {
		switch {
		case part.Checksum != "":
		case strings.Trim(part.ETag, `"`) != fmt.Sprintf("%x", md5.Sum(bodies[i])):
			return []string{"the store lists parts without checksums and MD5 sums: resume sends all parts again"}
		default:
			return []string{"the store lists parts without checksums: resume compares MD5"}
		}
	}
	return nil
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
