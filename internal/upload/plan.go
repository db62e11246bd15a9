package upload

import "github.com/signpost-s3/signpost/internal/s3limits"

// Plan is what File would do, as far as is known without a request to the service.
type Plan struct {
	Size int64
	// Parts and PartSize are 0 for an upload in one request.
	Parts, PartSize int64
	// ResumeID is the import that would be resumed, or "".
	ResumeID string
	// CompletedID is the import that the file was uploaded as, or "". File would skip it.
	CompletedID string
	// CompareID is the import with which File would compare the content of the file, or "". It would skip an equal file.
	CompareID string
}

// Plan returns what File would do.
func (u *Uploader) Plan(path string, o Options) (Plan, error) {
	s, err := openSource(path, o)
	if err != nil {
		return Plan{}, err
	}
	defer s.file.Close()
	if s.untrueSize {
		return Plan{Size: -1}, nil
	}
	p := Plan{Size: s.size, ResumeID: o.ID}
	if o.ID == "" {
		if earlier := u.ResumeStore.completedUpload(s); !o.Again && earlier.identity == s.identity {
			p.CompletedID = earlier.ID
		} else if !o.Again {
			p.CompareID = earlier.ID
		}
		if p.CompletedID != "" || o.fitsOne(s.size) {
			return p, nil
		}
		p.ResumeID = u.ResumeStore.entry(s).read(o.Checksum).ID // without the lock
	}
	const mib = 1 << 20
	if p.PartSize = o.partSize(s.size); p.PartSize == 0 { // the service's documented choice
		p.PartSize = max(16*mib, (s.size+s3limits.MaxParts*mib-1)/(s3limits.MaxParts*mib)*mib)
	}
	p.Parts = (s.size + p.PartSize - 1) / p.PartSize
	return p, nil
}
