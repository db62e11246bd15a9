package main

import (
	"errors"
	"os"
	"path/filepath"

	engine "github.com/signpost-s3/signpost/internal/upload"
)

// item is something to upload.
type item struct {
	path   string
	size   int64 // bytes; -1 where nobody knows
	stream bool  // can be read once only
}

// items are all there is to upload. What cannot be looked at is a failure of its own, and the rest goes on.
func (u uploadCmd) findItems() (items []item, failed []*engine.Error) {
	seen := map[string]bool{}
	add := func(i item) {
		place, err := filepath.Abs(i.path)
		if err != nil {
			place = i.path
		}
		if !seen[place] {
			items = append(items, i)
		}
		seen[place] = true
	}
	for _, path := range u.Paths {
		if path == "-" {
			add(item{path, -1, true})
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			failed = append(failed, openError(path, err))
		case info.IsDir() && !u.Recursive:
			failed = append(failed, openError(path, errors.New("it is a folder: add --recursive to upload the files in it")))
		case info.IsDir():
			failed = append(failed, walk(path, add)...)
		case info.Mode()&os.ModeNamedPipe != 0:
			add(item{path, -1, true})
		default:
			add(item{path, info.Size(), false})
		}
	}
	return items, failed
}

// walk adds the regular files below root.
func walk(root string, add func(item)) (failed []*engine.Error) {
	root += string(filepath.Separator) // otherwise a link that was named would not be followed
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.Type().IsRegular() {
			return nil
		}
		var info os.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		if err != nil {
			failed = append(failed, openError(filepath.Clean(path), err))
			return nil // a folder that cannot be read is left by itself
		}
		add(item{path, info.Size(), false})
		return nil
	})
	return failed
}

func openError(path string, err error) *engine.Error {
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &engine.Error{File: path, Step: "open", Err: err}
}
