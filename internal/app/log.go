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
)

// NewLogger writes text if w is a terminal, and JSON otherwise. No line contains a control character, whatever is logged.
func NewLogger(w io.Writer) *slog.Logger {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, nil))
		}
	}
	return slog.New(slog.NewJSONHandler(printable{w}, nil))
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
