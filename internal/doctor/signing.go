package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// unsigned checks that unsigned headers have no effect.
func (d *doctor) unsigned(ctx context.Context) Finding {
	if d.signedURLsFail {
		return skip("signed URLs do not work")
	}
	found, err := d.unsignedHeaders(ctx)
	switch {
	case err != nil:
		return fail("the check failed: "+Cause(err), "check the store and any proxy in front of it")
	case len(found.honored) == 0:
		return pass("x-amz-copy-source, x-amz-tagging and x-amz-acl have no effect unless they are signed")
	}
	f := fail(fmt.Sprintf("honored: %s; %s", found, found.risk()),
		"use a store that rejects unsigned headers, or "+d.limitSigning())
	switch {
	case d.Signing != nil && !found.copies:
		f.Mark, f.Remedy = Warn, "do not rely on tags or ACLs of objects under imports/"
	case d.AllowUnsignedHeaders:
		f.Mark = Warn
	}
	return f
}

// onlyUploads is the remedy for signing credentials with other rights.
const onlyUploads = "allow them s3:PutObject on imports/* only"

// signingRights checks that credentials which only sign uploads cannot read.
func (d *doctor) signingRights(ctx context.Context) Finding {
	if d.Signing == nil {
		return pass("uploads are signed with the service's credentials")
	}
	signing := d.Signing(d.settings)
	c, err := signing.Retrieve(ctx)
	if err != nil {
		return fail("no signing credentials: "+Cause(err),
			"let the service assume "+d.Names.SigningRole+" (sts:AssumeRole, and the role's trust policy)")
	}
	u := d.upload()
	// If the upload fails, a later check reports it.
	if stored, err := d.put(ctx, u, []byte("{}")); err == nil && stored.ok() {
		if _, err := d.store.ReadRecord(ctx, u.Key); errors.Is(err, bucket.ErrForbidden) {
			return fail("the service cannot read what the signing credentials upload",
				"use signing credentials of the account that owns the bucket, such as a subuser on Ceph")
		}
	}
	settings := d.settings.Copy()
	settings.Credentials = signing
	as, err := bucket.Open(ctx, bucket.Options{Name: d.Bucket, AWS: settings, PathStyle: d.PathStyle})
	if err != nil {
		return failedCall("opening the bucket", err, "s3:PutObject on imports/*")
	}
	for _, key := range []string{d.scratch.object(), d.scratch.record()} {
		prefix, _, _ := strings.Cut(key, "/")
		if err := d.store.CreateRecord(ctx, key, []byte("{}")); err != nil && !errors.Is(err, bucket.ErrChanged) {
			return failedCall("writing under "+prefix+"/", err, "s3:PutObject on "+prefix+"/*")
		}
		if _, err := as.ReadRecord(ctx, key); err == nil {
			return fail("the signing credentials can read "+prefix+"/", onlyUploads)
		} else if !errors.Is(err, bucket.ErrForbidden) {
			return failedCall("reading with the signing credentials", err, "s3:PutObject on imports/*")
		}
	}
	if err := as.CreateRecord(ctx, d.scratch.record(), []byte("{}")); err == nil {
		return warn("the signing credentials cannot read, but can write jobs/", onlyUploads)
	}
	if c.SessionToken != "" && !c.CanExpire {
		return warn("the signing credentials cannot read; their session has no known expiry, so expires_at may be too late",
			"set "+d.Names.SigningRole+", so that the service renews them")
	}
	return pass("the signing credentials can only write, and only under imports/")
}
