package download

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/remedy"
)

// ExistsError reports that a file exists, and may not be replaced.
type ExistsError struct{ Name string }

func (e *ExistsError) Error() string {
	return format.Name(e.Name) + " exists: use --force to replace it, or -o for another name"
}

// Save writes the object to the file, folder, device or named pipe output, by default a file in the current folder, and
// returns the file's name. It replaces an existing file, or writes to a block device, only if force is true.
func (o Object) Save(ctx context.Context, output string, force bool) (name string, err error) {
	if name = output; name == "" {
		name = safeName(o.Filename, o.ID)
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		name = filepath.Join(name, safeName(o.Filename, o.ID))
		info, err = os.Stat(name)
	}
	path, old, unsafe := resolveLinks(name)
	if unsafe != nil {
		return "", remedy.OpenError(name, unsafe)
	}
	_, missing := os.Lstat(name)
	switch {
	case err == nil && info.Mode()&(fs.ModeCharDevice|fs.ModeNamedPipe) != 0:
		err = o.writeSpecial(ctx, path, name)
	case missing == nil && !force:
		return "", &ExistsError{name}
	case missing != nil && !errors.Is(missing, fs.ErrNotExist):
		return "", remedy.OpenError(name, missing)
	case err == nil && !info.Mode().IsRegular():
		err = o.writeSpecial(ctx, path, name)
	default:
		err = o.replace(ctx, path, old, force)
	}
	if errors.Is(err, fs.ErrExist) {
		return "", &ExistsError{name}
	}
	return name, remedy.Import(o.ID, err)
}

// writeSpecial writes to a device or pipe, which cannot be replaced. path is the target of the links at name. It opens
// name, because a target such as pipe:[7] of /dev/stdout cannot be opened.
func (o Object) writeSpecial(ctx context.Context, path, name string) error {
	type opening struct {
		file *os.File
		err  error
	}
	opened := make(chan opening, 1)
	go func() { // opening a named pipe waits for a reader
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		opened <- opening{f, err}
	}()
	var to opening
	select {
	case to = <-opened:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if to.err != nil {
		return to.err
	}
	defer to.file.Close()
	info, err := to.file.Stat()
	switch {
	case err != nil:
		return err
	case info.Mode().IsRegular():
		return fmt.Errorf("%s became a regular file during the download", name)
	}
	if err := checkOwner(info, filepath.Dir(path)); err != nil {
		return remedy.OpenError(name, err)
	}
	defer context.AfterFunc(ctx, func() { to.file.Close() })() // ends a blocked write
	if err := o.Copy(ctx, to.file); err != nil {
		return err
	}
	return to.file.Close()
}

// replace writes to a temporary file beside path and renames it when complete. old is the file at path, or nil.
func (o Object) replace(ctx context.Context, path string, old fs.FileInfo, force bool) error {
	mode := fs.FileMode(0o666) // before umask
	if old != nil {
		mode = 0o600
	}
	part := filepath.Join(filepath.Dir(path), ".signpost-"+rand.Text()+".part")
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return remedy.OpenError(path, err)
	}
	defer os.Remove(f.Name()) // fails after the rename
	if old != nil {
		keepOwner(f, old)
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		err = o.Copy(ctx, f)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if force {
		return os.Rename(f.Name(), path)
	}
	return renameExclusive(f.Name(), path)
}

// renameExclusive renames file to path. The error is fs.ErrExist if path exists.
func renameExclusive(file, path string) error {
	err := os.Link(file, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// File systems such as FAT and exFAT have no hard links. An empty file reserves the name.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Rename(file, path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// maxLinks bounds a chain of symbolic links, as Linux does.
const maxLinks = 40

// resolveLinks returns the target of the symbolic links at name, and its file or nil if it does not exist. It rejects
// links and files that another user may have created to misdirect the download.
func resolveLinks(name string) (path string, file fs.FileInfo, err error) {
	for range maxLinks {
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return name, nil, nil
		}
		if err == nil {
			err = checkOwner(info, filepath.Dir(name))
		}
		if err != nil {
			return "", nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return name, info, nil
		}
		target, err := os.Readlink(name)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(target) {
			folder, err := filepath.EvalSymlinks(filepath.Dir(name))
			if err != nil {
				return "", nil, err
			}
			target = filepath.Join(folder, target)
		}
		name = target
	}
	return "", nil, errors.New("too many symbolic links")
}
