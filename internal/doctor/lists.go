package doctor

import "context"

// objectLists checks lists of objects under each prefix that the service lists, and that a list shows a record as it
// was written. Lists of imports, sweeps and deliveries depend on them.
func (d *doctor) objectLists(ctx context.Context) Finding {
	for _, prefix := range []string{"imports/", "outbox/"} {
		if _, _, err := d.store.ListObjects(ctx, prefix, "", 1); err != nil {
			return failedCall("listing "+prefix, err, "s3:ListBucket for the prefix "+prefix+"*")
		}
	}
	key, record, fault := d.writeRecord(ctx, "jobs/")
	if fault != nil {
		return *fault
	}
	listed, _, err := d.store.ListObjects(ctx, key, "", 1)
	switch {
	case err != nil:
		return failedCall("listing jobs/", err, "s3:ListBucket for the prefix jobs/*")
	case len(listed) == 0 || listed[0].Key != key:
		return fail("a list does not contain a record that was written before",
			"use a store whose lists show each object at once, as those of Amazon S3 do")
	case listed[0].Size != int64(len(record.Body)) || !listed[0].HasETag(record.ETag):
		return warn("lists do not contain the size and the ETag of a record",
			"expect more calls: lists of imports and sweeps read every record")
	}
	return pass("a record is listed at once, with its size and ETag")
}
