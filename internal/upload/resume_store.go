package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ResumeStore is a directory with the resume states of uploads to one service. It holds a small file for each multipart
// upload in progress, and one list of completed uploads. It holds no secrets. A nil store is always empty.
type ResumeStore struct {
	dir       string
	mu        sync.Mutex                 // guards completed
	completed map[string]completedUpload // by fingerprint
}

// resumeTTL is how long resume states are kept, and completed uploads that no run skips. It is longer than the service
// keeps open uploads by default (a week), and than the month between two runs of a monthly job.
const resumeTTL = 35 * 24 * time.Hour

// OpenResumeStore opens or creates the resume store for server below dir.
func OpenResumeStore(dir, server string) (*ResumeStore, error) {
	name := sha256.Sum256([]byte(server))
	r := &ResumeStore{dir: filepath.Join(dir, hex.EncodeToString(name[:8])), completed: map[string]completedUpload{}}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the resume state: %w", err)
	}
	now := time.Now()
	r.removeExpired(now)
	if err := r.readCompleted(now); err != nil {
		return nil, fmt.Errorf("open the resume state: %w", err)
	}
	return r, nil
}

// removeExpired removes the resume states older than resumeTTL, and lock files that no process holds, of uploads
// without a state. The list of completed uploads and its lock stay.
func (r *ResumeStore) removeExpired(now time.Time) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return
	}
	expired := func(info fs.FileInfo, err error) bool { return err == nil && now.Sub(info.ModTime()) > resumeTTL }
	for _, f := range entries {
		fingerprint, _, ok := strings.Cut(f.Name(), ".")
		if !ok || fingerprint == filepath.Base(r.listFile()) || !expired(f.Info()) {
			continue
		}
		e := r.entryOf(fingerprint)
		if held, err := e.tryLock(); err != nil || !held {
			continue
		}
		for _, path := range []string{e.file, e.file + ".new"} {
			if expired(os.Stat(path)) {
				_ = os.Remove(path)
			}
		}
		e.unlock()
	}
}

// resumeEntry is the file with the resume state of a multipart upload in progress. One process at a time holds its
// lock. A nil entry is always empty.
type resumeEntry struct {
	file string
	lock *flock.Flock
}

// resumeState is a multipart upload in progress.
type resumeState struct {
	ID       string    `json:"id"`
	Checksum Algorithm `json:"checksum"`
	identity
	// Path is for users who inspect the file.
	Path string `json:"path"`
}

// entry returns the entry of s.
func (r *ResumeStore) entry(s *source) *resumeEntry {
	if r == nil {
		return nil
	}
	return r.entryOf(s.fingerprint)
}

func (r *ResumeStore) entryOf(fingerprint string) *resumeEntry {
	file := filepath.Join(r.dir, fingerprint)
	return &resumeEntry{file + ".json", flock.New(file + ".lock")}
}

// lockEntry returns the locked entry of s, or ErrBusy if another process holds it. It returns nil if there can be no
// lock, for example in a read-only directory: the upload works, but cannot be resumed.
func (r *ResumeStore) lockEntry(s *source) (*resumeEntry, error) {
	e := r.entry(s)
	if e == nil {
		return nil, nil
	}
	if held, err := e.tryLock(); err != nil {
		return nil, nil
	} else if !held {
		return nil, ErrBusy
	}
	return e, nil
}

// tryLock locks e unless another process holds it. The holder of a lock may remove its file: a process that opened the
// file before has then locked a file that others do not find, and tries again.
func (e *resumeEntry) tryLock() (held bool, err error) {
	for range 10 {
		held, err := e.lock.TryLock()
		if err != nil || !held {
			return false, err
		}
		locked, errLocked := e.lock.Stat()
		found, errFound := os.Stat(e.lock.Path())
		if errLocked == nil && errFound == nil && os.SameFile(locked, found) {
			return true, nil
		}
		_ = e.lock.Close()
	}
	return false, errors.New("the lock file does not stay the same")
}

// unlock unlocks e. It removes the file of the lock if there is no state to resume, so that these files do not
// accumulate.
func (e *resumeEntry) unlock() {
	if e == nil {
		return
	}
	if _, err := os.Stat(e.file); errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(e.lock.Path())
	}
	_ = e.lock.Close()
}

// read returns the state if its checksums have this algorithm, or a zero one.
func (e *resumeEntry) read(a Algorithm) (state resumeState) {
	if e == nil {
		return resumeState{}
	}
	if text, err := os.ReadFile(e.file); err != nil || json.Unmarshal(text, &state) != nil || state.Checksum != a {
		return resumeState{}
	}
	return state
}

// write replaces the state atomically. If that fails, the next run creates a new import.
func (e *resumeEntry) write(state resumeState) {
	if e == nil {
		return
	}
	text, err := json.Marshal(state)
	if err == nil {
		err = os.WriteFile(e.file+".new", text, 0o600)
	}
	if err == nil {
		_ = os.Rename(e.file+".new", e.file)
	}
}

// remove removes the state of a finished upload. If that fails, the next run finds that the import is no longer open.
func (e *resumeEntry) remove() {
	if e != nil {
		_ = os.Remove(e.file)
	}
}
