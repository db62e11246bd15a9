package assembly

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/terminal"
)

// plainHandler writes records of plain texts and integers, such as the access log's, as the handler that it embeds,
// byte for byte (FuzzPlainHandler). It leaves all other records to that handler, and those of loggers with attributes.
// Slog calls ReplaceAttr for each attribute, and then encodes levels by json.Marshal: an untracked import would take
// 12 % more CPU time (make bench ONLY=bare).
type plainHandler struct {
	slog.Handler
	w     io.Writer // of Handler too
	lines *sync.Pool
}

// newJSONHandler returns slog's JSON handler, made faster. No line contains a control character.
func newJSONHandler(w io.Writer, options *slog.HandlerOptions) slog.Handler {
	destination := &lockedWriter{w: terminal.NewWriter(w).Writer} // plain lines need no escapes
	lines := &sync.Pool{New: func() any { return new([]byte) }}
	return plainHandler{slog.NewJSONHandler(terminal.NewWriter(destination), options), destination, lines}
}

// Handle implements slog.Handler.
func (h plainHandler) Handle(ctx context.Context, r slog.Record) error {
	line := h.lines.Get().(*[]byte)
	defer h.lines.Put(line)
	var plain bool
	if *line, plain = appendRecord((*line)[:0], r); !plain {
		return h.Handler.Handle(ctx, r)
	}
	_, err := h.w.Write(*line)
	return err
}

// appendRecord appends the line of r to b, and reports whether it could.
func appendRecord(b []byte, r slog.Record) (line []byte, plain bool) {
	if plain = !r.Time.IsZero(); !plain {
		return b, false
	}
	b = append(r.Time.AppendFormat(append(b, `{"time":"`...), time.RFC3339Nano), `","level":"`...)
	b = append(append(b, r.Level.String()...), '"')
	b, plain = appendAttr(b, slog.String(slog.MessageKey, r.Message))
	r.Attrs(func(a slog.Attr) bool {
		if plain {
			b, plain = appendAttr(b, a)
		}
		return plain
	})
	return append(b, "}\n"...), plain
}

// appendAttr appends a to b, and reports whether it could.
func appendAttr(b []byte, a slog.Attr) (line []byte, plain bool) {
	b = append(append(append(b, `,"`...), a.Key...), `":`...)
	switch a.Value.Kind() {
	case slog.KindString:
		text := shortIDs(nil, a).Value.String()
		b = append(append(append(b, '"'), text...), '"')
		return b, isPlain(a.Key) && isPlain(text)
	case slog.KindInt64:
		return strconv.AppendInt(b, a.Value.Int64(), 10), isPlain(a.Key)
	}
	return b, false
}

// isPlain reports whether neither JSON nor a terminal requires escapes in s.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// lockedWriter writes one line at a time.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}
