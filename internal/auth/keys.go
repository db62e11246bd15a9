package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
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
	table atomic.Pointer[keyTable]
}

// keyTable contains keys by the first 8 bytes of their hashes.
type keyTable map[uint64][]keyEntry

type keyEntry struct {
	hash   [sha256.Size]byte
	caller Caller
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
			log.Error("API keys cannot be read; those from before stay in use", "error", err)
		} else {
			level, message := slog.LevelInfo, "API keys read"
			if count == 0 {
				level, message = slog.LevelWarn, "the file holds no API keys; all API keys are refused"
			}
			log.Log(ctx, level, message, "file", k.path, "keys", count)
		}
	}, k.path)
}

// Authenticate returns the caller with this key. Its duration depends only on whether the first 8 bytes of the key's
// hash match a known hash. That reveals nothing useful, because keys have 256 random bits.
func (k *Keys) Authenticate(key string) (Caller, bool) {
	if len(key) > maxKey {
		return Caller{}, false
	}
	var presented [maxKey]byte // on the stack, so that the conversion does not allocate
	hash := sha256.Sum256(presented[:copy(presented[:], key)])
	for _, h := range (*k.table.Load())[tableKey(hash)] {
		if subtle.ConstantTimeCompare(h.hash[:], hash[:]) == 1 {
			return h.caller, true
		}
	}
	return Caller{}, false
}

func tableKey(hash [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(hash[:]) }

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
	held := make(keyTable, len(lines))
	for _, l := range lines {
		at := tableKey(l.hash)
		held[at] = append(held[at], keyEntry{l.hash, Caller{imports.OwnerName("key", l.name), l.scope}})
	}
	k.table.Store(&held)
	return len(lines), nil
}
