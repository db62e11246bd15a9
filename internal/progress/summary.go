package progress

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/remedy"
)

// Finish closes the view, and prints the summary of several files. The error has all failures, and says how to resume
// if ctx has ended.
func (p *Progress) Finish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.close()
	total := len(p.files)
	for _, f := range p.failures {
		if p.files[f.File] == nil { // it could not be opened
			total++
		}
	}
	if !p.options.Quiet && !p.options.JSON && total != 1 {
		fmt.Fprintln(p.options.Stderr, p.summary())
	}
	var lines []string
	if len(p.failures) > 0 {
		lines = append(lines, remedy.ExplainAll(p.failures))
	}
	if ctx.Err() != nil && p.uploaded+p.skipped < total {
		lines = append(lines, fmt.Sprintf("interrupted: %d of %s done", p.uploaded+p.skipped, format.Count(total, "file")))
		lines = append(lines, p.interruptedLines()...)
		if p.resumable > 0 {
			lines = append(lines, "  -> run the same command again to resume")
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

func (p *Progress) summary() string {
	text := fmt.Sprintf("uploaded %s", format.Count(p.uploaded, "file"))
	if len(p.files)+len(p.failures) == 0 {
		text += ": the folders contain no regular files"
	}
	if p.uploaded > 0 {
		text += ", " + p.all.figuresAtEnd(p.bytes)
	}
	for _, n := range []struct {
		count int
		what  string
	}{{p.skipped, "skipped"}, {len(p.failures), "failed"}, {len(p.interrupted), "interrupted"}} {
		if n.count > 0 {
			text += fmt.Sprintf("; %d %s", n.count, n.what)
		}
	}
	return text
}

// interruptedLines returns how to discard the files that can be resumed, and the imports that remain of others.
func (p *Progress) interruptedLines() (lines []string) {
	for _, f := range p.interrupted {
		if f.abortErr != nil {
			lines = append(lines, fmt.Sprintf("%s: import %s could not be aborted: %v; %s",
				f.displayName(), f.id, f.abortErr, remedy.Abort(f.id)))
		} else if f.inParts && f.id != "" && !f.stream {
			kept := "no part is uploaded"
			if stored := f.stored.Load(); stored > 0 {
				kept = fmt.Sprintf("%s of %s kept", format.Bytes(stored), format.Bytes(f.size.Load()))
			}
			if !f.download {
				kept += "; discard it with signpost abort " + f.id
			}
			lines = append(lines, f.displayName()+": "+kept)
		}
	}
	return lines
}
