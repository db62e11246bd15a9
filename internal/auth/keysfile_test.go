package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/imports"
)

// hashA and hashB are hashes of unknown keys.
var hashA, hashB = "sha256:" + strings.Repeat("a1", 32), "sha256:" + strings.Repeat("b2", 32)

func TestNewKey(t *testing.T) {
	made := regexp.MustCompile(`^signpost_[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for range 100 {
		key, line, err := NewKey("alice.laptop", Create|Read)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(key))
		if want := "alice.laptop sha256:" + hex.EncodeToString(sum[:]) + " create,read"; line != want {
			t.Errorf("line: got %q, want %q", line, want)
		}
		if !made.MatchString(key) || seen[key] {
			t.Errorf("key: got %q, want another of the form %s", key, made)
		}
		seen[key] = true
	}
}

func TestNewKeyNames(t *testing.T) {
	for _, c := range []struct {
		name  string
		scope Scope
		valid bool
	}{
		{"a", All, true},
		{"0", All, true},
		{"a-b.c", All, true},
		{strings.Repeat("a", 63), All, true},
		{strings.Repeat("a", 64), All, false},
		{"", All, false},
		{"-a", All, false},
		{".a", All, false},
		{"A", All, false},
		{"a_b", All, false},
		{"a b", All, false},
		{"a#b", All, false},
		{"a\n", All, false},
		{"ä", All, false},
		{"a", 0, false},
		{"a", All + 1, false},
	} {
		key, line, err := NewKey(c.name, c.scope)
		if (err == nil) != c.valid || (key != "") != c.valid || (line != "") != c.valid {
			t.Errorf("NewKey(%q, %d): got %q, %q, %v; want valid: %t", c.name, c.scope, key, line, err, c.valid)
		}
	}
}

func TestParseKeys(t *testing.T) {
	key, line, err := NewKey("ci", All)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, text string
		want       string // the lines again, separated by bars
		errs       string
	}{
		{"nothing", "", "", ""},
		{"comments alone", "# one\n\n  \t# two\n#", "", ""},
		{"a key", line, line, ""},
		{"a key with newline", line + "\n", line, ""},
		{"scopes left out", "ci " + hashA, "ci " + hashA + " create,read,delete", ""},
		{"scopes in another order", "ci " + hashA + " read,create", "ci " + hashA + " create,read", ""},
		{"digits in upper case", "ci sha256:" + strings.Repeat("A1", 32), "ci " + hashA + " create,read,delete", ""},
		{"comment behind", "ci " + hashA + " read# the pipeline", "ci " + hashA + " read", ""},
		{
			"several of one name", "ci " + hashA + " read\nci " + hashB + " create",
			"ci " + hashA + " read|ci " + hashB + " create", "",
		},
		{"as Windows writes it", "\ufeff# keys\r\nci  " + hashA + "\tread\r\n\r\n", "ci " + hashA + " read", ""},
		{
			"zeros, and nothing", "ci sha256:" + strings.Repeat("0", 64) + " read\n\n# end\n",
			"ci sha256:" + strings.Repeat("0", 64) + " read", "",
		},

		{"the key", "ci " + key, "", "F: line 1: " + errPasted.Error()},
		{"the key for a name", key, "", "F: line 1: " + errPasted.Error()},
		{"the key beside its hash", line + " " + key, "", "F: line 1: " + errPasted.Error()},
		{"the key in a comment", "# " + key + "\n" + line, "", "F: line 1: " + errPasted.Error()},
		{"the key, cut", "ci " + key[:40], "", "F: line 1: " + errPasted.Error()},
		{"its first word in a comment", "# keys begin with signpost_\n" + line, line, ""},
		{"a name alone", "ci", "", "F: line 1: " + errFields.Error()},
		{"too many words", "ci " + hashA + " create read", "", "F: line 1: " + errFields.Error()},
		{"bad name", "CI " + hashA, "", "F: line 1: " + errName.Error()},
		{"name too long", strings.Repeat("n", 64) + " " + hashA, "", "F: line 1: " + errName.Error()},
		{"bare digits", "ci " + strings.TrimPrefix(hashA, "sha256:"), "", "F: line 1: " + errHash.Error()},
		{"another hash", "ci sha512:" + strings.Repeat("a1", 64), "", "F: line 1: " + errHash.Error()},
		{"a digit too few", "ci " + hashA[:len(hashA)-1], "", "F: line 1: " + errHash.Error()},
		{"a byte too many", "ci " + hashA + "00", "", "F: line 1: " + errHash.Error()},
		{"no digits", "ci sha256:" + strings.Repeat("xy", 32), "", "F: line 1: " + errHash.Error()},
		{"bad scope", "ci " + hashA + " write", "", "F: line 1: " + errScopes.Error()},
		{"no scope after comma", "ci " + hashA + " read,", "", "F: line 1: " + errScopes.Error()},
		{
			"a key twice", "ci " + hashA + "\n\nbob " + hashA + " read", "",
			"F: line 3: the key is the same as in line 1; each line needs its own key",
		},
		{"all at once", "ci\n" + line + "\nCI x\n\n# fine\nci " + hashA + " write\n" + key,
			"",
			"F: line 1: " + errFields.Error() + "\nF: line 3: " + errName.Error() +
				"\nF: line 6: " + errScopes.Error() + "\nF: line 7: " + errPasted.Error()},
		{
			"some other file", strings.Repeat("x\n", 1000), "",
			strings.Join(lineErrorsOfX(), "\n") + "\nF: 980 more lines are invalid: is it a file of keys?",
		},
		{"as large as can be", strings.Repeat("#", maxKeysFile), "", ""},
		{
			"a byte too large", strings.Repeat("#", maxKeysFile+1), "",
			"F: must be at most 1048576 bytes; is it a file of keys?",
		},
	} {
		lines, err := parseKeys("F", []byte(c.text))
		if errs := textOf(err); errs != c.errs {
			t.Errorf("%s: got errs\n%s\nwant\n%s", c.what, errs, c.errs)
		}
		if strings.Contains(textOf(err), key[len(keyPrefix):len(keyPrefix)+20]) {
			t.Errorf("%s: the key is repeated: %s", c.what, err)
		}
		if got := printed(lines, "|"); err == nil && got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

func lineErrorsOfX() []string {
	var all []string
	for n := range maxLineErrors {
		all = append(all, strings.Replace("F: line N: "+errFields.Error(), "N", strconv.Itoa(n+1), 1))
	}
	return all
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func printed(lines []keyLine, between string) string {
	texts := make([]string, len(lines))
	for n, l := range lines {
		texts[n] = l.String()
	}
	return strings.Join(texts, between)
}

// What is accepted can be printed and read again as the same, and no name in it is one that an owner cannot be called.
func FuzzKeysFile(f *testing.F) {
	for _, seed := range []string{
		"", "# comment", "ci " + hashA, "ci " + hashA + " read # x\nbob " + hashB + " create,delete\n",
		"\ufeffci " + hashA + "\r\n",
		"ci\n", "CI " + hashA, "ci " + hashA + "\nci " + hashA, "ci " + hashA + " read,",
		"signpost_0123456789012345678901234567890123456789abc",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := parseKeys("F", text)
		if err != nil {
			return
		}
		again, err := parseKeys("F", []byte(printed(lines, "\n")))
		if err != nil || printed(again, "\n") != printed(lines, "\n") {
			t.Fatalf("%q: printed as %q, which is read as %q, %v", text, printed(lines, "\n"), printed(again, "\n"), err)
		}
		for _, l := range lines {
			if owner := imports.OwnerName("key", l.name); owner != "key-"+l.name || l.scope == 0 || l.scope > All {
				t.Fatalf("%q: got %v, whose owner is %s", text, l, owner)
			}
		}
	})
}
