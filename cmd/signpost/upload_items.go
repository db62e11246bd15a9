package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/progress"
	"github.com/signpost-s3/signpost/internal/remedy"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

// item is a file or stream to upload.
type item struct {
	path   string
	size   int64 // bytes; -1 means unknown
	stream bool  // can be read only once
	stdin  bool  // path is only a name
	// relativePath is the path in a folder argument, with slashes; "" for other arguments.
	relativePath string
}

// findItems returns the items that the arguments name, the entries of folders that are not regular files, and an error
// for each path that cannot be opened. err reports a folder without --recursive.
func (u uploadCmd) findItems() (items []item, ignored []progress.Ignored, failed []*engine.Error, err error) {
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
	walk := folderWalk{follow: u.Follow, add: add}
	for _, path := range u.Paths {
		if path == "-" {
			name := cmp.Or(u.Filename, path) // another path may be that of a file named -
			items = append(items, item{path: name, size: -1, stream: true, stdin: true})
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			failed = append(failed, remedy.OpenError(path, err))
		case info.IsDir() && !u.Recursive:
			return nil, nil, nil, fmt.Errorf("%s is a folder: use --recursive (-r) to upload its files", format.Name(path))
		case info.IsDir():
			walk.root(path, info)
		case info.Mode()&os.ModeNamedPipe != 0:
			add(item{path: path, size: -1, stream: true})
		default:
			add(item{path: path, size: info.Size()})
		}
	}
	return items, walk.ignored, append(failed, walk.failed...), nil
}
