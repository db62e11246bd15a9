package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signpost-s3/signpost/gen/client"
)

// save writes the object of job to a file, device or named pipe.
func (d downloadCmd) save(i *invocation, job client.Job) error {
	name := d.Output
	if name == "" {
		name = safeName(deref(job.Filename), d.ID)
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		name = filepath.Join(name, safeName(deref(job.Filename), d.ID))
		info, err = os.Stat(name)
	}
	path, old, unsafe := resolveLinks(name)
	if unsafe != nil {
		return openError(name, unsafe)
	}
	write := func(w io.Writer) error { return downloadObject(i.ctx, job, w) }
	_, missing := os.Lstat(name)
	switch {
	case err == nil && info.Mode()&(fs.ModeCharDevice|fs.ModeNamedPipe) != 0:
		err = writeSpecial(i.ctx, path, name, write)
	case missing == nil && !d.Force:
		return existsError(name)
	case missing != nil && !errors.Is(missing, fs.ErrNotExist):
		return openError(name, missing)
	case err == nil && !info.Mode().IsRegular():
		err = writeSpecial(i.ctx, path, name, write)
	default:
		err = d.replace(path, old, write)
	}
	if errors.Is(err, fs.ErrExist) {
		return existsError(name)
	}
	if err != nil {
		return importError(d.ID, err)
	}
	_, err = fmt.Fprintf(i.stdout, "downloaded %s as %s (%s)\n", d.ID, displayName(name), formatBytes(deref(job.Size)))
	return err
}

func existsError(name string) error {
	return usageError{fmt.Errorf("%s exists: use --force to replace it, or -o for another name", displayName(name))}
}

// writeSpecial writes to a device or pipe, which cannot be replaced. path is the target of the links at name. It opens
// name, because a target such as pipe:[7] of /dev/stdout cannot be opened.
func writeSpecial(ctx context.Context, path, name string, write func(io.Writer) error) error {
	type opening struct {
		file *os.File
		err  error
	}
	opened := make(chan opening, 1)
	go func() { // opening a named pipe waits for a reader
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		opened <- opening{f, err}
	}()
	var o opening
	select {
	case o = <-opened:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if o.err != nil {
		return o.err
	}
	defer o.file.Close()
	info, err := o.file.Stat()
	switch {
	case err != nil:
		return err
	case info.Mode().IsRegular():
		return fmt.Errorf("%s became a regular file during the download", name)
	}
	if err := checkOwner(info, filepath.Dir(path)); err != nil {
		return openError(name, err)
	}
	defer context.AfterFunc(ctx, func() { o.file.Close() })() // ends a blocked write
	if err := write(o.file); err != nil {
		return err
	}
	return o.file.Close()
}

// replace writes to a temporary file beside path and renames it when complete. old is the file at path, or nil.
func (d downloadCmd) replace(path string, old fs.FileInfo, write func(io.Writer) error) error {
	mode := fs.FileMode(0o666) // before umask
	if old != nil {
		mode = 0o600
	}
	part := filepath.Join(filepath.Dir(path), ".signpost-"+rand.Text()+".part")
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return openError(path, err)
	}
	defer os.Remove(f.Name()) // fails after the rename
	if old != nil {
		keepOwner(f, old)
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		err = write(f)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if d.Force {
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
