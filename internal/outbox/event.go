package outbox

import (
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/imports"
)

// Event is an event about an import in the JSON format of CloudEvents 1.0:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
type Event struct {
	SpecVersion     string    `json:"specversion"` // 1.0
	ID              string    `json:"id"`          // the same in each attempt
	Source          string    `json:"source"`      // s3://BUCKET
	Type            string    `json:"type"`        // import.completed, import.failed, import.expired, import.aborted
	Subject         string    `json:"subject"`     // the id of the import
	Time            time.Time `json:"time"`        // when the status changed
	DataContentType string    `json:"datacontenttype"`
	Data            Data      `json:"data"`
}

// Data is the import with its terminal status. Its members are those of API responses. An untracked import, which has
// no record, has only ID, Owner, Status, Size and Object.
type Data struct {
	ID           string            `json:"id"`
	Owner        string            `json:"owner"`
	Status       string            `json:"status"`
	Filename     string            `json:"filename,omitempty"`
	RelativePath string            `json:"relative_path,omitempty"`
	ContentType  string            `json:"content_type,omitempty"`
	Size         *int64            `json:"size,omitempty"` // bytes, of the object or as declared
	Checksum     *Checksum         `json:"checksum,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	Object       Object            `json:"object"`
	CreatedAt    time.Time         `json:"created_at"`
	CompletedAt  time.Time         `json:"completed_at,omitzero"`
	Error        *Error            `json:"error,omitempty"` // of a failed import
}

// Checksum is the checksum of the whole object in base64: the Value that the store confirmed, or what was Declared.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value,omitempty"`
	Declared  string `json:"declared,omitempty"`
	Verified  bool   `json:"verified"`
}

// Object is the location of the object, whether it exists or not.
type Object struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key"`
	ETag      string `json:"etag,omitempty"`
	VersionID string `json:"version_id,omitempty"`
}

// Error is the reason of a failed import.
type Error struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// newEvent returns the event of j in the bucket with that name. Its time is now, unless j has the time of its terminal
// status.
func newEvent(j imports.Job, bucket string, now time.Time) (Event, error) {
	data := Data{
		ID: j.ID, Owner: j.Owner, Status: string(j.Status), Filename: j.Filename, RelativePath: j.RelativePath,
		ContentType: j.ContentType, Size: j.Size, Metadata: j.Metadata, Object: Object{Bucket: bucket, Key: j.Key()},
		CreatedAt: j.CreatedAt, CompletedAt: j.CompletedAt,
	}
	if c := j.Checksum; c != nil {
		data.Checksum = &Checksum{c.Algorithm, c.Confirmed(), c.Unconfirmed(), c.Verified}
	}
	if o := j.Object; o != nil {
		data.Size, data.Object.ETag, data.Object.VersionID = &o.Size, o.ETag, o.VersionID
	}
	if f := j.Failure; f != nil {
		data.Error = &Error{f.Code, f.Detail}
	}
	at := now.UTC()
	switch {
	case !j.CompletedAt.IsZero():
		at = j.CompletedAt
	case j.Status == imports.Expired:
		at = j.Deadline
	}
	id, err := newEventID(j)
	return Event{
		SpecVersion: "1.0", ID: id, Source: "s3://" + bucket, Type: "import." + string(j.Status), Subject: j.ID,
		Time: at, DataContentType: "application/json", Data: data,
	}, err
}

// newEventID returns a new id. The id of an untracked import depends on its object, because each notification of the
// store publishes the event again.
func newEventID(j imports.Job) (string, error) {
	if j.IsUntracked() {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte(j.Key()+"\n"+j.Object.ETag)).String(), nil
	}
	id, err := uuid.NewV7()
	return id.String(), err
}
