package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/signpost-s3/signpost/internal/filewatch"
	"github.com/signpost-s3/signpost/internal/imports"
)

// maxKeysFile limits the size of a keys file, in bytes: some 10,000 keys.
const maxKeysFile = 1 << 20

// maxKey limits the length of a presented key, in bytes. Keys of NewKey have 52.
const maxKey = 256

// Keys are the API keys of a file. The file contains only their hashes.
type Keys struct {
	path  string
	where string // names the file in errors

	callers atomic.Pointer[map[[sha256.Size]byte]Caller] // by the hashes of their keys
}

// OpenKeys reads the file at path, whose lines have the format of NewKey. Errors name each invalid line, and begin with
// where, such as the setting that names the file. A file without keys is valid and revokes all keys.
func OpenKeys(path, where string) (*Keys, error) {
	k := &Keys{path: path, where: where}
	if _, err := k.read(); err != nil {
		return nil, err
	}
	return k, nil
}

// Watch reads the file again when it changes, until ctx ends, and logs the result. While the file is invalid or
// missing, the previous keys stay in use.
func (k *Keys) Watch(ctx context.Context, log *slog.Logger) {
	filewatch.Watch(ctx, func() {
		if count, err := k.read(); err != nil {
			log.Error("API key reload failed; the previous keys stay in use", "error", err)
		} else {
			level, message := slog.LevelInfo, "API keys loaded"
			if count == 0 {
				level, message = slog.LevelWarn, "API key file is empty; all API keys are rejected"
			}
			log.Log(ctx, level, message, "file", k.path, "count", count)
		}
	}, k.path)
}

// Authenticate returns the caller with this key. Its duration can reveal something about the hashes of the keys. That
// is useless, because keys have 256 random bits.
func (k *Keys) Authenticate(key string) (Caller, bool) {
	if len(key) > maxKey {
		return Caller{}, false
	}
	var presented [maxKey]byte // on the stack, so that the conversion does not allocate
	caller, ok := (*k.callers.Load())[sha256.Sum256(presented[:copy(presented[:], key)])]
	return caller, ok
}

// read replaces the keys by those of the file, and returns their number.
func (k *Keys) read() (count int, err error) {
	text, err := filewatch.Read(k.path, maxKeysFile)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", k.where, err)
	}
	lines, err := parseKeys(k.where, text)
	if err != nil {
		return 0, err
	}
	callers := make(map[[sha256.Size]byte]Caller, len(lines))
	for _, l := range lines {
		callers[l.hash] = Caller{imports.OwnerName("key", l.name), l.scope}
	}
	k.callers.Store(&callers)
	return len(lines), nil
}
