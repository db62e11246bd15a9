package progress

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/signpost-s3/signpost/internal/format"
)

// Ignored is an entry of a folder that is not uploaded.
type Ignored struct {
	Path   string
	Reason Reason
}

// Reason is why an entry is not uploaded. Reasons are part of the output of --json and must not change.
type Reason string

// The reasons, in the order of the summary.
const (
	SymbolicLink Reason = "symbolic-link"
	// LinkLoop is a symbolic link to a folder that contains it.
	LinkLoop  Reason = "link-loop"
	NamedPipe Reason = "named-pipe"
	Socket    Reason = "socket"
	Device    Reason = "device"
	Other     Reason = "other"
)

// ReasonOf returns the reason for an entry with this mode, which is neither a regular file nor a folder.
func ReasonOf(mode os.FileMode) Reason {
	switch {
	case mode&os.ModeSymlink != 0:
		return SymbolicLink
	case mode&os.ModeNamedPipe != 0:
		return NamedPipe
	case mode&os.ModeSocket != 0:
		return Socket
	case mode&os.ModeDevice != 0:
		return Device
	}
	return Other
}

// PrintIgnored prints which entries are not uploaded: one line for all, or with JSON one event for each.
func PrintIgnored(o Options, entries []Ignored) {
	switch {
	case o.Quiet || len(entries) == 0:
	case o.JSON:
		for _, e := range entries {
			line, _ := json.Marshal(jsonEvent{Event: "ignored", File: e.Path, Reason: e.Reason}) // strings never fail
			fmt.Fprintf(o.Stdout, "%s\n", line)
		}
	default:
		fmt.Fprintln(o.Stderr, ignoredLine(entries))
	}
}

func ignoredLine(entries []Ignored) string {
	counts := map[Reason]int{}
	for _, e := range entries {
		counts[e.Reason]++
	}
	var kinds []string
	for _, reason := range []Reason{SymbolicLink, LinkLoop, NamedPipe, Socket, Device, Other} {
		if n := counts[reason]; n > 0 {
			kinds = append(kinds, format.Count(n, strings.ReplaceAll(string(reason), "-", " ")))
		}
	}
	line := fmt.Sprintf("%d entries are not regular files and are not uploaded: ", len(entries))
	if len(entries) == 1 {
		line = "1 entry is not a regular file and is not uploaded: "
	}
	line += strings.Join(kinds, ", ")
	if counts[SymbolicLink] > 0 {
		line += "; use --follow for links"
	}
	return line
}
