package upload

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Memory is a folder that remembers what was uploaded to one service, so that a second run goes on where the first was cut off. It
// holds a small file for each upload in parts that is under way, and one list of those that are done. Nothing in it is secret.
type Memory struct {
	folder string
	done   map[string]string // import ids by fingerprint
	mu     sync.Mutex        // guards done and the list
	list   *os.File
}

// forgotten is how long an upload is remembered. The service keeps its own jobs for a week, unless it is told otherwise.
const forgotten = 30 * 24 * time.Hour

// OpenMemory opens, or makes, the memory below folder of uploads to server.
func OpenMemory(folder, server string) (*Memory, error) {
	name := sha256.Sum256([]byte(server))
	m := &Memory{folder: filepath.Join(folder, hex.EncodeToString(name[:8])), done: map[string]string{}}
	if err := os.MkdirAll(m.folder, 0o700); err != nil {
		return nil, fmt.Errorf("open the resume state: %w", err)
	}
	m.sweep(time.Now())
	var err error
	if m.list, err = os.OpenFile(filepath.Join(m.folder, "done"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, fmt.Errorf("open the resume state: %w", err)
	}
	for lines := bufio.NewScanner(m.list); lines.Scan(); {
		if fingerprint, id, ok := strings.Cut(lines.Text(), " "); ok {
			m.done[fingerprint] = id
		}
	}
	return m, nil
}

// Close ends the use of m.
func (m *Memory) Close() error { return m.list.Close() }

// sweep removes what is too old to be of use.
func (m *Memory) sweep(now time.Time) {
	entries, err := os.ReadDir(m.folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > forgotten {
			_ = os.Remove(filepath.Join(m.folder, e.Name()))
		}
	}
}

// fingerprint tells a file as it is now from all others, and from what it may be later.
func (s *source) fingerprint() string {
	path, err := filepath.Abs(s.path)
	if err != nil {
		path = s.path
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%s", path, s.size, s.mtime.UnixNano(), s.declared))
	return hex.EncodeToString(sum[:16])
}

// finished returns the import that s was uploaded as, if it was.
func (m *Memory) finished(s *source) (id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done[s.fingerprint()]
}

// finish remembers that s was uploaded as id.
func (m *Memory) finish(s *source, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done[s.fingerprint()] = id
	_, err := fmt.Fprintf(m.list, "%s %s\n", s.fingerprint(), id) // one write, which other processes' do not divide
	return err
}

// slot is where an upload in parts is remembered while it is under way. One process at a time holds it.
type slot struct {
	file string
	lock *flock.Flock
}

// remembered is an upload in parts that was begun.
type remembered struct {
	ID       string    `json:"id"`
	Checksum Algorithm `json:"checksum"`
	Path     string    `json:"path"` // for people who look
}

// hold returns the slot of s: ErrBusy where another process has it.
func (m *Memory) hold(s *source) (*slot, error) {
	file := filepath.Join(m.folder, s.fingerprint())
	lock := flock.New(file + ".lock") // which stays: to remove it while another process opens it would let in two
	held, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("remember the upload: %w", err)
	case !held:
		return nil, ErrBusy
	}
	return &slot{file + ".json", lock}, nil
}

func (s *slot) release() { _ = s.lock.Close() }

// read returns what is remembered, or nothing.
func (s *slot) read() (r remembered) {
	if text, err := os.ReadFile(s.file); err != nil || json.Unmarshal(text, &r) != nil {
		return remembered{}
	}
	return r
}

// write replaces what is remembered, wholly or not at all.
func (s *slot) write(r remembered) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file+".new", text, 0o600); err != nil {
		return fmt.Errorf("remember the upload: %w", err)
	}
	return os.Rename(s.file+".new", s.file)
}

func (s *slot) forget() error {
	err := os.Remove(s.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
