// Package terminal writes text from untrusted sources, such as a server, so that it cannot control the terminal.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// Writer escapes every character that is not printable, except line feeds and tabs. Control characters (C0, DEL and C1)
// and characters that change the direction of text become escapes such as \u001b. Bytes that are not UTF-8 become
// escapes such as \xff. JSON keeps its meaning: encoding/json leaves DEL, C1 and directions as they are, and the \u
// escape is the same character there.
type Writer struct {
	io.Writer
	failure *atomic.Pointer[error]
}

// NewWriter returns a Writer to w, or w itself if it is a Writer.
func NewWriter(w io.Writer) Writer {
	if wrapped, ok := w.(Writer); ok {
		return wrapped
	}
	return Writer{w, new(atomic.Pointer[error])}
}

// Write writes the escaped text. Text must not end within a character.
func (w Writer) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, Escape(string(text))); err != nil {
		w.failure.CompareAndSwap(nil, &err)
		return 0, err
	}
	return len(text), nil
}

// Err returns the first error of Write, so that callers need not check each line that they print.
func (w Writer) Err() error {
	if err := w.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Escape returns text as a Writer writes it.
func Escape(text string) string {
	var escaped []byte
	kept := 0 // escaped contains text up to here
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		invalid := r == utf8.RuneError && size == 1
		if !invalid && (unicode.IsPrint(r) || r == '\n' || r == '\t') {
			at += size
			continue
		}
		escaped = append(escaped, text[kept:at]...)
		if invalid {
			escaped = fmt.Appendf(escaped, `\x%02x`, text[at])
		} else {
			for _, unit := range utf16.Encode([]rune{r}) {
				escaped = fmt.Appendf(escaped, `\u%04x`, unit)
			}
		}
		at += size
		kept = at
	}
	if kept == 0 {
		return text
	}
	return string(append(escaped, text[kept:]...))
}

// Line returns text in one line. A string of a server cannot add a line that looks like output of the program.
func Line(text string) string { return strings.Join(strings.Fields(text), " ") }

// Is reports whether w, or the destination of the Writer w, is a terminal.
func Is(w io.Writer) bool {
	fd, ok := descriptor(w)
	return ok && term.IsTerminal(fd) && enableEscapes(fd)
}

// Size returns the columns and lines of the terminal w, or those of most terminals if they are unknown.
func Size(w io.Writer) (columns, lines int) {
	if fd, ok := descriptor(w); ok {
		columns, lines, _ = term.GetSize(fd)
	}
	if columns < 1 || lines < 1 {
		return 80, 24
	}
	return columns, lines
}

func descriptor(w io.Writer) (fd int, ok bool) {
	if wrapped, ok := w.(Writer); ok {
		w = wrapped.Writer
	}
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	return int(f.Fd()), true
}
