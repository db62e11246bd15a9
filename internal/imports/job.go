// Package imports is what an import is and may do: jobs, their states, their limits, and the service that creates and reads
// them. It decides; it knows nothing of HTTP, and of S3 only what package bucket tells it.
package imports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// Status is how far a job has come. It only moves forward.
type Status string

// The states of a job.
const (
	AwaitingUpload Status = "awaiting_upload"
	Uploading      Status = "uploading" // in parts, at least one of which is there
	Completed      Status = "completed" // the object is there and is what was declared
	Failed         Status = "failed"    // the object is there and is not
	// Expired: nothing came in time. A PUT that began in time may still be under way, so an object that turns up later makes
	// the job Completed after all; the bucket is right.
	Expired Status = "expired"
	// Aborted: deleted by its owner, at whatever stage. Nothing of it is left but this.
	Aborted Status = "aborted"
)

// open reports whether something is still expected to arrive.
func (s Status) open() bool { return s == AwaitingUpload || s == Uploading }

// Mode is how the bytes travel.
type Mode string

// The modes of an upload.
const (
	Auto      Mode = "auto" // in requests: let the service choose
	Single    Mode = "single"
	Form      Mode = "form"
	Multipart Mode = "multipart"
)

// Job is one tracked import. Its JSON is the record in the bucket, so members may be added but never change their meaning.
type Job struct {
	ID               string            `json:"id"`
	Owner            string            `json:"owner"`
	Status           Status            `json:"status"`
	Mode             Mode              `json:"mode"`
	Filename         string            `json:"filename,omitempty"`
	ContentType      string            `json:"content_type,omitempty"`
	Size             *int64            `json:"size,omitempty"` // bytes, as declared
	Checksum         *Checksum         `json:"checksum,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
	WriteOnce        bool              `json:"write_once,omitempty"`
	Parts            *Parts            `json:"parts,omitempty"` // for Multipart
	CreatedAt        time.Time         `json:"created_at"`
	Deadline         time.Time         `json:"deadline"` // until when the upload may begin, or be resumed
	CompletedAt      time.Time         `json:"completed_at,omitzero"`
	Object           *Object           `json:"object,omitempty"`
	Failure          *Failure          `json:"failure,omitempty"`
	Webhook          string            `json:"webhook,omitempty"` // the URL that hears of its end, besides the service's own
	EventID          string            `json:"news,omitempty"`    // the name under which its end was announced; see Announce
	PreviousEventIDs []string          `json:"earlier,omitempty"` // the names before that, the latest first: some may still be to be sent
	// Fence grows for nothing but to make the record another one; see Confirm.
	Fence int `json:"fence,omitempty"`

	// Upload is the signed request that an awaited job answers with. It is made for each answer and never stored.
	Upload *bucket.SignedRequest `json:"-"`
	// Download is the signed request that a completed job answers with, where the service gives one.
	Download *bucket.SignedRequest `json:"-"`
}

// Parts is a job's upload in parts.
type Parts struct {
	Plan
	UploadID  string        `json:"upload_id"`
	Algorithm string        `json:"algorithm,omitempty"` // of the checksums that the store demands of parts
	URLTTL    time.Duration `json:"url_ttl,omitempty"`   // the life of a part's URL, as asked for; 0: as the service likes
	// Completing is when a server last claimed to complete the upload. It is recorded first, so that a server that
	// reads the job after that one has died resumes the completion.
	Completing time.Time `json:"completing,omitzero"`
	// Attempts is how many servers have claimed the completion since a caller asked for it.
	Attempts int `json:"attempts,omitempty"`
	// Failure is why the last completion failed; nil while one is in progress.
	Failure *Failure `json:"failure,omitempty"`

	// Uploaded and UploadedBytes are what the store holds, as last seen. They are never stored.
	Uploaded      int32 `json:"-"`
	UploadedBytes int64 `json:"-"`
}

// Checksum is what the caller declared of the whole object, and whether the store confirmed it.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value,omitempty"` // base64; in parts it may come with the completion
	Verified  bool   `json:"verified"`
	// Late says that the value came with a completion. If that is taken back, so is the value.
	Late bool `json:"late,omitempty"`
}

// Object is the stored object, as last seen.
type Object struct {
	Size      int64  `json:"size"`
	ETag      string `json:"etag"`
	VersionID string `json:"version_id,omitempty"`
}

// Failure is why a job failed, or why the completion of an open one did.
type Failure struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// The codes of a Failure.
const (
	SizeMismatch     = "size-mismatch"
	ChecksumMismatch = "checksum-mismatch"
	UploadLost       = "upload-lost" // the store has neither the parts nor the object
)

