package imports

import (
	"errors"
	"fmt"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
)

// This file is the state machine: what a job becomes, computed without access to the store.

// observe returns what j becomes if the store has the object o at now, or no object if o is nil. A Completed job whose
// object was deleted stays Completed: a consumer may have deleted it after importing it.
func (j Job) observe(o *bucket.Object, now time.Time) Job {
	switch {
	case j.Status == Failed || j.Status == Aborted:
		return j
	case o != nil:
		return j.received(*o)
	case j.Status == Completed:
		j.ObjectDeleted = true
	case j.Status.open() && j.overdue(now):
		j.Status = Expired
	}
	return j
}

// received compares o with what was declared and returns j as Completed or Failed.
func (j Job) received(o bucket.Object) Job {
	j.Object = &Object{Size: o.Size, ETag: o.ETag, VersionID: o.VersionID}
	j.CompletedAt = o.LastModified // in whole seconds
	if j.CompletedAt.Before(j.CreatedAt) {
		j.CompletedAt = j.CreatedAt
	}
	// S3 reports when the multipart upload was created.
	if j.completing() && j.CompletedAt.Before(j.Parts.Completing) {
		j.CompletedAt = j.Parts.Completing
	}
	j.Status = Completed
	if j.Size != nil && *j.Size != o.Size {
		return j.failed(CodeSizeMismatch, "%d bytes were declared, but the object has %d", *j.Size, o.Size)
	}
	if j.Checksum == nil {
		return j
	}
	value, known := o.Checksums[j.Checksum.Algorithm]
	if o.Size == 0 { // known even if the store has no checksums
		value, known = digests[j.Checksum.Algorithm].empty, true
	}
	known = known && j.Checksum.Value != ""
	if known && value != j.Checksum.Value {
		const detail = "the %s %s was declared, but the object has %s"
		return j.failed(CodeChecksumMismatch, detail, j.Checksum.Algorithm, j.Checksum.Value, value)
	}
	checksum := *j.Checksum
	checksum.Verified = known
	j.Checksum = &checksum
	return j
}

func (j Job) failed(code, format string, args ...any) Job {
	j.Status, j.Failure = Failed, &Failure{Code: code, Detail: fmt.Sprintf(format, args...)}
	return j
}

// overdue reports whether j's upload may neither begin nor be resumed any more.
func (j Job) overdue(now time.Time) bool { return !now.Before(j.Deadline) && !j.completing() }

// completing reports whether a server has claimed the completion of j's multipart upload.
func (j Job) completing() bool { return j.Parts != nil && !j.Parts.Completing.IsZero() }

// unrenewed reports whether a server claimed the completion of j and has not renewed the claim for that long.
func (j Job) unrenewed(now time.Time, atLeast time.Duration) bool {
	return j.completing() && now.Sub(j.Parts.Completing) >= atLeast
}

// abandoned reports whether the server that claimed the completion of j has stopped.
func (j Job) abandoned(now time.Time) bool { return j.unrenewed(now, abandonedAfter) }

// abandonedAfter is well above the interval at which a running server renews its claim.
const abandonedAfter = 5 * time.Minute

// discarded reports whether the store must hold no data of j. An object of a single upload that does not match what was
// declared is kept, so that its owner can inspect it.
func (j Job) discarded() bool {
	return j.Status == Aborted || j.Mode == Multipart && (j.Status == Failed || j.Status == Expired)
}

// mayReceive reports whether j is terminal but an upload with one of its URLs may still store an object or a part:
// S3 checks a URL's expiry only when a request begins, and DELETE does not revoke URLs.
func (j Job) mayReceive() bool { return j.discarded() || j.Status == Expired }

// settled reports whether no call of maintenance can change j or remove anything of it.
func (j Job) settled() bool { return j.Status.IsTerminal() && !j.mayReceive() }

// claim returns p with the claim of a server that begins the completion at now.
func (p Parts) claim(now time.Time) *Parts {
	p.Completing, p.Failure = now.UTC(), nil
	p.Attempts++
	return &p
}

// renew returns p with the claim renewed at now.
func (p Parts) renew(now time.Time) *Parts {
	p.Completing = now.UTC()
	return &p
}

// release returns p without the claim, and with the reason why the completion failed.
func (p Parts) release(why error) *Parts {
	p.Completing, p.Attempts, p.Failure = time.Time{}, 0, nil
	if e := (*Error)(nil); errors.As(why, &e) {
		p.Failure = &Failure{Code: e.Code, Detail: e.Detail}
	}
	return &p
}

// withParts returns j, which is open, with the progress of the parts that the store holds.
func (j Job) withParts(parts []bucket.Part) Job {
	var bytes int64
	parts = held(parts)
	for _, p := range parts {
		bytes += p.Size
	}
	if len(parts) > 0 {
		j.Status = Uploading
	}
	return j.withProgress(int32(len(parts)), bytes)
}

func (j Job) withProgress(parts int32, bytes int64) Job {
	p := *j.Parts
	p.Uploaded, p.UploadedBytes = parts, bytes
	j.Parts = &p
	return j
}

// completionResult returns the result of Complete for j: completed, in progress, or the error that ended the
// completion.
func (j Job) completionResult() (Job, error) {
	switch {
	case j.Status == Completed:
		return j, nil
	case j.Status.open() && j.LastFailure() != (Failure{}):
		return Job{}, j.LastFailure().error()
	case j.Status.open():
		j.Status = Uploading
		// The store assembles the parts and may no longer list them.
		if j.Parts != nil && j.Parts.Uploaded == 0 && j.Size != nil && j.completing() {
			return j.withProgress(j.Parts.PartCount, *j.Size), nil
		}
		return j, nil
	case j.Status == Failed && j.Failure.Code == CodeChecksumMismatch:
		detail := "The upload was deleted, because it has the wrong checksum: " + j.Failure.Detail + ". Create a new import."
		return Job{}, &Error{Kind: Refused, Code: CodeChecksumMismatch, Detail: detail}
	}
	return Job{}, terminalError(j.Status)
}
