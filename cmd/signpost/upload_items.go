package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/signpost-s3/signpost/internal/remedy"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

// item is a file or stream to upload.
type item struct {
	path   string
	size   int64 // bytes; -1 means unknown
	stream bool  // can be read only once
	// relativePath is the path in a folder argument, with slashes; "" for other arguments.
	relativePath string
}

// findItems returns the items that the arguments name, and an error for each path that cannot be opened.
func (u uploadCmd) findItems() (items []item, failed []*engine.Error) {
	seen := map[string]bool{}
	add := func(i item) {
		absolute, err := filepath.Abs(i.path)
		if err != nil {
			absolute = i.path
		}
		if !seen[absolute] {
			items = append(items, i)
		}
		seen[absolute] = true
	}
	for _, path := range u.Paths {
		if path == "-" {
			add(item{path: path, size: -1, stream: true})
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			failed = append(failed, remedy.OpenError(path, err))
		case info.IsDir() && !u.Recursive:
			failed = append(failed, remedy.OpenError(path, errors.New("it is a folder: use --recursive to upload its files")))
		case info.IsDir():
			failed = append(failed, walk(path, add)...)
		case info.Mode()&os.ModeNamedPipe != 0:
			add(item{path: path, size: -1, stream: true})
		default:
			add(item{path: path, size: info.Size()})
		}
	}
	return items, failed
}

// walk adds the regular files below root.
func walk(root string, add func(item)) (failed []*engine.Error) {
	name := folderName(root)
	root += string(filepath.Separator) // so that WalkDir follows root if it is a symbolic link
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.Type().IsRegular() {
			return nil
		}
		var info os.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		var inFolder string
		if err == nil {
			inFolder, err = filepath.Rel(root, path)
		}
		if err != nil {
			failed = append(failed, remedy.OpenError(filepath.Clean(path), err))
			return nil // WalkDir skips a directory that cannot be read
		}
		relativePath := filepath.ToSlash(filepath.Join(name, inFolder))
		add(item{path: path, size: info.Size(), relativePath: relativePath})
		return nil
	})
	return failed
}

// folderName returns the first name of the relative paths below root: the name of root, or as with rsync none if root
// ends with a slash or is "." or "..".
func folderName(root string) string {
	_, name := filepath.Split(root)
	if name == "." || name == ".." {
		return ""
	}
	return name
}
