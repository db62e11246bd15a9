package download

import (
	"cmp"
	"regexp"
	"strings"
	"unicode"
)

// reservedName matches the device names of Windows, with any extension:
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
var reservedName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?$`)

// safeName returns the last element of an untrusted filename. It changes the name so that it is a visible regular file
// on every system and not an option of a command. It returns fallback if the name is empty.
func safeName(filename, fallback string) string {
	name := filename[strings.LastIndexAny(filename, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	kept := strings.TrimRight(name, ". ") // Windows removes trailing dots and spaces
	name = kept + strings.Repeat("_", len(name)-len(kept))
	if name != "" && strings.ContainsRune(".-~ ", rune(name[0])) || reservedName.MatchString(name) {
		name = "_" + name
	}
	return cmp.Or(name, fallback)
}
