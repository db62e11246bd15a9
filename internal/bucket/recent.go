package bucket

import (
	"context"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxRecentRecords limits the records in memory to some 8 MB: a record of a finished import has 4,096 bytes.
const maxRecentRecords = 2000

// recentRecords keeps the records that were last read or written. Each is used only after a list has shown that the
// store still has it with the same ETag: an ETag changes with the content.
type recentRecords struct{ *lru.Cache[string, Record] }

func newRecentRecords() recentRecords {
	cache, err := lru.New[string, Record](maxRecentRecords)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return recentRecords{cache}
}

func (r recentRecords) keep(key string, record Record) {
	if record.ETag != "" && len(record.Body) < maxRecord/4 {
		r.Add(key, record)
	}
}

// ReadListedRecord is ReadRecord for a record that was just listed. It sends no request if the record was read or
// written recently and has not changed since.
func (b *Bucket) ReadListedRecord(ctx context.Context, listed ListedObject) (Record, error) {
	if record, ok := b.recent.Get(listed.Key); ok && listed.HasETag(record.ETag) {
		return record, nil
	}
	return b.ReadRecord(ctx, listed.Key)
}

// HasETag reports whether the list showed this ETag. Stores may omit the quotes in a list.
func (o ListedObject) HasETag(etag string) bool {
	return etag != "" && strings.Trim(o.ETag, `"`) == strings.Trim(etag, `"`)
}
