package download

import (
	"cmp"
	"context"
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

// Path returns the file that Save writes for output: a file, device or named pipe, or a folder, which gets a file with
// the import's filename. "" is the current folder.
func (o Object) Path(output string) string {
	own := safeName(o.Filename, o.ID)
	name := cmp.Or(output, own)
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return filepath.Join(name, own)
	}
	return name
}

// Save writes the object to the file, device or named pipe name. It replaces an existing file, or writes to a block
// device, only if force is true. The next run continues an interrupted download to a file.
func (o Object) Save(ctx context.Context, name string, force bool) error {
	info, err := os.Stat(name)
	path, old, unsafe := resolveLinks(name)
	if unsafe != nil {
		return remedy.OpenError(name, unsafe)
	}
	_, missing := os.Lstat(name)
	switch {
	case err == nil && info.Mode()&(fs.ModeCharDevice|fs.ModeNamedPipe) != 0:
		err = o.newTransfer(name).writeSpecial(ctx, path, name)
	case missing == nil && !force:
		return &ExistsError{name}
	case missing != nil && !errors.Is(missing, fs.ErrNotExist):
		return remedy.OpenError(name, missing)
	case err == nil && !info.Mode().IsRegular():
		err = o.newTransfer(name).writeSpecial(ctx, path, name)
	default:
		err = o.newTransfer(name).replace(ctx, path, old, force)
	}
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{name}
	}
	return remedy.Import(o.ID, err)
}

// writeSpecial writes to a device or pipe, which cannot be replaced. path is the target of the links at name. It opens
// name, because a target such as pipe:[7] of /dev/stdout cannot be opened.
func (t *transfer) writeSpecial(ctx context.Context, path, name string) error {
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
	if err := t.copy(ctx, to.file); err != nil {
		return err
	}
	return to.file.Close()
}

// replace writes to a temporary file beside path and renames it when complete. old is the file at path, or nil.
func (t *transfer) replace(ctx context.Context, path string, old fs.FileInfo, force bool) error {
	mode := fs.FileMode(0o666) // before umask
	if old != nil {
		mode = 0o600
	}
	p, err := t.openPart(path, mode)
	if err != nil {
		return remedy.OpenError(path, err)
	}
	defer func() {
		_ = p.file.Close()
		if !p.stays { // removed before the lock ends, because another process may create a file with this name
			_ = os.Remove(p.file.Name())
		}
		p.close()
	}()
	if err := t.fill(ctx, p); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil && !force { // before the state is cut off
		return fs.ErrExist
	}
	p.stays = false
	if p.end > 0 {
		err = p.file.Truncate(p.Size)
	}
	if err == nil && old != nil {
		keepOwner(p.file, old)
		err = p.file.Chmod(old.Mode().Perm())
	}
	if err = errors.Join(err, p.file.Sync(), p.file.Close()); err != nil {
		return err
	}
	if force {
		err = os.Rename(p.file.Name(), path)
		p.stays = err == nil
		return err
	}
	return renameExclusive(p.file.Name(), path)
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
