package upload

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// source is an open file with its state when the upload began. All parts are read through one handle.
type source struct {
	file  *os.File
	path  string
	size  int64
	mtime time.Time
	// attributes is Options.fingerprint: the same bytes with another name or type are another upload.
	attributes string
}

func openSource(path string) (*source, error) {
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
	return &source{file: file, path: path, size: info.Size(), mtime: info.ModTime()}, nil
}

func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder (upload its files with --recursive)"
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

// section returns a reader of length bytes from offset. It returns ErrChanged if there are fewer.
func (s *source) section(offset, length int64) io.Reader {
	return &exactReader{io.NewSectionReader(s.file, offset, length), length}
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

// exactReader returns ErrChanged if there are fewer bytes than expected.
type exactReader struct {
	from io.Reader
	left int64
}

func (w *exactReader) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	w.left -= int64(n)
	if errors.Is(err, io.EOF) && w.left > 0 {
		return n, ErrChanged
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, withoutPath(err)
	}
	return n, err
}
