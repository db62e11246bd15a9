package assembly

import (
	"io"
	"log/slog"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/terminal"
)

// NewLogger writes text if w is a terminal, and JSON otherwise. No line contains a control character, whatever is
// logged. Error texts hold ids of imports in short form.
func NewLogger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: shortIDs}
	if terminal.Is(w) {
		return slog.New(slog.NewTextHandler(terminal.NewWriter(w), options))
	}
	return slog.New(newJSONHandler(w, options))
}

// shortIDs shortens ids of imports in all texts and errors, because an error does not say whether the id in it is a
// capability. In path and import its owner is known, and the caller decides. The others are no ids of imports.
func shortIDs(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case "path", "import", "event", "request_id", "trace_id", "parent_id", "span_id":
		return a
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(imports.ShortIDs(a.Value.String()))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(imports.ShortIDs(err.Error()))
		}
	}
	return a
}
