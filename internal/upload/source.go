package upload

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// source is a file as it was when its upload began. All parts are read through one handle.
type source struct {
	file  *os.File
	path  string
	size  int64
	mtime time.Time
	// declared is what is said of it besides. The same bytes under another name or type are another upload.
	declared string
}

func openSource(path string) (*source, error) {
	info, err := os.Stat(path) // first: to open a pipe that nobody writes to takes for ever
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("is %s, not a file", kindOf(info.Mode()))
	}
	if err != nil {
		return nil, plainPath(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, plainPath(err)
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
	return "something else"
}

// plainPath is err without the path, which all messages begin with.
func plainPath(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// section reads length bytes from offset on. That there are fewer is ErrChanged.
func (s *source) section(offset, length int64) io.Reader {
	return &exactly{io.NewSectionReader(s.file, offset, length), length}
}

// unchanged reports ErrChanged where the file is not what it was.
func (s *source) unchanged() error {
	info, err := s.file.Stat()
	if err != nil {
		return plainPath(err)
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.mtime) {
		return ErrChanged
	}
	return nil
}

// exactly is a reader of exactly so many bytes.
type exactly struct {
	from io.Reader
	left int64
}

func (w *exactly) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	w.left -= int64(n)
	if errors.Is(err, io.EOF) && w.left > 0 {
		return n, ErrChanged
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, plainPath(err)
	}
	return n, err
}
