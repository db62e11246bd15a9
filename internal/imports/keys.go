package imports

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Keys consist of [a-z0-9/.-] only. OwnerName and newID return no other characters.

// ObjectRoot is the prefix of the keys of all objects.
const ObjectRoot = "imports/"

// objectKey returns the key of a job's object.
func objectKey(owner, id string) string { return objectPrefix(owner) + id }

func objectPrefix(owner string) string { return ObjectRoot + owner + "/" }

// objectOf returns the owner and the ID of the import whose object has this key.
func objectOf(key string) (owner, id string, ok bool) {
	rest, ok := strings.CutPrefix(key, ObjectRoot)
	slash := strings.LastIndexByte(rest, '/')
	if !ok || slash <= 0 {
		return "", "", false
	}
	owner, id = rest[:slash], rest[slash+1:]
	return owner, id, isCanonicalID(id) && !strings.Contains(owner, "/")
}

// recordKey returns the key of a job's record. Its rank decreases with time, so that S3's ascending order is newest
// first.
func recordKey(owner, id string) string {
	return recordPrefix(owner) + rankOf(idTime(id)) + "-" + id + ".json"
}

// RecordKey returns the key of the job's record.
func (j Job) RecordKey() string { return recordKey(j.Owner, j.ID) }

// rankOf returns the rank of the records of this time: twelve hexadecimal digits with leading zeros.
func rankOf(at time.Time) string {
	rank := 1<<48 - 1 - at.UnixMilli()
	return strconv.FormatInt(1<<48|rank, 16)[1:]
}

// recordRoot is the prefix of the keys of all records.
const recordRoot = "jobs/"

// recordPrefix returns the prefix of the keys of all records of owner.
func recordPrefix(owner string) string { return recordRoot + owner + "/" }

// recordID returns the ID of the import whose record has this key. ok is false if key is not the key of a record of
// owner.
func recordID(owner, key string) (id string, ok bool) {
	name := key[strings.LastIndexByte(key, '/')+1:]
	_, id, _ = strings.Cut(strings.TrimSuffix(name, ".json"), "-")
	return id, isCanonicalID(id) && key == recordKey(owner, id)
}

// ClaimKey returns the key of the record of an Idempotency-Key.
func ClaimKey(owner, idempotencyKey string) string {
	sum := sha256.Sum256([]byte(idempotencyKey))
	return "idem/" + owner + "/" + hex.EncodeToString(sum[:])
}
