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
	files.lock = lock
	return files, nil
}

// maxCopy is the largest object that CopyObject copies, in bytes: S3's limit. At 0, versitygw refuses every object that is not empty.
const maxCopy = 5 << 30

// ioBuffer is the size of the buffer that each request uses which stores or sends a body. With versitygw's default of
// 1 MiB, 200 uploads at a time take some 600 MB, most of it garbage.
const ioBuffer = 128 << 10

// openStore opens dir, which is locked, and mends it.
func openStore(dir string) (folder, error) {
	root := filepath.Join(dir, "store")
	metadata, large, err := openMetadata(root, dir)
	if err != nil {
		return folder{}, err
	}
	// PosixOpts.SideCarDir stays empty though there may be one: all it does is print a line to standard output and
	// check that the one folder is not within the other.
	files, err := posix.New(root, metadata, posix.PosixOpts{CopyObjectThreshold: maxCopy, IOBufferSize: ioBuffer})
	if err != nil {
		return folder{}, err
	}
	if err = repair(metadata); err == nil && large != nil {
		err = large.pruneAll()
	}
	if err != nil {
		files.Shutdown()
		return folder{}, err
	}
	return folder{Posix: files, large: large}, nil
}

// openMetadata chooses where ETags, checksums and headers are kept: in extended attributes where they work, with a side file for what
// is too large for one, else all of them in files. A store that has a sidecar folder continues to use it, so that a move to a better
// file system loses nothing. The second result is nil there.
func openMetadata(root, dir string) (meta.MetadataStorer, *attributes, error) {
	sidecar := filepath.Join(dir, "sidecar")
	_, err := os.Stat(sidecar)
	if errors.Is(err, fs.ErrNotExist) {
		works, err := xattrsWork(root)
		if err != nil {
			return nil, nil, err
		}
		if works {
			large, err := openAttributes(filepath.Join(dir, "attributes"))
			return large, large, err
		}
		if err := os.Mkdir(sidecar, 0o700); err != nil {
			return nil, nil, err
		}
	}
	all, err := meta.NewSideCar(sidecar)
	return all, nil, err
}

// probeAttributes is how many attributes of maxInline bytes a file must have room for. Nine are as long as clients want, and the
// others need no more than two of them do.
const probeAttributeCount = 11

// xattrsWork writes and reads the most that one object needs. meta.XattrMeta's own test only reads, and takes any error but ENOTSUP
// for a yes.
func xattrsWork(root string) (bool, error) {
	f, err := os.CreateTemp(root, ".xattr-probe-*")
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var xattrs meta.XattrMeta
	probe := bytes.Repeat([]byte("x"), maxInline)
	for i := range probeAttributeCount {
		name := fmt.Sprintf("signpost.probe-%02d", i)
		if err := xattrs.StoreAttribute(f, "", "", name, probe); err != nil {
			return false, nil //nolint:nilerr // the answer is no; why does not matter
		}
		if got, err := xattrs.RetrieveAttribute(f, "", "", name); err != nil || !bytes.Equal(got, probe) {
			return false, nil //nolint:nilerr // as above
		}
	}
	return true, nil
}