// completionFailures are the codes of a failed completion, whose parts are kept.
var completionFailures = []string{CodeCompletionFailed, CodeStoreFull, CodePartsMissing, CodePartSizeMismatch}

// LastFailure returns why j failed or, while it is open, why its last completion failed: the zero Failure if neither
// did.
func (j Job) LastFailure() Failure {
	switch {
	case j.Failure != nil:
		return *j.Failure
	case j.Status.open() && j.Parts != nil && j.Parts.Failure != nil:
		return *j.Parts.Failure
	}
	return Failure{}
}

// sound reports whether a record that was found where the one of owner's import id should be may be acted upon. Somebody with the
// store's own keys may have written it, or copied it there.
func (j Job) sound(owner, id string) bool {
	known := func(algorithm string) bool { return digestSizes[algorithm] > 0 }
	switch {
	case j.ID != id || j.Owner != owner:
		return false
	case !slices.Contains([]Status{AwaitingUpload, Uploading, Completed, Failed, Expired, Aborted}, j.Status):
		return false
	case !slices.Contains([]Mode{Single, Form, Multipart}, j.Mode) || (j.Mode == Multipart) != (j.Parts != nil):
		return false
	case (j.Status == Failed) != (j.Failure != nil):
		return false
	case j.Failure != nil && !slices.Contains([]string{SizeMismatch, ChecksumMismatch, UploadLost}, j.Failure.Code):
		return false
	case j.Checksum != nil && !known(j.Checksum.Algorithm):
		return false
	case j.Parts != nil && j.Parts.Failure != nil && !slices.Contains(completionFailures, j.Parts.Failure.Code):
		return false
	case j.Parts != nil && (j.Parts.PartSize <= 0 || j.Parts.Algorithm != "" && !known(j.Parts.Algorithm)):
		return false
	}
	return true
}

// Key returns the key of the job's object.
func (j Job) Key() string { return objectKey(j.Owner, j.ID) }

// ExpiresAt is until when the upload may begin: as signed where it is awaited, else the deadline.
func (j Job) ExpiresAt() time.Time {
	if j.Upload != nil {
		return j.Upload.ExpiresAt
	}
	return j.Deadline
}

// observe is what job j becomes when at now the store shows the object o, or none where o is nil.
func (j Job) observe(o *bucket.Object, now time.Time) Job {
	switch {
	case j.Status == Failed || j.Status == Aborted:
		return j
	case o != nil:
		return j.received(*o)
	case j.Status.open() && j.overdue(now):
		j.Status = Expired
	}
	return j // an object that has gone again was taken away by its owner: Completed stays
}

// received compares o with what was declared.
func (j Job) received(o bucket.Object) Job {
	j.Object = &Object{Size: o.Size, ETag: o.ETag, VersionID: o.VersionID}
	j.CompletedAt = o.LastModified // in whole seconds
	if j.CompletedAt.Before(j.CreatedAt) {
		j.CompletedAt = j.CreatedAt
	}
	if j.completing() && j.CompletedAt.Before(j.Parts.Completing) { // S3 tells when the upload was begun
		j.CompletedAt = j.Parts.Completing
	}
	j.Status = Completed
	fail := func(code, format string, args ...any) Job {
		j.Status, j.Failure = Failed, &Failure{Code: code, Detail: fmt.Sprintf(format, args...)}
		return j
	}
	if j.Size != nil && *j.Size != o.Size {
		return fail(SizeMismatch, "declared %d bytes, the object has %d", *j.Size, o.Size)
	}
	if j.Checksum != nil {
		stored, known := o.Checksums[j.Checksum.Algorithm]
		if o.Size == 0 { // which needs nobody's word
			stored, known = emptyDigests[j.Checksum.Algorithm], true
		}
		known = known && j.Checksum.Value != ""
		if known && stored != j.Checksum.Value {
			return fail(ChecksumMismatch, "declared %s %s, the object has %s", j.Checksum.Algorithm, j.Checksum.Value, stored)
		}
		checksum := *j.Checksum
		checksum.Verified = known
		j.Checksum = &checksum
	}
	return j
}

// same reports whether two versions of a job would make the same record.
func (j Job) same(k Job) bool {
	a, errA := json.Marshal(j)
	b, errB := json.Marshal(k)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// overdue reports whether it is too late to begin j's upload, or to go on with it.
func (j Job) overdue(now time.Time) bool { return !now.Before(j.Deadline) && !j.completing() }

// completing reports whether a server has set out to complete the upload.
func (j Job) completing() bool { return j.Parts != nil && !j.Parts.Completing.IsZero() }

// multipart names j's upload to the bucket.
func (j Job) multipart() bucket.Multipart {
	return bucket.Multipart{Key: j.Key(), UploadID: j.Parts.UploadID, Algorithm: j.Parts.Algorithm}
}
