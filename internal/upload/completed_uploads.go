package upload

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// completedUpload is a line of the list of completed uploads.
type completedUpload struct {
	Fingerprint string `json:"fingerprint"`
	ID          string `json:"id"`
	identity
	// Used is when the file was uploaded or last skipped.
	Used time.Time `json:"used"`
}

const (
	// renewAfter is how old Used may be before a skip renews it, so that daily runs keep their entries, and runs within a
	// day do not make the list longer.
	renewAfter = 24 * time.Hour
	// listLockTimeout is how long a line waits for another process that compacts the list, which takes milliseconds.
	listLockTimeout = 5 * time.Second
)

func (r *ResumeStore) listFile() string { return filepath.Join(r.dir, "done") }

// listLock is held exclusively to replace the list, and shared to append to it: a line that is appended to a replaced
// file would be lost.
func (r *ResumeStore) listLock() *flock.Flock { return flock.New(r.listFile() + ".lock") }

// readCompleted reads the list of completed uploads, and replaces it if it has lines without use: of uploads that were
// not used for resumeTTL, or of files that have another line. While other processes append, a later run replaces it.
func (r *ResumeStore) readCompleted(now time.Time) error {
	lock := r.listLock()
	locked, _ := lock.TryLock()
	defer lock.Close()
	list, err := os.OpenFile(r.listFile(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) // an error now, not after uploads
	if err != nil {
		return err
	}
	defer list.Close()
	current := 0 // lines that stay as they are
	scanner := bufio.NewScanner(list)
	scanner.Buffer(nil, math.MaxInt) // a power failure may leave a long line
	lines := 0
	for ; scanner.Scan(); lines++ {
		u, ok := parseCompleted(scanner.Bytes())
		if !ok {
			continue
		}
		current++
		if u.Used.IsZero() { // of an earlier version
			u.Used = now
			current--
		}
		r.completed[u.Fingerprint] = u
	}
	for fingerprint, u := range r.completed {
		if now.Sub(u.Used) > resumeTTL {
			delete(r.completed, fingerprint)
		}
	}
	if err := scanner.Err(); err != nil || !locked || lines == current && current == len(r.completed) {
		return err
	}
	r.replaceList()
	return nil
}

// parseCompleted parses a line. Earlier versions wrote a fingerprint and an id, separated by a space.
func parseCompleted(line []byte) (u completedUpload, ok bool) {
	if fingerprint, id, old := strings.Cut(string(line), " "); old && !bytes.HasPrefix(line, []byte("{")) {
		return completedUpload{Fingerprint: fingerprint, ID: id}, true
	}
	return u, json.Unmarshal(line, &u) == nil && u.Fingerprint != ""
}

// replaceList writes all completed uploads. If that fails, the list stays as it is.
func (r *ResumeStore) replaceList() {
	var text bytes.Buffer
	for _, u := range r.completed {
		text.Write(u.line())
	}
	if os.WriteFile(r.listFile()+".new", text.Bytes(), 0o600) == nil {
		_ = os.Rename(r.listFile()+".new", r.listFile())
	}
}

// line returns u as a line without spaces, which earlier versions ignore.
func (u completedUpload) line() []byte {
	text, _ := json.Marshal(u) // strings, numbers and times of this century never fail
	return append(text, '\n')
}

// completedUpload returns the entry of s, or a zero one.
func (r *ResumeStore) completedUpload(s *source) completedUpload {
	if r == nil {
		return completedUpload{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.completed[s.fingerprint]
}

// recordCompleted records that s was uploaded as id, or was found uploaded. If that fails, the next run uploads it
// again. s is nil for a stream.
func (r *ResumeStore) recordCompleted(s *source, id string) {
	if r == nil || s == nil {
		return
	}
	u := completedUpload{s.fingerprint, id, s.identity, time.Now().UTC().Truncate(time.Second)}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.completed[u.Fingerprint]
	if last.ID == u.ID && last.identity == u.identity && u.Used.Sub(last.Used) < renewAfter {
		return
	}
	r.completed[u.Fingerprint] = u
	r.appendToList(u.line())
}

// appendToList appends a line by one write, so that lines of other processes stay whole.
func (r *ResumeStore) appendToList(line []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), listLockTimeout)
	defer cancel()
	lock := r.listLock()
	if locked, _ := lock.TryRLockContext(ctx, 10*time.Millisecond); !locked {
		return
	}
	defer lock.Close()
	list, err := os.OpenFile(r.listFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	_, _ = list.Write(line)
	_ = list.Close()
}
