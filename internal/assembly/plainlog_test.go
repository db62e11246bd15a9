package assembly

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/terminal"
)

// FuzzPlainHandler: each line is that of slog's handler on a terminal.Writer, byte for byte.
func FuzzPlainHandler(f *testing.F) {
	f.Add("request", "path", "/import", int64(200), int64(1767323045), 0)
	f.Add("request", "error", "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", int64(-1), int64(0), 8)
	f.Add("say \"x\"", "import", "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", int64(0), int64(1), -4)
	f.Add("é", "a\\b", "\x1b[31m", int64(1)<<62, int64(-62135596800), 3)
	f.Add("", "", "\xff", int64(0), int64(0), 100)
	f.Fuzz(func(t *testing.T, message, key, text string, number, unix int64, level int) {
		options := &slog.HandlerOptions{ReplaceAttr: shortIDs, Level: slog.Level(level % 10)}
		at := time.Unix(unix%253402300800, number%1e9).UTC()
		for _, attrs := range [][]slog.Attr{
			nil,
			{slog.String(key, text)},
			{slog.Int64(key, number), slog.String("text", text), slog.Int("status", 200)},
			{slog.String("text", text), slog.Any(key, errors.New(text)), slog.Bool("last", true)},
			{slog.Group(key, slog.String("in", text)), slog.Duration("took", time.Duration(number))},
			{{}},
		} {
			r := slog.NewRecord(at, slog.Level(level), message, 0)
			r.AddAttrs(attrs...)
			var got, want bytes.Buffer
			for _, h := range []struct {
				handler slog.Handler
				line    *bytes.Buffer
			}{{newJSONHandler(&got, options), &got}, {slog.NewJSONHandler(terminal.NewWriter(&want), options), &want}} {
				with := h.handler.WithAttrs([]slog.Attr{slog.String("with", text)})
				for _, handler := range []slog.Handler{h.handler, with, h.handler.WithGroup("in")} {
					if handler.Enabled(context.Background(), r.Level) {
						if err := handler.Handle(context.Background(), r); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if got.String() != want.String() {
				t.Errorf("record %v:\n got %s\nwant %s", attrs, got.String(), want.String())
			}
		}
	})
}
