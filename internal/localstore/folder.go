package localstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
)

// openFolder makes dir/store the backend's root, and with it the process's working directory. dir must be absolute. ErrInUse: another
// process has it.
func openFolder(dir string) (folder, error) {
	if err := os.MkdirAll(filepath.Join(dir, "store"), 0o700); err != nil {
		return folder{}, fmt.Errorf("local store: folder %s: %w", dir, err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return folder{}, err
	}
	files, err := openStore(dir)
	if err != nil {
		return folder{}, errors.Join(fmt.Errorf("local store: folder %s: %w", dir, err), lock.Close())
	}
	return folder{files, lock}, nil
}

// openStore opens dir, which is locked, and mends it.
func openStore(dir string) (*posix.Posix, error) {
	root := filepath.Join(dir, "store")
	metadata, err := openMetadata(root, filepath.Join(dir, "sidecar"))
	if err != nil {
		return nil, err
	}
	// PosixOpts.SideCarDir stays empty though there may be one: all it does is print a line to standard output and
	// check that the one folder is not within the other.
	files, err := posix.New(root, metadata, posix.PosixOpts{})
	if err != nil {
		return nil, err
	}
	if err := mend(metadata); err != nil {
		files.Shutdown()
		return nil, err
	}
	return files, nil
}

// openMetadata chooses where ETags, checksums and headers are kept: in extended attributes where they work, else in
// files of their own. A store that has a side-car folder keeps to it, so that moving it to a better file system does
// not lose what is there.
func openMetadata(root, sidecar string) (meta.MetadataStorer, error) {
	_, err := os.Stat(sidecar)
	if errors.Is(err, fs.ErrNotExist) {
		works, err := xattrsWork(root)
		if err != nil {
			return nil, err
		}
		if works {
			return meta.XattrMeta{}, nil
		}
		if err := os.Mkdir(sidecar, 0o700); err != nil {
			return nil, err
		}
	}
	return meta.NewSideCar(sidecar)
}

// xattrProbe is as long as the most user metadata that S3 takes, 2 KiB.
var xattrProbe = bytes.Repeat([]byte("x"), 2<<10)

// xattrsWork writes and reads one: meta.XattrMeta's own test only reads, and takes any error but ENOTSUP for a yes.
func xattrsWork(root string) (bool, error) {
	f, err := os.CreateTemp(root, ".xattr-probe-*")
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var xattrs meta.XattrMeta
	if err := xattrs.StoreAttribute(f, "", "", "signpost.probe", xattrProbe); err != nil {
		return false, nil //nolint:nilerr // the answer is no; why does not matter
	}
	got, err := xattrs.RetrieveAttribute(f, "", "", "signpost.probe")
	return err == nil && bytes.Equal(got, xattrProbe), nil
}
