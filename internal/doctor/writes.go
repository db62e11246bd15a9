package doctor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
)

// conditions checks conditional writes. All state depends on them.
func (d *doctor) conditions(ctx context.Context) Finding {
	faults, err := d.conditionFaults(ctx)
	switch {
	case err != nil:
		return failedCall("writing a record on a condition", err,
			"s3:PutObject and s3:GetObject on jobs/* (and s3:ListBucket)")
	case len(faults) > 0:
		return fail(strings.Join(faults, "; "), conditionsRemedy)
	}
	return d.otherRecords(ctx)
}

const conditionsRemedy = "use a store, or a version of it, with conditional writes: all state depends on them"

// conditionFaults returns how the store's conditional writes differ from those of Amazon S3.
func (p *probe) conditionFaults(ctx context.Context) (faults []string, err error) {
	key := p.scratch.record()
	if err := p.store.CreateRecord(ctx, key, []byte(`{"n":1}`)); err != nil && !errors.Is(err, bucket.ErrChanged) {
		return nil, err
	}
	first, err := p.store.ReadRecord(ctx, key)
	if err != nil {
		return nil, err
	}
	again := p.store.CreateRecord(ctx, key, []byte(`{"n":2}`))
	now, err := p.store.ReadRecord(ctx, key)
	if err != nil {
		return nil, err
	}
	_, right := p.store.ReplaceRecord(ctx, key, now.ETag, []byte(`{"n":3}`))
	if right != nil && !errors.Is(right, bucket.ErrChanged) {
		return nil, right
	}
	if right != nil { // also if the response to a write that succeeded was lost
		if written, err := p.store.ReadRecord(ctx, key); err != nil {
			return nil, err
		} else if string(written.Body) == `{"n":3}` {
			right = nil
		}
	}
	_, stale := p.store.ReplaceRecord(ctx, key, first.ETag, []byte(`{"n":4}`))
	for _, unclear := range []error{again, stale} { // a disturbance says nothing about conditions
		if errors.Is(unclear, bucket.ErrUnavailable) && !bucket.Unsupported(unclear) {
			return nil, unclear
		}
	}
	switch {
	case again == nil || !bytes.Equal(first.Body, now.Body):
		faults = append(faults, "a second PUT with If-None-Match: * is accepted")
	case !errors.Is(again, bucket.ErrChanged):
		faults = append(faults, "a second PUT with If-None-Match: * fails with "+Cause(again))
	}
	if right != nil {
		faults = append(faults, "a PUT with If-Match and the right ETag is rejected")
	}
	switch {
	case stale == nil:
		faults = append(faults, "a PUT with If-Match and a stale ETag is accepted")
	case !errors.Is(stale, bucket.ErrChanged):
		faults = append(faults, "a PUT with If-Match and a stale ETag fails with "+Cause(stale))
	}
	return faults, nil
}

// otherRecords checks writes under the other prefixes, without which no import reaches a terminal status.
func (d *doctor) otherRecords(ctx context.Context) Finding {
	for _, prefix := range []string{"idem/", "outbox/", "sweep/"} {
		if _, _, fault := d.writeRecord(ctx, prefix); fault != nil {
			return *fault
		}
	}
	found := "If-None-Match and If-Match are enforced"
	if d.store.WantsBareETags() {
		found += ", with ETags without quotes"
	}
	if took := d.concurrentWrites(ctx); took >= cmp.Or(d.slow, slowWrites) {
		return warn(fmt.Sprintf("%s; %d concurrent writes of one key took %s", found, writers,
			config.FormatDuration(took.Round(time.Second/10))),
			"run one server for this bucket: servers that write the same record wait for each other")
	}
	return pass("%s", found)
}

// writeRecord writes a record below prefix and reads it.
func (d *doctor) writeRecord(ctx context.Context, prefix string) (key string, record bucket.Record, fault *Finding) {
	key, action := d.scratch.key(prefix+"doctor/"), "s3:PutObject, s3:GetObject and s3:DeleteObject on "+prefix+"*"
	doing, err := "writing under "+prefix, d.store.CreateRecord(ctx, key, []byte("{}"))
	if err == nil || errors.Is(err, bucket.ErrChanged) {
		doing = "reading under " + prefix
		record, err = d.store.ReadRecord(ctx, key)
	}
	if err != nil {
		f := failedCall(doing, err, action)
		fault = &f
	}
	return key, record, fault
}

