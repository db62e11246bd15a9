package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/signpost-s3/signpost/internal/filewatch"
	"github.com/signpost-s3/signpost/internal/imports"
)

// maxKeysFile is how many bytes a file of keys may have, which is some 10,000 keys.
const maxKeysFile = 1 << 20

// maxKey bounds what is hashed of what a caller presents. The program's own keys have 52 bytes.
const maxKey = 256

// Keys are the API keys of a file, which holds no key but only the hash of each.
type Keys struct {
	path  string
	table atomic.Pointer[keyTable]
}

// table holds keys by the first 8 bytes of their hashes.
type keyTable map[uint64][]keyEntry

type keyEntry struct {
	hash   [sha256.Size]byte
	caller Caller
}

// OpenKeys reads the file at path, of lines such as NewKey makes. An error tells of every line that is wrong. A file without any
// key is none: that takes all of them back.
func OpenKeys(path string) (*Keys, error) {
	k := &Keys{path: path}
	if _, err := k.read(); err != nil {
		return nil, err
	}
	return k, nil
}

// Follow reads the file again whenever it changes, until ctx ends, and logs what came of it. While the file is wrong or gone, the
// keys from before stay.
func (k *Keys) Watch(ctx context.Context, log *slog.Logger) {
	filewatch.Files(ctx, func() {
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

// Caller is who has the key. How long it takes to find out depends on the hash of what is presented alone: on whether its first 8 bytes
// are those of a key that is held. Nobody who does not have a key of 256 random bits can present something whose hash comes near it.
func (k *Keys) Authenticate(key string) (Caller, bool) {
	if len(key) > maxKey {
		return Caller{}, false
	}
	var presented [maxKey]byte // where the key needs no memory of its own
	hash := sha256.Sum256(presented[:copy(presented[:], key)])
	for _, h := range (*k.table.Load())[tableKey(hash)] {
		if subtle.ConstantTimeCompare(h.hash[:], hash[:]) == 1 {
			return h.caller, true
		}
	}
	return Caller{}, false
}

func tableKey(hash [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(hash[:]) }

// read takes the file's keys in place of those held, and counts them.
func (k *Keys) read() (count int, err error) {
	where := fmt.Sprintf("SIGNPOST_API_KEYS_FILE=%q", k.path)
	text, err := readKeysFile(k.path)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", where, err)
	}
	lines, err := parseKeys(where, text)
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

// readKeysFile is the text of the file at path, or as much of it as shows that it is too long. Its error does not name the file.
func readKeysFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("must be a regular file, which can be read again when it changes")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxKeysFile+1))
}
