package main

import (
	"cmp"
	"regexp"
	"strings"
	"unicode"
)

// reserved are the names that Windows takes for devices, whatever their extension:
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
var reservedName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?$`)

// safeName returns the last element of a filename that someone else chose. It changes the name so that it is an ordinary
// visible file on every system and no option of a command. It returns otherwise where nothing is left.
func safeName(filename, otherwise string) string {
	name := filename[strings.LastIndexAny(filename, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	kept := strings.TrimRight(name, ". ") // Windows drops the others
	name = kept + strings.Repeat("_", len(name)-len(kept))
	if name != "" && strings.ContainsRune(".-~ ", rune(name[0])) || reservedName.MatchString(name) {
		name = "_" + name
	}
	return cmp.Or(name, otherwise)
}
