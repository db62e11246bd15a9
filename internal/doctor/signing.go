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
	if d.urlless {
		return skip("signed URLs do not work")
	}
	found, err := d.unsignedHeaders(ctx)
	switch {
	case err != nil:
		return Finding{Mark: Fail, Found: "cannot be checked: " + Cause(err),
			Remedy: "look at the store and what is before it"}
	case len(found.honored) == 0:
		return pass("x-amz-copy-source, x-amz-tagging and x-amz-acl have no effect unless they are signed")
	}
	f := Finding{
		Mark: Fail, Found: fmt.Sprintf("honored: %s; %s", found, found.harm()),
		Remedy: "use a store that refuses unsigned headers, or " + limitSigning(d.config),
	}
	switch {
	case d.config.HasSigningCredentials() && !found.copies:
		f.Mark, f.Remedy = Warn, "let nothing rely on tags or ACLs of objects under imports/"
	case d.config.AllowUnsignedHeaders:
		f.Mark = Warn
	}
	return f
}

// onlyUploads is the remedy for signing credentials with other rights.
const onlyUploads = "allow them s3:PutObject on imports/* only"

// signingRights checks that credentials which only sign uploads cannot read.
func (d *doctor) signingRights(ctx context.Context) Finding {
	if !d.config.HasSigningCredentials() {
		return pass("uploads are signed with the service's credentials")
	}
	signing := d.config.SigningCredentials(d.settings, bucket.OnAWS(d.settings))
	c, err := signing.Retrieve(ctx)
	if err != nil {
		return Finding{Mark: Fail, Found: "no signing credentials: " + Cause(err),
			Remedy: "let the service assume SIGNPOST_SIGNING_ROLE_ARN (sts:AssumeRole, and the role's trust policy)"}
	}
	u := d.upload()
	// If the upload fails, a later check reports it.
	if stored, err := d.put(ctx, u, []byte("{}")); err == nil && stored.ok() {
		if _, err := d.store.ReadRecord(ctx, u.Key); errors.Is(err, bucket.ErrForbidden) {
			return Finding{Mark: Fail, Found: "the service cannot read what the signing credentials upload",
				Remedy: "use signing credentials of the account that owns the bucket, such as a subuser on Ceph"}
		}
	}
	settings := d.settings.Copy()
	settings.Credentials = signing
	as, err := bucket.Open(ctx, bucket.Options{Name: d.config.Bucket, AWS: settings, PathStyle: d.config.PathStyle})
	if err != nil {
		return fail("opening the bucket", err, "s3:PutObject on imports/*")
	}
	for _, key := range []string{d.scratch.object(), d.scratch.record()} {
		prefix, _, _ := strings.Cut(key, "/")
		if err := d.store.CreateRecord(ctx, key, []byte("{}")); err != nil && !errors.Is(err, bucket.ErrChanged) {
			return fail("writing under "+prefix+"/", err, "s3:PutObject on "+prefix+"/*")
		}
		if _, err := as.ReadRecord(ctx, key); err == nil {
			return Finding{Mark: Fail, Found: "the signing credentials can read " + prefix + "/", Remedy: onlyUploads}
		} else if !errors.Is(err, bucket.ErrForbidden) {
			return fail("reading with the signing credentials", err, "s3:PutObject on imports/*")
		}
	}
	if err := as.CreateRecord(ctx, d.scratch.record(), []byte("{}")); err == nil {
		return Finding{Mark: Warn, Found: "the signing credentials cannot read, but can write jobs/", Remedy: onlyUploads}
	}
	if c.SessionToken != "" && !c.CanExpire {
		return Finding{Mark: Warn,
			Found:  "the signing credentials cannot read; their session has no known end, so expires_at may be too late",
			Remedy: "set SIGNPOST_SIGNING_ROLE_ARN, so that the service renews them"}
	}
	return pass("the signing credentials cannot read, nor write elsewhere than imports/")
}
