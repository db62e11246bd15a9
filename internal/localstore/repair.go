package localstore

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
)

// mend removes what a process left in the store's root, which is the working directory, when it was killed. Nobody else may be at
// work in it.
func repair(metadata meta.MetadataStorer) error {
	if err := repairCompletions(metadata); err != nil {
		return err
	}
	return removeStaged()
}

// inProgress ends the name of an upload's folder while versitygw makes the object of its parts: ID.ETAG.inprogress.
const inProgress = ".inprogress"

// mendCompletions undoes completions that were cut short. Versitygw v1.8.0 moves an upload's folder aside for the time of one, and
// takes a folder that it finds there for another call's work: such an upload can be neither listed nor completed nor aborted, though
// every call to complete it is answered with success. Its folder is put back or, where the object was made, removed.
func repairCompletions(metadata meta.MetadataStorer) error {
	folders, err := filepath.Glob(filepath.Join("*", posix.MetaTmpMultipartDir, "*", "*"+inProgress))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		bucket, aside, _ := strings.Cut(filepath.ToSlash(folder), "/")
		id, etag, _ := strings.Cut(strings.TrimSuffix(filepath.Base(folder), inProgress), ".")
		uploads := filepath.Dir(aside) // those of one key, which an attribute tells
		key, err := metadata.RetrieveAttribute(nil, bucket, uploads, "objname")
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		stored, err := metadata.RetrieveAttribute(nil, bucket, string(key), "etag")
		if err == nil && strings.Trim(string(stored), `"`) == etag {
			if err := os.RemoveAll(folder); err != nil {
				return err
			}
			_ = metadata.DeleteAttributes(bucket, aside)  // as versitygw does, where they are kept apart
			_ = os.Remove(filepath.Join(bucket, uploads)) // unless there are others
			continue
		}
		if err := os.Rename(folder, filepath.Join(bucket, uploads, id)); err != nil {
			return err
		}
		if err := metadata.RenameObject(bucket, aside, filepath.Join(uploads, id)); err != nil {
			return err
		}
	}
	return nil
}

// staged is the name that versitygw gives to a file for the moment before it replaces another. It is an object to whoever lists.
var stagedPattern = regexp.MustCompile(`^\..+\.sgwtmp\.\d+$`)

func removeStaged() error {
	return filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == posix.MetaTmpDir || entry.Name() == ".vgwlocks"):
			return fs.SkipDir
		case entry.Type().IsRegular() && stagedPattern.MatchString(entry.Name()):
			return os.Remove(path)
		}
		return nil
	})
}
