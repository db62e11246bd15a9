package upload

import "path/filepath"

// Plan is what File would do, as far as is known without asking anybody.
type Plan struct {
	Size            int64
	Parts, PartSize int64  // 0: in one request
	Begun           string // the import to go on with, if there is one
	Done            string // what it was uploaded as before, if it was: it is skipped
}

// Plan tells what File would do.
func (u *Uploader) Plan(path string, d Declaration) (Plan, error) {
	s, err := openSource(path)
	if err != nil {
		return Plan{}, err
	}
	defer s.file.Close()
	s.declared = d.said()
	t := &transfer{Uploader: u, name: path, Declaration: d}
	p := Plan{Size: s.size, Begun: d.ID}
	remembers := u.Memory != nil && d.ID == ""
	if remembers && !d.Again {
		p.Done = u.Memory.finished(s)
	}
	if p.Done != "" || d.ID == "" && t.fitsOne(s.size) {
		return p, nil
	}
	if remembers {
		slot := slot{file: filepath.Join(u.Memory.folder, s.fingerprint()) + ".json"} // not held: nothing is written
		if r := slot.read(); r.Checksum == d.Checksum {
			p.Begun = r.ID
		}
	}
	if p.PartSize = d.PartSize; p.PartSize == 0 { // what the service says it chooses
		p.PartSize = max(16<<20, (s.size+maxParts<<20-1)/(maxParts<<20)<<20)
	}
	p.Parts = (s.size + p.PartSize - 1) / p.PartSize
	return p, nil
}
