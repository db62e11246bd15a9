package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/remedy"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type listCmd struct {
	serviceFlags `group:"Service:"`
	Status       string `enum:"awaiting_upload,uploading,completed,failed,aborted,expired," default:"" placeholder:"STATUS" help:"Status of the imports to list (default: all)."`

	Limit  int    `default:"20" placeholder:"N" help:"Number of imports to list (default ${default})."`
	Cursor string `placeholder:"CURSOR" help:"Continue at the cursor that the previous list printed (default: newest import)."`
	JSON   bool   `name:"json" help:"Print one import per line as JSON, without signed URLs."`
}

// Help returns the text before the flags in list --help.
func (listCmd) Help() string {
	return "The statuses are awaiting_upload, uploading, completed, failed, aborted and expired.\n\n" +
		"Example:\n\n\tsignpost list --status failed --limit 100"
}

func (l listCmd) Run(i *invocation) error {
	if l.Limit < 1 {
		return usageError{errors.New("--limit: must be at least 1")}
	}
	api, err := l.connect(i)
	if err != nil {
		return err
	}
	params := client.ListImportsParams{}
	if l.Status != "" {
		params.Status = new(client.ImportStatus(l.Status))
	}
	if l.Cursor != "" {
		params.Cursor = &l.Cursor
	}
	var table []client.Import
	found, next := 0, ""
	for found < l.Limit {
		params.Limit = new(int32(min(l.Limit-found, 100))) // the API's limit
		page, err := api.List(i.ctx, params)
		if err != nil {
			return asInterruption(i.ctx, remedy.Add(err))
		}
		for _, job := range page.Imports {
			found++
			if !l.JSON {
				table = append(table, job)
				continue
			}
			text, err := jsonLine(job)
			if err == nil {
				_, err = io.WriteString(i.stdout, text)
			}
			if err != nil {
				return err
			}
		}
		if next = page.NextCursor; next == "" {
			break
		}
		params.Cursor = &next
	}
	if l.JSON {
		return nil
	}
	if err := printTable(i.stdout, table); err != nil || next == "" {
		return err
	}
	_, err = fmt.Fprintf(i.stderr, "there are more imports: use --cursor %s or a larger --limit\n",
		format.ShellQuote(terminal.Line(next)))
	return err
}

// printTable prints a row for each job. There is a column for relative paths if a job has one.
func printTable(w io.Writer, jobs []client.Import) error {
	if len(jobs) == 0 {
		_, err := fmt.Fprintln(w, "no imports")
		return err
	}
	hasPaths := slices.ContainsFunc(jobs, func(job client.Import) bool { return job.RelativePath != "" })
	tabs := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(path string, cells ...string) {
		if hasPaths {
			cells = append(cells, path)
		}
		fmt.Fprintln(tabs, strings.Join(cells, "\t"))
	}
	row("RELATIVE PATH", "ID", "STATUS", "SIZE", "CREATED", "FILENAME")
	for _, job := range jobs {
		size, created := "-", ""
		if job.Size != nil {
			size = format.Bytes(*job.Size)
		}
		status := terminal.Line(string(job.Status))
		if engine.ObjectDeleted(job) {
			status += ", object deleted"
		}
		if !job.CreatedAt.IsZero() {
			created = job.CreatedAt.Local().Format("2006-01-02 15:04")
		}
		row(cmp.Or(format.Name(job.RelativePath), "-"), job.ID,
			status, size, created, cmp.Or(format.Name(job.Filename), "-"))
	}
	return tabs.Flush()
}
