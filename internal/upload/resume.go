package upload

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// findOpen returns the import to resume, or an empty job.
func (t *transfer) findOpen(ctx context.Context, entry *resumeEntry, s *source) (client.Import, error) {
	id := t.ID
	if id == "" { // also with Again: the upload is in progress, not completed
		id = entry.read(t.Checksum)
	}
	if id == "" {
		return client.Import{}, nil
	}
	job, err := t.api.Read(ctx, id)
	if t.ID == "" && (hasCode(err, codeImportNotFound) || t.hasOtherPath(job)) {
		return client.Import{}, nil
	}
	if err != nil {
		return client.Import{}, err
	}
	fits, status := job.Size != nil && *job.Size == s.size, job.Status
	switch {
	case fits && status == client.ImportStatusCompleted:
		t.id = id
		return job, t.checkCompleted(ctx, job, s)
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

// checkCompleted compares the checksum of the file with that of the completed import that t.ID names.
func (t *transfer) checkCompleted(ctx context.Context, job client.Import, s *source) error {
	if t.ID == "" {
		return nil
	}
	if job.Checksum == nil || job.Checksum.Value == "" || Algorithm(job.Checksum.Algorithm).Hash() == nil {
		return fmt.Errorf("import %s is completed; without a checksum it cannot be compared with the file", t.id)
	}
	sum, err := section{s.file, 0, s.size}.checksum(ctx, Algorithm(job.Checksum.Algorithm))
	if err == nil && sum != job.Checksum.Value {
		err = fmt.Errorf("import %s is completed with another file: its %s is %s, the file's is %s",
			t.id, job.Checksum.Algorithm, terminal.Line(job.Checksum.Value), sum)
	}
	return err
}

// findUploadedParts returns the checksums of the uploaded parts that match the file. Other parts are sent again.
func (t *transfer) findUploadedParts(ctx context.Context, s *source, partSize int64) (map[int32]string, error) {
	t.step = "compare uploaded parts"
	parts, err := t.api.Parts(ctx, t.id)
	if err != nil {
		return nil, err
	}
	uploaded := map[int32]string{}
	for _, p := range parts {
		content := s.part(p.PartNumber, partSize)
		if p.Size != content.size {
			continue
		}
		sum, same, err := t.comparePart(ctx, p, content)
		if err != nil {
			return nil, err
		}
		if same {
			uploaded[p.PartNumber] = sum
		}
	}
	return uploaded, nil
}

// comparePart reports whether an uploaded part matches the file. Without a checksum it compares the ETag. That is the
// part's MD5 unless the bucket encrypts with its own key; such parts are sent again.
func (t *transfer) comparePart(ctx context.Context, p client.Part, content section) (sum string, same bool, err error) {
	if t.Checksum != None {
		sum, err = content.checksum(ctx, t.Checksum)
		return sum, sum == p.Checksum, err
	}
	digest, err := content.sum(ctx, md5.New())
	return "", strings.Trim(p.ETag, `"`) == hex.EncodeToString(digest), err
}
