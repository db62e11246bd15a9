package upload

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// findOpen returns the import to resume, or an empty job.
func (t *transfer) findOpen(ctx context.Context, entry *resumeEntry, s *source) (client.Import, error) {
	state := resumeState{ID: t.ID}
	if t.ID == "" { // also with Again: the upload is in progress, not completed
		state = entry.read(t.Checksum)
	}
	id := state.ID
	if t.id = ""; id == "" {
		return client.Import{}, nil
	}
	job, err := t.api.Read(ctx, id)
	if t.ID == "" && (isMissing(err) || t.hasOtherPath(job)) {
		return client.Import{}, nil
	}
	if err != nil {
		return client.Import{}, err
	}
	fits, status := job.Size != nil && *job.Size == s.size, job.Status
	switch {
	case fits && status == client.ImportStatusCompleted:
		err := t.checkCompleted(ctx, job, s, state)
		if t.ID == "" && errors.As(err, new(mismatchError)) {
			return client.Import{}, nil
		}
		t.id = id
		return job, err
	case fits && !IsTerminal(job) && job.Multipart != nil && job.Multipart.PartSize > 0:
		t.id, t.Checksum = id, None
		if job.Checksum != nil {
			t.Checksum = Algorithm(job.Checksum.Algorithm)
		}
		return job, nil
	case t.ID != "":
		return client.Import{}, fmt.Errorf("import %s cannot be resumed: its status is %s, and it must be "+
			"a multipart upload in progress of %d bytes, the size of the file", id, terminal.Line(string(status)), s.size)
	}
	return client.Import{}, nil
}

// checkCompleted returns a mismatchError unless the object of the completed job is the file. An identity in state that
// is still that of the file proves it.
func (t *transfer) checkCompleted(ctx context.Context, job client.Import, s *source, state resumeState) error {
	if t.ID == "" && state.identity == s.identity && !ObjectDeleted(job) {
		return nil
	}
	return compareCompleted(ctx, job, s)
}

// mismatchError says why a completed import is not known to have the content of a file.
type mismatchError string

func (e mismatchError) Error() string { return string(e) }

// isComparable reports whether job has the checksum of its object.
func isComparable(job client.Import) bool {
	return job.Checksum != nil && ChecksumOf(*job.Checksum) != "" && Algorithm(job.Checksum.Algorithm).Hash() != nil
}

// compareCompleted returns a mismatchError unless the object of the completed job has the checksum of the file.
func compareCompleted(ctx context.Context, job client.Import, s *source) error {
	text := fmt.Sprintf("import %s is completed", job.ID)
	switch {
	case ObjectDeleted(job):
		return mismatchError(text + ", and its object was deleted from the bucket")
	case !isComparable(job):
		return mismatchError(text + "; without a checksum it cannot be compared with the file")
	}
	sum, err := s.whole().checksum(ctx, Algorithm(job.Checksum.Algorithm))
	if err == nil && sum != ChecksumOf(*job.Checksum) {
		err = mismatchError(fmt.Sprintf("%s with another file: its %s is %s, the file's is %s",
			text, job.Checksum.Algorithm, terminal.Line(ChecksumOf(*job.Checksum)), sum))
	}
	return err
}

// maxComparing bounds how many parts that the store holds are compared with the file at a time.
const maxComparing = 4

// findHeldParts returns the parts that the store holds. Those of another size than the file's are sent again.
func (t *transfer) findHeldParts(ctx context.Context, s *source, partSize int64) ([]client.Part, error) {
	t.step = "find uploaded parts"
	parts, err := t.api.Parts(ctx, t.id)
	return slices.DeleteFunc(parts, func(p client.Part) bool {
		number := int64(p.PartNumber)
		return number < 1 || number > s.parts(partSize) || p.Size != s.part(p.PartNumber, partSize).size
	}), err
}

// comparePart reports whether an uploaded part matches the file, and returns the checksum of the file's part. If the
// store lists no checksum, it compares the ETag. That is the part's MD5 unless the bucket encrypts with its own key;
// such parts are sent again.
func (t *transfer) comparePart(ctx context.Context, p client.Part, content section) (sum string, same bool, err error) {
	if t.Checksum != None && p.Checksum != "" {
		sum, err = content.checksum(ctx, t.Checksum)
		return sum, sum == p.Checksum, err
	}
	digest, from := md5.New(), content.open()
	if t.Checksum == None {
		_, err = Sum(ctx, from, digest)
	} else {
		var own []byte
		own, err = Sum(ctx, io.TeeReader(from, digest), t.Checksum.Hash())
		sum = EncodeChecksum(own)
	}
	return sum, strings.Trim(p.ETag, `"`) == hex.EncodeToString(digest.Sum(nil)), err
}
