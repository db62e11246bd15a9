package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/signpost-s3/signpost/internal/imports"
)

// keyPrefix begins every key of NewKey, so that people and secret scanners recognize it.
const keyPrefix = "signpost_"

// pastedKey finds a key in a line that should contain its hash.
var pastedKey = regexp.MustCompile(keyPrefix + `[A-Za-z0-9_-]{20,}`)

// NewKey returns a key of 256 random bits, and its line for the keys file.
func NewKey(name string, scope Scope) (key, line string, err error) {
	switch {
	case !isName(name):
		return "", "", fmt.Errorf("the name %q of the key %s, such as ci or alice.laptop", name, nameRule)
	case scope == 0 || scope&^All != 0:
		return "", "", fmt.Errorf("a key cannot have the scopes %d", scope)
	}
	secret := make([]byte, 32)
	rand.Read(secret) // cannot fail
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	return key, keyLine{name, sha256.Sum256([]byte(key)), scope}.String(), nil
}

// isName reports whether name is part of an owner's name unchanged, so that operators find it in the bucket's object
// keys.
func isName(name string) bool { return imports.OwnerName("key", name) == "key-"+name }

// keyLine is a line of the keys file: NAME sha256:HASH [SCOPE,...]
type keyLine struct {
	name  string
	hash  [sha256.Size]byte
	scope Scope
}

func (l keyLine) String() string {
	return l.name + " sha256:" + hex.EncodeToString(l.hash[:]) + " " + l.scope.String()
}

// maxLineErrors limits the errors per file: a file with more is probably not a keys file.
const maxLineErrors = 20

// parseKeys parses the text of a keys file. Errors begin with where, and do not quote the line, which may contain a
// key.
func parseKeys(where string, text []byte) (lines []keyLine, err error) {
	if len(text) > maxKeysFile {
		return nil, fmt.Errorf("%s: must be at most %d bytes; is it a file of keys?", where, maxKeysFile)
	}
	var errs []error
	first := map[[sha256.Size]byte]int{} // the first line with each hash
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		n++
		l, err := parseKeyLine(line)
		if err == nil && l.name == "" {
			continue
		}
		if before := first[l.hash]; err == nil && before > 0 {
			err = fmt.Errorf("the key is the same as in line %d; each line needs its own key", before)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: line %d: %w", where, n, err))
			continue
		}
		lines, first[l.hash] = append(lines, l), n
	}
	if more := len(errs) - maxLineErrors; more > 0 {
		errs = append(errs[:maxLineErrors],
			fmt.Errorf("%s: %d more lines are invalid: is it a file of keys?", where, more))
	}
	return lines, errors.Join(errs...)
}

// nameRule is the rule of a key's name.
const nameRule = "must be 1 to 63 of a-z, 0-9, dot and hyphen, and begin with a letter or digit"

var (
	errPasted = errors.New("contains an API key instead of its hash: consider the key exposed, " +
		"and create a new one with signpost keygen --append")
	errFields = errors.New("must be NAME sha256:HASH and, if not everything is allowed, SCOPES; " +
		"signpost keygen prints such lines")
	errName   = errors.New("the name " + nameRule)
	errHash   = errors.New("the second word must be sha256: and 64 hexadecimal digits, as signpost keygen prints it")
	errScopes = errors.New("the third word must be scopes (create, read and delete), separated by commas without spaces")
)

// parseKeyLine parses a line. An empty line, or one that is only a comment, has no name.
func parseKeyLine(line string) (l keyLine, err error) {
	if pastedKey.MatchString(line) {
		return l, errPasted
	}
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(line)
	switch len(words) {
	case 0:
		return l, nil
	case 2:
		words = append(words, All.String())
	case 3:
	default:
		return l, errFields
	}
	if !isName(words[0]) {
		return l, errName
	}
	l.name = words[0]
	digits, ok := strings.CutPrefix(words[1], "sha256:")
	hash, err := hex.DecodeString(digits)
	if !ok || err != nil || len(hash) != len(l.hash) {
		return l, errHash
	}
	copy(l.hash[:], hash)
	if l.scope, err = ParseScopes(words[2]); err != nil {
		return l, errScopes
	}
	return l, nil
}
