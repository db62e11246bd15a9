package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/signpost-s3/signpost/internal/progress"
	"github.com/signpost-s3/signpost/internal/remedy"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

// folderWalk finds the regular files below folders.
type folderWalk struct {
	// follow makes it follow symbolic links, as rsync and rclone do with --copy-links.
	follow  bool
	add     func(item)
	ignored []progress.Ignored
	failed  []*engine.Error
}

// root adds the files below a folder argument, which may be a symbolic link.
func (w *folderWalk) root(root string, info os.FileInfo) {
	w.folder(filepath.Clean(root), folderName(root), []os.FileInfo{info})
}

// folder adds the files below a folder. Above is the folder with all folders through which it was reached.
func (w *folderWalk) folder(folder, relativePath string, above []os.FileInfo) {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		w.entry(filepath.Join(folder, entry.Name()), path.Join(relativePath, entry.Name()), entry, above)
	}
	if err != nil {
		w.failed = append(w.failed, remedy.OpenError(folder, err))
	}
}

func (w *folderWalk) entry(name, relativePath string, entry os.DirEntry, above []os.FileInfo) {
	info, err := entry.Info()
	if w.follow && entry.Type()&os.ModeSymlink != 0 {
		if info, err = os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			err = errors.New("it is a symbolic link to a file that does not exist")
		}
	}
	switch {
	case err != nil:
		w.failed = append(w.failed, remedy.OpenError(name, err))
	case info.IsDir() && slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, info) }):
		w.ignored = append(w.ignored, progress.Ignored{Path: name, Reason: progress.LinkLoop})
	case info.IsDir():
		w.folder(name, relativePath, append(above, info))
	case info.Mode().IsRegular():
		w.add(item{path: name, size: info.Size(), relativePath: relativePath})
	default: // a named pipe is read only if it is an argument: without a writer it would block
		w.ignored = append(w.ignored, progress.Ignored{Path: name, Reason: progress.ReasonOf(info.Mode())})
	}
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
