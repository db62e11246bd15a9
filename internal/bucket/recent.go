package bucket

import (
	"context"
	"strings"
)

const (
	// maxRecentRecords limits the records in memory to 8 MB, if they are of finished imports: those have 4,096 bytes.
	maxRecentRecords = 2000
	// maxRecentRecord limits one of them, in bytes.
	maxRecentRecord = 8 << 10
)

// ReadListedRecord is ReadRecord for a record that was just listed. It sends no request if the record was read for
// an earlier list and has not changed since: an ETag changes with the content.
func (b *Bucket) ReadListedRecord(ctx context.Context, listed ListedObject) (Record, error) {
	if record, ok := b.recent.Get(listed.Key); ok && listed.shows(record) {
		return record, nil
	}
	record, err := b.ReadRecord(ctx, listed.Key)
	if err == nil && len(record.Body) <= maxRecentRecord {
		b.recent.Add(listed.Key, record)
	}
	return record, err
}

// shows reports whether r is the record that was listed. Its size may differ if a response ended early, or if a file of
// the local store was edited.
func (o ListedObject) shows(r Record) bool { return o.HasETag(r.ETag) && o.Size == int64(len(r.Body)) }

// HasETag reports whether the list showed this ETag. Stores may omit the quotes in a list.
func (o ListedObject) HasETag(etag string) bool {
	etag = strings.Trim(etag, `"`)
	return etag != "" && strings.Trim(o.ETag, `"`) == etag
}
