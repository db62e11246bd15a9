package config

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
)

// SettingNames returns the environment variables of Config and FunctionConfig.
func SettingNames() (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[FunctionConfig]()) {
		if name := field.Tag.Get("env"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// WarnUnknown logs a warning for each variable in environ (NAME=VALUE) that begins with SIGNPOST_ and is not one of
// known. A misspelt name would otherwise be ignored silently. Variables of tests, SIGNPOST_TEST_*, are skipped.
func WarnUnknown(log *slog.Logger, environ, known []string) {
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		isSetting := strings.HasPrefix(name, "SIGNPOST_") && !strings.HasPrefix(name, "SIGNPOST_TEST_")
		if !isSetting || slices.Contains(known, name) {
			continue
		}
		attrs := []any{"setting", name}
		// A short name is similar to others by chance.
		near := slices.MinFunc(known, func(a, b string) int { return edits(a, name) - edits(b, name) })
		if edits(near, name) <= min(3, len(strings.TrimPrefix(name, "SIGNPOST_"))/2) {
			attrs = append(attrs, "did_you_mean", near)
		}
		log.Warn("unknown setting ignored", attrs...)
	}
}

// edits returns the Levenshtein distance of a and b, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
