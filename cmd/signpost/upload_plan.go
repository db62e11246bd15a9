package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	engine "github.com/signpost-s3/signpost/internal/upload"
)

// printPlan prints what an upload would do.
func (u uploadCmd) printPlan(w io.Writer, uploader *engine.Uploader, items []item, failed []*engine.Error) error {
	format := planLine
	if u.JSON {
		format = planEvent
	}
	for _, it := range items {
		p := engine.Plan{Size: -1}
		if !it.stream {
			var err error
			if p, err = uploader.Plan(it.path, u.options()); err != nil {
				failed = append(failed, openError(it.path, err))
				continue
			}
		}
		if !u.Quiet {
			fmt.Fprintln(w, format(it.path, p))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	var lines []string
	for _, f := range failed {
		lines = append(lines, explain(f))
	}
	return errors.New(strings.Join(lines, "\n"))
}

func planLine(path string, p engine.Plan) string {
	path = displayName(path)
	switch {
	case p.Size < 0:
		return fmt.Sprintf("would upload %s: size unknown", path)
	case p.CompletedID != "":
		return fmt.Sprintf("would skip %s: uploaded before as %s; use --again to upload it again", path, p.CompletedID)
	case p.ResumeID != "":
		return fmt.Sprintf("would resume %s: %s, import %s", path, formatBytes(p.Size), p.ResumeID)
	case p.Parts > 0:
		return fmt.Sprintf("would upload %s: %s in %s of %s",
			path, formatBytes(p.Size), plural(p.Parts, "part"), formatBytes(p.PartSize))
	}
	return fmt.Sprintf("would upload %s: %s in one request", path, formatBytes(p.Size))
}
