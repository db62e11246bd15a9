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
// upload in progress, and one list of completed uploads. It holds no secrets.
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

// fingerprint identifies a file, its current state and its options.
func (s *source) fingerprint() string {
	path, err := filepath.Abs(s.path)
	if err != nil {
		path = s.path
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%s", path, s.size, s.mtime.UnixNano(), s.attributes))
	return hex.EncodeToString(sum[:16])
}

// completedID returns the import that s was uploaded as, or "".
func (r *ResumeStore) completedID(s *source) (id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.completed[s.fingerprint()]
}

// recordCompleted records that s was uploaded as id.
func (r *ResumeStore) recordCompleted(s *source, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.completed[s.fingerprint()] = id
	_, err := fmt.Fprintf(r.list, "%s %s\n", s.fingerprint(), id) // one write, so that lines of other processes stay whole
	return err
}

// resumeEntry is the file with the resume state of a multipart upload in progress. One process at a time holds its
// lock.
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

// lockEntry returns the entry of s, or ErrBusy if another process holds it.
func (r *ResumeStore) lockEntry(s *source) (*resumeEntry, error) {
	file := filepath.Join(r.dir, s.fingerprint())
	lock := flock.New(file + ".lock") // never removed: another process could have opened it already
	held, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock resume state: %w", err)
	case !held:
		return nil, ErrBusy
	}
	return &resumeEntry{file + ".json", lock}, nil
}

func (e *resumeEntry) unlock() { _ = e.lock.Close() }

// read returns the state, or an empty one if there is none.
func (e *resumeEntry) read() (state resumeState) {
	if text, err := os.ReadFile(e.file); err != nil || json.Unmarshal(text, &state) != nil {
		return resumeState{}
	}
	return state
}

// write replaces the state atomically.
func (e *resumeEntry) write(state resumeState) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := os.WriteFile(e.file+".new", text, 0o600); err != nil {
		return fmt.Errorf("write resume state: %w", err)
	}
	return os.Rename(e.file+".new", e.file)
}

// remove removes the state of a finished upload. If that fails, the next run finds that the import is no longer open.
func (e *resumeEntry) remove() {
	if e != nil {
		_ = os.Remove(e.file)
	}
}
