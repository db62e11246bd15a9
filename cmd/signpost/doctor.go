package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/format"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/doctor"
)

type doctorCmd struct {
	config.Config
	JSON bool `name:"json" help:"Print one finding per line as JSON."`
}

// Help returns the text before the flags in doctor --help.
func (doctorCmd) Help() string {
	return "Use the settings and credentials of serve. The command tries all operations of the service and its clients, " +
		"and removes what it wrote under imports/doctor/ and jobs/doctor/. The exit status is 1 if a check failed; " +
		"warnings do not count.\n\n" + otherSettings +
		"Example:\n\n\tsignpost doctor --bucket my-uploads"
}

func (doctorCmd) settings() []string {
	return append(bucketSettings(), "public-endpoint", "url-ttl", "job-ttl", "cors-origins", "signing-access-key-id",
		"signing-secret-access-key", "signing-session-token", "signing-role-arn", "allow-unsigned-headers",
		"webhook-url", "webhook-hosts", "event-bus")
}

func (d doctorCmd) Run(i *invocation) (err error) {
	if err := i.configErrors.Check(d.Config); err != nil {
		return err
	}
	if d.Bucket != "" {
		return d.examine(i.ctx, i.stdout, nil, "")
	}
	local, err := openLocal(i, d.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.close()) }()
	d.Bucket, d.PathStyle = localBucket, true
	where := ", in the local store of " + local.dir
	if local.store == nil {
		where += ", which another process runs"
	}
	return d.examine(i.ctx, i.stdout, &local.settings, where)
}

// examine prints the table of checks, and returns an error if a check failed or ctx ended.
func (d doctorCmd) examine(ctx context.Context, w io.Writer, local *aws.Config, where string) error {
	if !d.JSON {
		fmt.Fprintf(w, "Signpost %s checks bucket %s%s\n\n", versionText(), d.Bucket, where)
	}
	counts := map[doctor.Mark]int{}
	doctor.Examine(ctx, assembly.DoctorOptions(d.Config), local, func(f doctor.Finding) {
		counts[f.Mark]++
		if !d.JSON {
			printFinding(w, f)
			return
		}
		f.Mark = doctor.Mark(strings.ToLower(string(f.Mark)))
		_ = printJSON(w, f) // only strings; main reports failed writes
	})
	if !d.JSON {
		fmt.Fprintf(w, "\n%d passed, %d warned, %d failed, %d skipped\n",
			counts[doctor.Pass], counts[doctor.Warn], counts[doctor.Fail], counts[doctor.Skip])
	}
	switch {
	case counts[doctor.Fail] > 0:
		return fmt.Errorf("%s failed", format.Count(counts[doctor.Fail], "check"))
	case ctx.Err() != nil:
		return errors.New("interrupted")
	}
	return nil
}

// findingWidth is the width of the third column in a terminal of 80 columns.
const findingWidth = 80 - 26

func printFinding(w io.Writer, f doctor.Finding) {
	lines := wrapText(f.Found, findingWidth)
	for n, line := range wrapText(f.Remedy, findingWidth-3) {
		lines = append(lines, []string{"-> ", "   "}[min(n, 1)]+line)
	}
	for n, line := range lines {
		if n > 0 {
			f.Mark, f.Check = "", ""
		}
		fmt.Fprintf(w, "%-4s  %-18s  %s\n", f.Mark, f.Check, line)
	}
}

// wrapText breaks text between words. Longer words are not broken.
func wrapText(text string, width int) (lines []string) {
	for _, word := range strings.Fields(text) {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
