package outbox

import (
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/imports"
)

// Event is what a receiver is told, in the JSON of CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
type Event struct {
	SpecVersion     string    `json:"specversion"` // 1.0
	ID              string    `json:"id"`          // the same each time that it is sent
	Source          string    `json:"source"`      // s3://BUCKET
	Type            string    `json:"type"`        // import.completed, import.failed, import.expired, import.aborted
	Subject         string    `json:"subject"`     // the import's id
	Time            time.Time `json:"time"`        // when it ended
	DataContentType string    `json:"datacontenttype"`
	Data            Data      `json:"data"`
}

// Data is the import as it ended, with the members that the API's answers have. What a bare import, of which nothing is recorded, has is
// ID, Owner, Status, Size and Object.
type Data struct {
	ID          string            `json:"id"`
	Owner       string            `json:"owner"`
	Status      string            `json:"status"`
	Filename    string            `json:"filename,omitempty"`
	ContentType string            `json:"content_type,omitempty"`
	Size        *int64            `json:"size,omitempty"` // bytes: of the object, or as declared where there is none
	Checksum    *Checksum         `json:"checksum,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Object      Object            `json:"object"`
	CreatedAt   time.Time         `json:"created_at"`
	CompletedAt time.Time         `json:"completed_at,omitzero"`
	Error       *Error            `json:"error,omitempty"` // of a failed import
}

// Checksum is what was declared of the whole object, and whether the store confirmed it.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value,omitempty"` // base64
	Verified  bool   `json:"verified"`
}

// Object is where the object is, or would have been.
type Object struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key"`
	ETag      string `json:"etag,omitempty"`
	VersionID string `json:"version_id,omitempty"`
}

// Error is why an import failed.
type Error struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// eventOf tells of j, which ended at now if the store knows no better, in the bucket of that name.
func eventOf(j imports.Job, bucket string, now time.Time) (Event, error) {
	data := Data{
		ID: j.ID, Owner: j.Owner, Status: string(j.Status), Filename: j.Filename, ContentType: j.ContentType, Size: j.Size,
		Metadata: j.Metadata, Object: Object{Bucket: bucket, Key: j.Key()}, CreatedAt: j.CreatedAt, CompletedAt: j.CompletedAt,
	}
	if c := j.Checksum; c != nil {
		data.Checksum = &Checksum{c.Algorithm, c.Value, c.Verified}
	}
	if o := j.Object; o != nil {
		data.Size, data.Object.ETag, data.Object.VersionID = &o.Size, o.ETag, o.VersionID
	}
	if f := j.Failure; f != nil {
		data.Error = &Error{f.Code, f.Detail}
	}
	ended := now.UTC()
	switch {
	case !j.CompletedAt.IsZero():
		ended = j.CompletedAt
	case j.Status == imports.Expired:
		ended = j.Deadline
	}
	id, err := idOf(j)
	return Event{
		SpecVersion: "1.0", ID: id, Source: "s3://" + bucket, Type: "import." + string(j.Status), Subject: j.ID,
		Time: ended, DataContentType: "application/json", Data: data,
	}, err
}

// idOf is a new id. A bare import, which may be announced each time that the store tells of it, has the same one as long as it has the same
// object.
func idOf(j imports.Job) (string, error) {
	if j.IsUntracked() {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte(j.Key()+"\n"+j.Object.ETag)).String(), nil
	}
	id, err := uuid.NewV7()
	return id.String(), err
}

// EventFor is the event of j as receivers are told it, for those who look on. Its ID is that of the delivery, where there is one.
func EventFor(j imports.Job, bucket string, now time.Time) (Event, error) {
	e, err := eventOf(j, bucket, now)
	if e.ID = j.EventID; e.ID == "" {
		e.ID = j.ID + "." + string(j.Status)
	}
	return e, err
}
