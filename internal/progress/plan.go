package progress

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/upload"
)

// FormatPlan returns the line of --dry-run for a file.
func FormatPlan(path string, p upload.Plan) string {
	if p.CompletedID != "" {
		return "would skip " + skippedText(path, p.CompletedID)
	}
	path = format.Name(path)
	switch {
	case p.Size < 0:
		return fmt.Sprintf("would upload %s: size unknown", path)
	case p.CompareID != "":
		return fmt.Sprintf("would compare %s with import %s, and upload it if it differs", path, p.CompareID)
	case p.ResumeID != "":
		return fmt.Sprintf("would resume %s: %s, import %s", path, format.Bytes(p.Size), p.ResumeID)
	case p.Parts > 0:
		return fmt.Sprintf("would upload %s: %s in %s of %s",
			path, format.Bytes(p.Size), format.Count(p.Parts, "part"), format.Bytes(p.PartSize))
	}
	return fmt.Sprintf("would upload %s: %s in one request", path, format.Bytes(p.Size))
}

// FormatPlanJSON returns the line of --dry-run --json for a file.
func FormatPlanJSON(path string, p upload.Plan) string {
	id := cmp.Or(p.CompletedID, p.CompareID, p.ResumeID)
	e := jsonEvent{Event: "planned", File: path, ID: id, Parts: p.Parts, PartSize: p.PartSize}
	if p.Size >= 0 {
		e.Total = &p.Size
	}
	if p.CompletedID != "" {
		e.Event = "skipped"
	}
	line, _ := json.Marshal(e) // strings and numbers never fail
	return string(line)
}