const (
	writers    = 4
	slowWrites = time.Second
)

// concurrentWrites returns how long concurrent conditional writes of one key take. SeaweedFS lets them wait for each
// other, for about a second each. If signed URLs do not work, a later check reports it.
func (d *doctor) concurrentWrites(ctx context.Context) time.Duration {
	u := d.upload()
	u.WriteOnce = true
	signed, err := d.store.SignPut(ctx, u)
	if err != nil {
		return 0
	}
	began := time.Now()
	var writes errgroup.Group
	for range writers {
		writes.Go(func() error {
			_, err := d.send(ctx, signed, []byte("signpost doctor"))
			return err
		})
	}
	if writes.Wait() != nil {
		return 0
	}
	return time.Since(began)
}

// checksums checks that the store compares signed checksums with the body, and returns them.
func (d *doctor) checksums(ctx context.Context) Finding {
	right, wrong := []byte("signpost doctor"), []byte("signpost doktor")
	sha := sha256.Sum256(right)
	var faults []string
	code := "" // unless it is that of Amazon S3
	for _, sum := range []bucket.Checksum{
		{Algorithm: "crc64nvme", Value: crc64(right)},
		{Algorithm: "sha256", Value: base64.StdEncoding.EncodeToString(sha[:])},
	} {
		u := d.upload()
		u.Checksum = sum
		got, err := d.put(ctx, u, right)
		if err != nil || got.forbidden() {
			return skip("signed URLs do not work")
		}
		if !got.ok() {
			faults = append(faults, fmt.Sprintf("%s is not supported (%s)", sum.Algorithm, got))
			continue
		}
		if o, err := d.store.Head(ctx, u.Key); err != nil || o.Checksums[sum.Algorithm] != sum.Value {
			faults = append(faults, "HEAD does not return "+sum.Algorithm)
		}
		refused, err := d.put(ctx, u, wrong)
		switch {
		case err != nil:
		case refused.ok():
			faults = append(faults, "a wrong "+sum.Algorithm+" is accepted")
		case refused.code != "BadDigest":
			code = refused.code
		}
	}
	if len(faults) > 0 {
		return warn(strings.Join(faults, "; "), unverified)
	}
	if code != "" {
		return pass("crc64nvme and sha256 are verified and stored; a wrong one is refused with %s", code)
	}
	return pass("crc64nvme and sha256 are verified and stored")
}

// signedURLs checks that signed URLs work at the address that clients use, and that the store enforces a signed length.
func (d *doctor) signedURLs(ctx context.Context) Finding {
	body := []byte("signpost doctor")
	u := d.upload()
	size := int64(len(body))
	u.Size = &size
	signed, err := d.store.SignPut(ctx, u)
	if err != nil {
		return failedCall("signing an upload", err, "s3:PutObject on imports/*")
	}
	address, _, _ := strings.Cut(signed.URL.String(), "/"+u.Key)
	remedy := d.Names.PublicEndpoint + " must be an address of the same store; " +
		"a proxy in front of it must not change Host, path or headers; " +
		"the credentials need s3:PutObject on imports/*"
	got, err := d.send(ctx, signed, body)
	d.signedURLsFail = err != nil || !got.ok()
	switch {
	case err != nil:
		return fail(address+": "+Cause(err), remedy)
	case !got.ok():
		return fail(fmt.Sprintf("%s: the upload was rejected: %s", address, got), remedy)
	}
	if o, err := d.store.Head(ctx, u.Key); err != nil || o.Size != size {
		return fail(address+": the upload succeeded, but the object is not in the bucket", remedy)
	}
	if longer, err := d.send(ctx, signed, append(slices.Clone(body), '!')); err == nil && longer.ok() {
		return fail(address+": an upload of more bytes than signed is accepted",
			"use a store that checks signed headers; "+d.Names.MaxSize+" has no effect on this one")
	}
	return pass("work at %s; the signed length is enforced", address)
}
