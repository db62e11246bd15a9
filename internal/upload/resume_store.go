package upload

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
	completed map[string]string // import ids by fingerprint
	mu        sync.Mutex        // guards completed and list
	list      *os.File
}

// resumeTTL is how long resume states are kept. By default the service keeps jobs for a week.
const resumeTTL = 30 * 24 * time.Hour

// OpenResumeStore opens or creates the resume store for server below dir.
func OpenResumeStore(dir, server string) (*ResumeStore, error) {
	name := sha256.Sum256([]byte(server))
	r := &ResumeStore{dir: filepath.Join(dir, hex.EncodeToString(name[:8])), completed: map[string]string{}}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the resume state: %w", err)
	}
	r.removeExpired(time.Now())
	var err error
	r.list, err = os.OpenFile(filepath.Join(r.dir, "done"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the resume state: %w", err)
	}
	for lines := bufio.NewScanner(r.list); lines.Scan(); {
		if fingerprint, id, ok := strings.Cut(lines.Text(), " "); ok {
			r.completed[fingerprint] = id
		}
	}
	return r, nil
}

// Close closes the list of completed uploads.
func (r *ResumeStore) Close() error { return r.list.Close() }

// removeExpired removes files older than resumeTTL.
func (r *ResumeStore) removeExpired(now time.Time) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > resumeTTL {
			_ = os.Remove(filepath.Join(r.dir, e.Name()))
		}
	}
}

// completedID returns the import that s was uploaded as, or "".
func (r *ResumeStore) completedID(s *source) string {
	if r == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.completed[s.fingerprint]
}

// recordCompleted records that s was uploaded as id. If that fails, the next run uploads it again.
func (r *ResumeStore) recordCompleted(s *source, id string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.completed[s.fingerprint] = id
	_, _ = fmt.Fprintf(r.list, "%s %s\n", s.fingerprint, id) // one write, so that lines of other processes stay whole
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
	// Path is for users who inspect the file.
	Path string `json:"path"`
}

// entry returns the entry of s.
func (r *ResumeStore) entry(s *source) *resumeEntry {
	if r == nil {
		return nil
	}
	file := filepath.Join(r.dir, s.fingerprint)
	// The lock's file is never removed: another process could have opened it already.
	return &resumeEntry{file + ".json", flock.New(file + ".lock")}
}

// lockEntry returns the locked entry of s, or ErrBusy if another process holds it. It returns nil if there can be no
// lock, for example in a read-only directory: the upload works, but cannot be resumed.
func (r *ResumeStore) lockEntry(s *source) (*resumeEntry, error) {
	e := r.entry(s)
	if e == nil {
		return nil, nil
	}
	if held, err := e.lock.TryLock(); err != nil {
		return nil, nil
	} else if !held {
		return nil, ErrBusy
	}
	return e, nil
}

func (e *resumeEntry) unlock() {
	if e != nil {
		_ = e.lock.Close()
	}
}

// read returns the import to resume if its checksums have this algorithm, or "".
func (e *resumeEntry) read(a Algorithm) string {
	var state resumeState
	if e == nil {
		return ""
	}
	if text, err := os.ReadFile(e.file); err != nil || json.Unmarshal(text, &state) != nil || state.Checksum != a {
		return ""
	}
	return state.ID
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
