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

// repair removes what a killed process left in the store's root, which is the working directory. No other process may
// use it.
func repair(metadata meta.MetadataStorer) error {
	if err := repairCompletions(metadata); err != nil {
		return err
	}
	return removeStaged()
}

// inProgress is the suffix of an upload's folder while versitygw assembles the object: ID.ETAG.inprogress.
const inProgress = ".inprogress"

// repairCompletions undoes interrupted completions. versitygw v1.8.0 renames an upload's folder during a completion
// (https://github.com/versity/versitygw/pull/1993), and takes a renamed folder for another call's: such an upload
// cannot be listed, completed or aborted, although every call to complete it succeeds. The folder is renamed back or,
// if the object exists, removed.
func repairCompletions(metadata meta.MetadataStorer) error {
	folders, err := filepath.Glob(filepath.Join("*", posix.MetaTmpMultipartDir, "*", "*"+inProgress))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		bucket, aside, _ := strings.Cut(filepath.ToSlash(folder), "/")
		id, etag, _ := strings.Cut(strings.TrimSuffix(filepath.Base(folder), inProgress), ".")
		uploads := filepath.Dir(aside) // of one key, which an attribute contains
		key, err := metadata.RetrieveAttribute(nil, bucket, uploads, "objname")
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		stored, err := metadata.RetrieveAttribute(nil, bucket, string(key), "etag")
		if err == nil && strings.Trim(string(stored), `"`) == etag {
			if err := os.RemoveAll(folder); err != nil {
				return err
			}
			_ = metadata.DeleteAttributes(bucket, aside)  // as versitygw does, if they are stored separately
			_ = os.Remove(filepath.Join(bucket, uploads)) // fails if there are other uploads
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

// stagedPattern matches the temporary name of a file that is about to replace another one. Listings would show it as
// an object.
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
