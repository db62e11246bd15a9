package download

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/signpost-s3/signpost/internal/upload"
)

// errBusy reports that another process has the temporary file.
var errBusy = errors.New("another process is downloading to this file: wait for it, or stop it")

// part is the temporary file of a download. It holds the bytes of the object, and after them the state that resumes it:
// the version and the kept ranges in JSON. The state is cut off when the object is complete. One process at a time
// holds the lock.
type part struct {
	version
	file *os.File
	lock *flock.Flock // nil if the download is not resumed
	// ranges are the bytes that the file has of each range.
	ranges []keptRange
	// stays is set if the file is not removed at the end: another run can continue with it, or it has its final name.
	stays bool

	mu  sync.Mutex
	end int64 // of the state
}

// version identifies the content of a temporary file.
type version struct {
	ID        string           `json:"id"`
	ETag      string           `json:"etag"`
	Size      int64            `json:"size"`
	RangeSize int64            `json:"range_size"`
	Checksum  upload.Algorithm `json:"checksum"` // of ranges
}

// keptRange is what the file has of a range: bytes from its start, and their checksum.
type keptRange struct {
	Range int    `json:"range"`
	Size  int64  `json:"size"`
	Sum   string `json:"sum"`
}

// openPart opens the temporary file of an earlier run beside path, or creates one. A file that another run cannot
// resume gets a random name.
func (t *transfer) openPart(path string, mode fs.FileMode) (*part, error) {
	folder, target := filepath.Dir(path), sha256.Sum256([]byte(filepath.Base(path)))
	p := &part{}
	if t.isRanged() {
		p.version = version{ID: t.ID, Size: *t.Size, RangeSize: rangeSize, Checksum: t.rangeChecksum()}
		p.ranges = make([]keptRange, (*t.Size+rangeSize-1)/rangeSize)
	}
	name := filepath.Join(folder, fmt.Sprintf(".signpost-%s-%x.part", t.ID, target[:4]))
	for range 3 { // another process may rename or remove the file
		if !canResume || !t.isRanged() {
			break
		}
		if opened, err := p.open(name, mode); opened || err != nil {
			return p, err
		}
		p.close()
	}
	p.lock = nil
	var err error
	name = filepath.Join(folder, ".signpost-"+rand.Text()+".part")
	p.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return p, err
}

// open opens or creates the file at name and locks it. It removes a file of another user, and one without a state,
// which may be a hard link to a completed download.
func (p *part) open(name string, mode fs.FileMode) (opened bool, err error) {
	flag := os.O_RDWR
	info, err := os.Lstat(name)
	created := errors.Is(err, fs.ErrNotExist)
	switch {
	case created:
		flag |= os.O_CREATE | os.O_EXCL
	case err != nil:
		return false, err
	default:
		if err := checkOwner(info, filepath.Dir(name)); err != nil {
			return false, err
		}
		if !info.Mode().IsRegular() || !isOwn(info) {
			return false, os.Remove(name)
		}
	}
	p.file, err = os.OpenFile(name, flag, mode)
	if created && errors.Is(err, fs.ErrExist) || !created && errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p.lock = flock.New(name, flock.SetFlag(os.O_RDWR))
	locked, err := p.lock.TryLock()
	if err != nil {
		return false, nil
	}
	if !locked {
		return false, errBusy
	}
	own, err := p.file.Stat()
	if err != nil {
		return false, err
	}
	if now, err := os.Lstat(name); err != nil || !os.SameFile(now, own) {
		return false, nil
	}
	if created {
		return true, nil
	}
	if p.stays = p.readState(); !p.stays {
		return false, os.Remove(name)
	}
	return true, p.file.Chmod(own.Mode() & mode)
}

// readState reports whether the file has a state of this object, and reads it.
func (p *part) readState() bool {
	var found version
	state := json.NewDecoder(io.NewSectionReader(p.file, p.Size, math.MaxInt64-p.Size))
	err := state.Decode(&found)
	p.ETag = found.ETag
	if err != nil || found != p.version {
		return false
	}
	for {
		p.end = p.Size + state.InputOffset()
		var kept keptRange
		if state.Decode(&kept) != nil || kept.Range < 0 || kept.Range >= len(p.ranges) { // the last write was incomplete
			return true
		}
		if kept.Size > 0 && kept.Size <= min(rangeSize, p.Size-int64(kept.Range)*rangeSize) {
			p.ranges[kept.Range] = kept
		}
	}
}

// begin returns how many bytes the file has of the version with this ETag. It discards those of another version.
func (p *part) begin(etag string) (kept int64, err error) {
	if p.lock == nil {
		return 0, nil
	}
	if p.ETag == etag {
		for _, r := range p.ranges {
			kept += r.Size
		}
		return kept, nil
	}
	clear(p.ranges)
	p.ETag, p.end = etag, p.Size
	if err := p.file.Truncate(p.Size); err != nil {
		return 0, err
	}
	err = p.write(p.version)
	p.stays = err == nil
	return 0, err
}

// keep records what the file has of a range.
func (p *part) keep(r keptRange) error {
	if p.lock == nil {
		return nil
	}
	return p.write(r)
}

// write appends a value to the state.
func (p *part) write(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.file.WriteAt(append(text, '\n'), p.end)
	p.end += int64(n)
	return err
}

// close closes the file, and ends its lock.
func (p *part) close() {
	_ = p.file.Close()
	if p.lock != nil {
		_ = p.lock.Close()
	}
}
