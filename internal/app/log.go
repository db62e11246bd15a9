package app

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/signpost-s3/signpost/internal/imports"
)

// NewLogger writes text if w is a terminal, and JSON otherwise. No line contains a control character, whatever is
// logged. Error texts hold ids of imports in short form.
func NewLogger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: shortIDs}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, options))
		}
	}
	return slog.New(slog.NewJSONHandler(printable{w}, options))
}

// shortIDs shortens ids of imports in all texts, because an error does not say whether the id in it is a capability. In
// path and import its owner is known, and who logs them decides. The others are no ids of imports.
func shortIDs(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case "path", "import", "event", "request_id", "trace_id", "parent_id":
		return a
	}
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(imports.ShortIDs(a.Value.String()))
	}
	return a
}

// printable writes JSON with all that a terminal could take for a command escaped as \uXXXX. The JSON handler of log/slog escapes
// control characters up to U+001F only; DEL, C1 (U+0080 to U+009F) and characters that change the direction of text pass through it.
type printable struct{ io.Writer }

func (p printable) Write(line []byte) (int, error) {
	odd := func(r rune) bool { return r >= utf8.RuneSelf-1 && !unicode.IsPrint(r) }
	if !bytes.ContainsFunc(line, odd) {
		return p.Writer.Write(line)
	}
	escaped := make([]byte, 0, len(line)+64)
	for _, r := range string(line) {
		if !odd(r) {
			escaped = utf8.AppendRune(escaped, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			escaped = fmt.Appendf(escaped, `\u%04x`, unit)
		}
	}
	if _, err := p.Writer.Write(escaped); err != nil {
		return 0, err
	}
	return len(line), nil
}
