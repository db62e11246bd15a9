package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/s3limits"
)

// uploadLists checks that the store lists an upload below a prefix. A sweep finds abandoned uploads by such lists.
func (d *doctor) uploadLists(ctx context.Context) Finding {
	if d.multipartFails {
		return skip("multipart uploads do not work")
	}
	m, _, fault := d.createMultipart(ctx, "")
	if fault != nil {
		return *fault
	}
	const prefix = "imports/doctor/"
	var uploads []bucket.OpenUpload
	for more, after := true, (bucket.Multipart{}); more; {
		var err error
		uploads, more, err = d.store.ListUploads(ctx, prefix, after, s3limits.MaxListed)
		switch {
		case err != nil:
			return unread(err, "s3:ListBucketMultipartUploads", "the store does not list incomplete uploads", ownTools)
		case slices.ContainsFunc(uploads, func(u bucket.OpenUpload) bool { return u.UploadID == m.UploadID }):
			if !d.store.ListsPrefixes() {
				return pass("the store lists no uploads below a prefix, so the service lists all of the bucket")
			}
			return pass("uploads below a prefix are listed")
		case len(uploads) == 0:
			more = false
		default:
			after = uploads[len(uploads)-1].Multipart
		}
	}
	return warn("an upload in progress is not listed", ownTools)
}

// ownTools is the remedy for stores whose abandoned uploads the service cannot find.
const ownTools = "find abandoned parts with the store's own tools"

// leftovers counts uploads that are too old to be resumed, other than those of these checks. Their parts cost money.
func (d *doctor) leftovers(ctx context.Context) Finding {
	uploads, more, err := d.store.ListUploads(ctx, "imports/", bucket.Multipart{}, s3limits.MaxListed)
	if err != nil {
		return unread(err, "s3:ListBucketMultipartUploads", "the store does not list incomplete uploads", ownTools)
	}
	old, among, ttl := 0, "", config.FormatDuration(d.JobTTL)
	for _, u := range uploads {
		if time.Since(u.Initiated) > d.JobTTL && !slices.Contains(d.scratch.keys, u.Key) {
			old++
		}
	}
	if more {
		among = fmt.Sprintf(" among the first %d", len(uploads))
	}
	remedy := "add a lifecycle rule that aborts them, or abort each with aws s3api abort-multipart-upload"
	if d.isMinIO() {
		remedy = "abort each with aws s3api abort-multipart-upload, or lower MinIO's stale_uploads_expiry"
	}
	if old > 0 {
		return warn(fmt.Sprintf("incomplete uploads%s older than %s=%s: %d", among, d.Names.JobTTL, ttl, old), remedy)
	}
	return pass("no incomplete uploads%s older than %s", among, ttl)
}
