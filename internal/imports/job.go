package imports

import (
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Status is the status of a job. It only moves forward.
type Status string

// The statuses of a job.
const (
	AwaitingUpload Status = "awaiting_upload"
	Uploading      Status = "uploading" // at least one part of a multipart upload is stored
	Completed      Status = "completed" // the object exists and matches what was declared
	Failed         Status = "failed"    // the object does not match what was declared, or the upload was lost
	// Expired: no object existed at the deadline. A PUT that began before may still store one; the job is Completed then.
	Expired Status = "expired"
	Aborted Status = "aborted" // the owner deleted the import; only the record is left
)

// open reports whether an upload is still expected.
func (s Status) open() bool { return s == AwaitingUpload || s == Uploading }

// IsTerminal reports whether no upload is expected any more. An Expired job may still become Completed.
func (s Status) IsTerminal() bool { return !s.open() }

// Mode is how the file is uploaded.
type Mode string

// The modes of an upload.
const (
	Auto      Mode = "auto" // in requests only: the service chooses
	Single    Mode = "single"
	Form      Mode = "form"
	Multipart Mode = "multipart"
)

// Job is an import. Its JSON is the record in the bucket: fields may be added, but never change their meaning.
type Job struct {
	ID           string            `json:"id"`
	Owner        string            `json:"owner"`
	Status       Status            `json:"status"`
	Mode         Mode              `json:"mode"`
	Filename     string            `json:"filename,omitempty"`
	RelativePath string            `json:"relative_path,omitempty"` // not stored with the object
	ContentType  string            `json:"content_type,omitempty"`
	Size         *int64            `json:"size,omitempty"` // bytes, as declared
	Checksum     *Checksum         `json:"checksum,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	WriteOnce    bool              `json:"write_once,omitempty"`
	Parts        *Parts            `json:"parts,omitempty"` // of mode Multipart
	CreatedAt    time.Time         `json:"created_at"`
	Deadline     time.Time         `json:"deadline"` // the upload must begin, and a multipart upload end, before
	CompletedAt  time.Time         `json:"completed_at,omitzero"`
	Object       *Object           `json:"object,omitempty"`
	Failure      *Failure          `json:"failure,omitempty"`
	// Webhook is the URL that receives the events of this import, besides the webhook of the service.
	Webhook string `json:"webhook,omitempty"`
	// EventID is the ID of the last event about the job; see Publish.
	EventID string `json:"news,omitempty"`
	// PreviousEventIDs are the IDs of older events, the latest first. Some may be undelivered still.
	PreviousEventIDs []string `json:"earlier,omitempty"`
	// Fence is incremented to change the record's ETag, so that conditional writes in progress fail; see Confirm.
	Fence int `json:"fence,omitempty"`

	// recordETag is the ETag of the record that was read or written, which conditional writes need.
	recordETag string

	// Upload is the signed request that uploads an open job's file. It is made for each response and never stored.
	Upload *bucket.SignedRequest `json:"-"`
	// ObjectDeleted is set if a completed job's object was read and does not exist any more. It is never stored.
	ObjectDeleted bool `json:"-"`
	// Download is the signed request that downloads a completed job's object, if the service signs downloads.
	Download *bucket.SignedRequest `json:"-"`
}

// Parts is the multipart upload of a job.
type Parts struct {
	Plan
	UploadID string `json:"upload_id"`
	// Algorithm is the algorithm of the checksums that the store requires for each part, "" if it requires none.
	Algorithm string `json:"algorithm,omitempty"`
	// URLTTL is the requested lifetime of the URLs of parts. 0: Limits.URLTTL.
	URLTTL time.Duration `json:"url_ttl,omitempty"`
	// Completing is when a server last claimed the completion of the upload. It is recorded before the store is called,
	// so that another server resumes the completion if that one stops.
	Completing time.Time `json:"completing,omitzero"`
	// Attempts is how many servers have claimed the completion since a client requested it.
	Attempts int `json:"attempts,omitempty"`
	// Failure is why the last completion failed; nil while one is in progress.
	Failure *Failure `json:"failure,omitempty"`

	// Uploaded and UploadedBytes are what the store holds. They are never stored.
	Uploaded      int32 `json:"-"`
	UploadedBytes int64 `json:"-"`
}

// Checksum is the declared checksum of the whole object. A store that verifies none leaves it unverified for ever, so
// readers of an import see a Value either as Confirmed or as Unconfirmed.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value,omitempty"` // base64; that of a multipart upload may come with the completion
	Verified  bool   `json:"verified"`        // whether the store confirmed the value
	// Late means that Value came with a completion. It is removed if that completion fails.
	Late bool `json:"late,omitempty"`
}

// Confirmed returns the checksum that the store confirmed, or "".
func (c Checksum) Confirmed() string {
	if c.Verified {
		return c.Value
	}
	return ""
}

// Unconfirmed returns the declared checksum unless the store confirmed it, or "".
func (c Checksum) Unconfirmed() string {
	if c.Verified {
		return ""
	}
	return c.Value
}

// Object is the stored object.
type Object struct {
	Size      int64  `json:"size"` // bytes
	ETag      string `json:"etag"`
	VersionID string `json:"version_id,omitempty"`
}

// Failure is why a job failed, or why the completion of an open job failed.
type Failure struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// The codes of a Failure: of a job, and of a completion, whose parts are kept.
var (
	jobFailures        = []string{CodeSizeMismatch, CodeChecksumMismatch, CodeUploadLost}
	completionFailures = []string{CodeCompletionFailed, CodeStoreFull, CodePartsMissing, CodePartSizeMismatch}
)

// LastFailure returns why j failed or, if j is open, why its last completion failed. It returns the zero Failure if
// neither failed.
func (j Job) LastFailure() Failure {
	switch {
	case j.Failure != nil:
		return *j.Failure
	case j.Status.open() && j.Parts != nil && j.Parts.Failure != nil:
		return *j.Parts.Failure
	}
	return Failure{}
}

// Key returns the key of the job's object.
func (j Job) Key() string { return objectKey(j.Owner, j.ID) }

// ExpiresAt returns when the upload must have begun: the expiry of the signed request, if there is one, or the
// deadline.
func (j Job) ExpiresAt() time.Time {
	if j.Upload != nil {
		return j.Upload.ExpiresAt
	}
	return j.Deadline
}

// multipart returns the names by which package bucket finds j's multipart upload.
func (j Job) multipart() bucket.Multipart {
	return bucket.Multipart{Key: j.Key(), UploadID: j.Parts.UploadID, Algorithm: j.Parts.Algorithm}
}
