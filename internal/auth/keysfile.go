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

// keyPrefix begins every key that is made here, so that people and scanners of secrets know one when they see it.
const keyPrefix = "signpost_"

// pasted finds a key where none should be.
var pastedKey = regexp.MustCompile(keyPrefix + `[A-Za-z0-9_-]{20,}`)

// NewKey makes a key of 256 random bits, and the line of the file by which it is known.
func NewKey(name string, scope Scope) (key, line string, err error) {
	switch {
	case !isName(name):
		return "", "", fmt.Errorf("%q cannot be a key's name: it must be at most 63 of a-z, 0-9, dot and hyphen, the first a letter or digit, such as ci or alice.laptop", name)
	case scope == 0 || scope&^All != 0:
		return "", "", fmt.Errorf("a key cannot have the scopes %d", scope)
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	return key, keyLine{name, sha256.Sum256([]byte(key)), scope}.String(), nil
}

// isName reports whether an owner can be called name as it stands, so that people find theirs among the bucket's keys.
func isName(name string) bool { return imports.OwnerName("key", name) == "key-"+name }

// keyLine is a line of the file: NAME sha256:HASH [SCOPE,...]
type keyLine struct {
	name  string
	hash  [sha256.Size]byte
	scope Scope
}

func (l keyLine) String() string {
	return l.name + " sha256:" + hex.EncodeToString(l.hash[:]) + " " + l.scope.String()
}

// maxComplaints bounds what is said of one file: one that has more wrong lines is another kind of file.
const maxLineErrors = 20

// parseKeys reads a file's text. What is wrong is told without the words in which it is: they may be a key. Each complaint begins with
// where.
func parseKeys(where string, text []byte) (lines []keyLine, err error) {
	if len(text) > maxKeysFile {
		return nil, fmt.Errorf("%s: must be at most %d bytes; is it a file of keys?", where, maxKeysFile)
	}
	var complaints []error
	first := map[[sha256.Size]byte]int{} // the line in which each hash was met first
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		n++
		l, err := parseKeyLine(line)
		if err == nil && l.name == "" {
			continue
		}
		if before := first[l.hash]; err == nil && before > 0 {
			err = fmt.Errorf("here is the key of line %d again; two lines cannot have one key", before)
		}
		if err != nil {
			complaints = append(complaints, fmt.Errorf("%s: line %d: %w", where, n, err))
			continue
		}
		lines, first[l.hash] = append(lines, l), n
	}
	if more := len(complaints) - maxLineErrors; more > 0 {
		complaints = append(complaints[:maxLineErrors], fmt.Errorf("%s: %d more lines are wrong: is it a file of keys?", where, more))
	}
	return lines, errors.Join(complaints...)
}

var (
	errPasted = errors.New("here is a key itself, where only its hash may be: take it for known to others, make a new one with signpost keygen, and put in the line that it prints")
	errFields = errors.New("must be NAME sha256:HASH and, if not everything may be done, SCOPES; signpost keygen prints such lines")
	errName   = errors.New("the name must be at most 63 of a-z, 0-9, dot and hyphen, the first a letter or digit")
	errHash   = errors.New("the second word must be sha256: and 64 hexadecimal digits, as signpost keygen prints it")
	errScopes = errors.New("the third word must be one or more of create, read and delete, divided by commas alone")
)

// parseKeyLine reads a line, which has no name where it holds nothing, or a comment alone.
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
