package upload

import (
	"path/filepath"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// Plan is what File would do, as far as is known without a request to the service.
type Plan struct {
	Size int64
	// Parts and PartSize are 0 for an upload in one request.
	Parts, PartSize int64
	// ResumeID is the import that would be resumed, or "".
	ResumeID string
	// CompletedID is the import that the file was uploaded as, or "". File would skip it.
	CompletedID string
}

// Plan returns what File would do.
func (u *Uploader) Plan(path string, o Options) (Plan, error) {
	s, err := openSource(path)
	if err != nil {
		return Plan{}, err
	}
	defer s.file.Close()
	s.attributes = o.fingerprint()
	t := &transfer{Uploader: u, name: path, Options: o}
	p := Plan{Size: s.size, ResumeID: o.ID}
	hasState := u.ResumeStore != nil && o.ID == ""
	if hasState && !o.Again {
		p.CompletedID = u.ResumeStore.completedID(s)
	}
	if p.CompletedID != "" || o.ID == "" && t.fitsOne(s.size) {
		return p, nil
	}
	if hasState {
		entry := resumeEntry{file: filepath.Join(u.ResumeStore.dir, s.fingerprint()) + ".json"} // read without the lock
		if state := entry.read(); state.Checksum == o.Checksum {
			p.ResumeID = state.ID
		}
	}
	if p.PartSize = o.PartSize; p.PartSize == 0 { // the service's documented choice
		p.PartSize = max(16<<20, (s.size+s3limits.MaxParts<<20-1)/(s3limits.MaxParts<<20)<<20)
	}
	p.Parts = (s.size + p.PartSize - 1) / p.PartSize
	return p, nil
}
