package localstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
)

// maxInline is the maximum length of a value in an extended attribute, in bytes. Ext4 has room for about 4,000 bytes
// of names and values in total. An object has up to nine attributes that clients choose, and six short ones.
const maxInline = 320

// sideMark is the first byte of an extended attribute whose value is in a side file; the value's SHA-256 follows, in
// hex. Neither headers nor JSON contain NUL, so no client's value begins with it.
const sideMark = "\x00side:"

// attributes stores an object's ETag, checksums and headers in extended attributes, and values longer than maxInline
// in side files. versitygw keeps the offsets of all parts in one attribute, which exceeds ext4's limit from about 700
// parts on (https://github.com/versity/versitygw/issues/2424).
//
// The name of a side file contains the SHA-256 of its value, and the extended attribute refers to it. So an object
// that replaces another has its own side files, and a kill between two writes does not mix their states. Side files
// without a reference are removed at the end of the request that caused them, or by the next start.
type attributes struct {
	meta.XattrMeta
	dir  string // of side
	side meta.SideCar

	mu     sync.Mutex     // serializes writes and removals of side files: meta.SideCar removes folders that become empty
	writes map[string]int // number of requests that write an object, by its path
}

func openAttributes(dir string) (*attributes, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	side, err := meta.NewSideCar(dir)
	return &attributes{dir: dir, side: side, writes: map[string]int{}}, err
}

func sideName(attribute, sum string) string { return attribute + "." + sum }

// StoreAttribute stores value. If f is not nil, the object is not at its path yet: call hold before.
func (a *attributes) StoreAttribute(f *os.File, bucket, object, attribute string, value []byte) error {
	if len(value) <= maxInline {
		return a.XattrMeta.StoreAttribute(f, bucket, object, attribute, value)
	}
	defer a.hold(bucket, object)()
	digest := sha256.Sum256(value)
	sum := hex.EncodeToString(digest[:])
	if err := a.storeSide(bucket, object, sideName(attribute, sum), value); err != nil {
		return err
	}
	return a.XattrMeta.StoreAttribute(f, bucket, object, attribute, []byte(sideMark+sum))
}

func (a *attributes) storeSide(bucket, object, name string, value []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.side.StoreAttribute(nil, bucket, object, name, value)
}

// RetrieveAttribute returns a value. It retries if the object is replaced between reading the attribute and its side
// file.
func (a *attributes) RetrieveAttribute(f *os.File, bucket, object, attribute string) ([]byte, error) {
	var before []byte
	for {
		value, err := a.XattrMeta.RetrieveAttribute(f, bucket, object, attribute)
		sum, elsewhere := strings.CutPrefix(string(value), sideMark)
		if err != nil || !elsewhere {
			return value, err
		}
		content, err := a.side.RetrieveAttribute(nil, bucket, object, sideName(attribute, sum))
		if err == nil || !errors.Is(err, meta.ErrNoSuchKey) {
			return content, err
		}
		if bytes.Equal(value, before) {
			return nil, fmt.Errorf("attribute %s of %s/%s: its file in %s is missing", attribute, bucket, object, a.dir)
		}
		before = value
	}
}

// DeleteAttribute removes an attribute and its side file.
func (a *attributes) DeleteAttribute(bucket, object, attribute string) error {
	defer a.hold(bucket, object)()
	return a.XattrMeta.DeleteAttribute(bucket, object, attribute)
}

// DeleteAttributes removes the side files of a removed object, or of a whole bucket if object is empty.
func (a *attributes) DeleteAttributes(bucket, object string) error {
	if object != "" {
		a.hold(bucket, object)()
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.side.DeleteAttributes(bucket, "")
}

// RenameObject moves the side files of a renamed object.
func (a *attributes) RenameObject(bucket, from, to string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := os.Stat(filepath.Join(a.dir, bucket, from)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return a.side.RenameObject(bucket, from, to)
}

// hold keeps an object's side files until release is called. The last release removes those without a reference.
func (a *attributes) hold(bucket, object string) (release func()) {
	path := filepath.Join(bucket, object)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writes[path]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.writes[path]--; a.writes[path] == 0 {
			delete(a.writes, path)
			a.prune(bucket, object)
		}
	}
}

// prune removes the side files of an object that none of its attributes refers to. The next start removes what prune
// cannot.
func (a *attributes) prune(bucket, object string) {
	names, _ := a.side.ListAttributes(bucket, object)
	for _, name := range names {
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			continue
		}
		value, err := a.XattrMeta.RetrieveAttribute(nil, bucket, object, name[:dot])
		known := err == nil || errors.Is(err, meta.ErrNoSuchKey) ||
			errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
		if known && string(value) != sideMark+name[dot+1:] {
			_ = a.side.DeleteAttribute(bucket, object, name)
		}
	}
}

// pruneAll removes side files that a killed process has left.
func (a *attributes) pruneAll() error {
	return filepath.WalkDir(a.dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // prune removes folders that become empty
			return nil
		case err != nil || !entry.IsDir() || entry.Name() != "meta":
			return err
		}
		owner, err := filepath.Rel(a.dir, filepath.Dir(path))
		if err != nil {
			return err
		}
		bucket, object, _ := strings.Cut(filepath.ToSlash(owner), "/")
		a.prune(bucket, object)
		return nil
	})
}
