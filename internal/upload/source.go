package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"
)

// source is an open file with its state when the upload began. All parts are read through one handle.
type source struct {
	file  *os.File
	path  string
	size  int64
	mtime time.Time
	identity
	// untrueSize is set if the file does not end at its size. It can only be read as a stream.
	untrueSize bool
	// fingerprint identifies the file, its state and the options that become part of the import: the same bytes with
	// another name or type are another upload. The relative path is not part of it, so that uploads which earlier
	// versions began without one are found; see hasOtherPath.
	fingerprint string
}

func openSource(path string, o Options) (*source, error) {
	info, err := os.Stat(path) // first, because opening a pipe without a writer blocks
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is %s, not a regular file", kindOf(info.Mode()))
	}
	if err != nil {
		return nil, withoutPath(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	info, err = file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	s := &source{file: file, path: path, size: info.Size(), mtime: info.ModTime(), identity: identityOf(info)}
	if s.untrueSize, err = s.probeEnd(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	options := fmt.Sprintf("%q %q %q %t", o.Filename, o.ContentType, o.Metadata, o.WriteOnce) // fmt prints maps sorted
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%s", absolute, s.size, s.mtime.UnixNano(), options))
	s.fingerprint = hex.EncodeToString(sum[:16])
	return s, nil
}

func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&os.ModeNamedPipe != 0:
		return "a pipe"
	case mode&os.ModeSocket != 0:
		return "a socket"
	case mode&os.ModeDevice != 0:
		return "a device"
	}
	return "not readable"
}

// withoutPath removes the path from err, because all messages begin with it.
func withoutPath(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// probeEnd reads the file around its size and reports whether it ends elsewhere, although its size and modification
// time have not changed: files in /proc have 0 bytes, those in /sys 4096, and some FUSE file systems do not know sizes.
func (s *source) probeEnd() (elsewhere bool, err error) {
	n, err := s.file.ReadAt(make([]byte, 2), max(0, s.size-1))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return false, withoutPath(err)
	case int64(n) == min(1, s.size):
		return false, nil
	}
	return true, s.unchanged()
}

// sameContent returns ErrChanged unless the file has the content with this checksum. Its content is compared only if
// its identity changed. The ctime changes without the content by chmod, by a new link, and when the path is removed or
// replaced by rename: then the handle still reads the first file, whole and unchanged, and that is what was sent.
// Without a checksum the reason is unknown, so it is ErrChanged.
func (s *source) sameContent(ctx context.Context, a Algorithm, checksum string) error {
	if err := s.unchanged(); err != nil {
		return err
	}
	info, err := s.file.Stat()
	if err != nil {
		return withoutPath(err)
	}
	if identityOf(info) == s.identity {
		return nil
	}
	sum, err := s.whole().checksum(ctx, a)
	if err == nil && (a == None || sum != checksum) {
		return ErrChanged
	}
	return err
}

// unchanged returns ErrChanged if the size or modification time changed.
func (s *source) unchanged() error {
	info, err := s.file.Stat()
	if err != nil {
		return withoutPath(err)
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.mtime) {
		return ErrChanged
	}
	return nil
}

// whole returns all bytes of the file.
func (s *source) whole() section { return section{s.file, 0, s.size} }

// parts returns the number of parts of partSize bytes. An empty file has one.
func (s *source) parts(partSize int64) int64 { return max(1, (s.size+partSize-1)/partSize) }

// part returns a part of the file, which has parts of partSize bytes.
func (s *source) part(number int32, partSize int64) section {
	offset := int64(number-1) * partSize
	return section{s.file, offset, min(partSize, s.size-offset)}
}

// section is a range of bytes that can be read repeatedly.
type section struct {
	from         io.ReaderAt
	offset, size int64
}

func (s section) open() io.Reader {
	return &exactReader{io.NewSectionReader(s.from, s.offset, s.size), s.size}
}

// Sum returns the hash of all bytes that from has. It ends early when ctx ends.
func Sum(ctx context.Context, from io.Reader, h hash.Hash) ([]byte, error) {
	for ctx.Err() == nil {
		switch _, err := io.CopyN(h, from, 8<<20); {
		case errors.Is(err, io.EOF):
			return h.Sum(nil), nil
		case err != nil:
			return nil, err
		}
	}
	return nil, context.Cause(ctx)
}

// checksum returns the checksum of all bytes, or "" for None.
func (s section) checksum(ctx context.Context, a Algorithm) (string, error) {
	if a == None {
		return "", nil
	}
	sum, err := Sum(ctx, s.open(), a.Hash())
	return EncodeChecksum(sum), err
}

// exactReader returns ErrChanged if there are fewer bytes than expected.
type exactReader struct {
	from io.Reader
	left int64
}

func (r *exactReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.left -= int64(n)
	if errors.Is(err, io.EOF) && r.left > 0 {
		return n, ErrChanged
	}
	return n, withoutPath(err)
}
