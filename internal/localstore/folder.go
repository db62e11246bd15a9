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

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// openFolder makes dir/store the backend's root and the process's working directory. dir must be absolute. It returns
// ErrInUse if another process uses dir.
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

// ioBuffer is the size of the buffer that each request uses which stores or sends a body. With versitygw's default of
// 1 MiB, 200 uploads at a time take some 600 MB, most of it garbage.
const ioBuffer = 128 << 10

// openStore opens and repairs dir, which must be locked.
func openStore(dir string) (folder, error) {
	root := filepath.Join(dir, "store")
	metadata, large, err := openMetadata(root, dir)
	if err != nil {
		return folder{}, err
	}
	// PosixOpts.SideCarDir stays empty even with a sidecar folder: it only prints a line to standard output and checks
	// that neither folder contains the other.
	// With the threshold 0, versitygw refuses to copy every object that is not empty.
	options := posix.PosixOpts{CopyObjectThreshold: s3limits.MaxPutSize, IOBufferSize: ioBuffer}
	files, err := posix.New(root, metadata, options)
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

// openMetadata selects where ETags, checksums and headers are stored: in extended attributes with side files if they
// work, otherwise all in files. A store with a sidecar folder keeps using it, so that a move to a better file system
// loses nothing; the second result is nil then.
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

// probeAttributeCount is the number of attributes of maxInline bytes that a file must have room for: nine that
// clients choose, and two for all others.
const probeAttributeCount = 11

// xattrsWork writes and reads as much as one object needs. meta.XattrMeta's own test only reads, and takes any error
// but ENOTSUP for success.
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
