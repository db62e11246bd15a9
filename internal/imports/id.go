package imports

import (
	"encoding/binary"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// newID returns a UUIDv7 of now: it cannot be guessed, and IDs sort by creation time (RFC 9562, section 5.7).
func newID(now time.Time) string {
	id := uuid.New()
	var milliseconds [8]byte
	binary.BigEndian.PutUint64(milliseconds[:], uint64(now.UnixMilli()))
	copy(id[:6], milliseconds[2:])
	id[6] = id[6]&0x0f | 7<<4
	return id.String()
}

// isCanonicalID reports whether s has the spelling of IDs that newID returns. No other spelling is accepted.
func isCanonicalID(s string) bool {
	if len(s) != idLength || strings.ToLower(s) != s {
		return false
	}
	id, err := uuid.Parse(s)
	return err == nil && id.Version() == 7 && id.Variant() == uuid.RFC4122
}

// ShortIDs returns text with each ID shortened to 18 characters, for logs in which the whole ID would give access. They
// contain the time and 12 of the 74 random bits: enough to find an import in a log, too few to read it.
func ShortIDs(text string) string {
	switch {
	case len(text) < idLength:
		return text
	case isCanonicalID(text): // without a copy, for the log line of each untracked import
		return text[:shortLength]
	}
	return anyID.ReplaceAllString(text, "$1")
}

const idLength, shortLength = 36, 18

// anyID finds IDs in text, in lower or upper case.
var anyID = regexp.MustCompile(`(?i)([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3})-[0-9a-f]{4}-[0-9a-f]{12}`)

// LoggedIDs returns text about an import of owner for logs. It shortens the IDs of anonymous imports, because every
// client that has such an ID may read and delete the import.
func LoggedIDs(owner, text string) string {
	if owner == "" || owner == Public {
		return ShortIDs(text)
	}
	return text
}

// idTime returns when a canonical ID was made: its first 48 bits, in milliseconds (RFC 9562, section 5.7).
func idTime(id string) time.Time {
	milliseconds, _ := strconv.ParseInt(id[:8]+id[9:13], 16, 64)
	return time.UnixMilli(milliseconds).UTC()
}
