package imports

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// newID returns a UUIDv7 of now: unguessable, and in the order of creation (RFC 9562, section 5.7).
func newID(now time.Time) (string, error) {
	id, err := uuid.NewRandom()
	var milliseconds [8]byte
	binary.BigEndian.PutUint64(milliseconds[:], uint64(now.UnixMilli()))
	copy(id[:6], milliseconds[2:])
	id[6] = id[6]&0x0f | 7<<4
	return id.String(), err
}

// canonicalID is the one spelling of an id that we make, and therefore the one we look up.
var canonicalID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// ShortIDs returns text with each id in the form that logs hold where the id is a capability: its first 18 characters,
// which are its time and 12 of its 74 random bits. They are enough to find an import again, and too few to read it.
func ShortIDs(text string) string {
	switch {
	case len(text) < idLength:
		return text
	case canonicalID.MatchString(text): // without a copy, for the log line of each bare import
		return text[:shortLength]
	}
	return anyID.ReplaceAllString(text, "$1")
}

const idLength, shortLength = 36, 18

// anyID finds ids in text, in whatever case.
var anyID = regexp.MustCompile(`(?i)([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3})-[0-9a-f]{4}-[0-9a-f]{12}`)

// LoggedIDs returns text about an import of owner as logs hold it: an anonymous import is read and deleted by any
// client that has its id.
func LoggedIDs(owner, text string) string {
	if owner == "" || owner == Public {
		return ShortIDs(text)
	}
	return text
}

// idTime returns when a canonical id was made, in milliseconds: its first 48 bits (RFC 9562, section 5.7).
func idTime(id string) time.Time {
	milliseconds, _ := strconv.ParseInt(id[:8]+id[9:13], 16, 64)
	return time.UnixMilli(milliseconds).UTC()
}

// Keys are made of the server's own characters alone: [a-z0-9/.-]. An owner has passed through the same sieve.

// objectKey is where the bytes go.
func objectKey(owner, id string) string { return objectPrefix(owner) + id }

func objectPrefix(owner string) string { return ObjectRoot + owner + "/" }

// ObjectRoot is the prefix of all objects' keys.
const ObjectRoot = "imports/"

// recordKey is where a job's record lives. Its rank falls as time goes on, so that S3's ascending listing is newest first.
func recordKey(owner, id string) string {
	return recordPrefix(owner) + rankOf(idTime(id)) + "-" + id + ".json"
}

// rankOf is the rank of records of that time.
func rankOf(at time.Time) string {
	rank := 1<<48 - 1 - at.UnixMilli()
	return strconv.FormatInt(1<<48|rank, 16)[1:] // twelve digits, zeros included
}

// recordPrefix is where all records of owner are.
func recordPrefix(owner string) string { return "jobs/" + owner + "/" }

// claimKey is where an Idempotency-Key is remembered.
func claimKey(owner, idempotencyKey string) string {
	sum := sha256.Sum256([]byte(idempotencyKey))
	return "idem/" + owner + "/" + hex.EncodeToString(sum[:])
}
