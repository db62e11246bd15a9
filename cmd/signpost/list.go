package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/remedy"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
)

type listCmd struct {
	serviceFlags
	Status string `enum:"awaiting_upload,uploading,completed,failed,aborted,expired," default:"" placeholder:"STATUS"`

	Limit  int    `default:"20" placeholder:"N" help:"Number of imports (default ${default})."`
	Cursor string `placeholder:"CURSOR" help:"Continue at the cursor that the previous list printed."`
	JSON   bool   `name:"json" help:"Print one import per line as JSON, without signed URLs."`
}

// Help returns the text before the flags in list --help.
func (listCmd) Help() string {
	return "With --status only imports with that status are listed: awaiting_upload, uploading, completed, failed, " +
		"aborted or expired.\n\n" +
		"For example:  signpost list --status failed"
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
		params.Status = new(client.JobStatus(l.Status))
	}
	if l.Cursor != "" {
		params.Cursor = &l.Cursor
	}
	table := newTable(i.stdout, l.JSON)
	for left := l.Limit; left > 0; {
		params.Limit = new(int32(min(left, 100))) // the API's limit
		page, err := api.List(i.ctx, params)
		if err != nil {
			return asInterruption(i.ctx, remedy.Add(err))
		}
		for _, job := range page.Imports {
			if err := table.add(job); err != nil {
				return err
			}
		}
		left -= len(page.Imports)
		if params.Cursor = page.NextCursor; params.Cursor == nil {
			break
		}
	}
	if err := table.close(); err != nil {
		return err
	}
	if params.Cursor != nil && !l.JSON {
		fmt.Fprintf(i.stderr, "there are more imports: use --cursor %s or a larger --limit\n",
			format.ShellQuote(terminal.Line(*params.Cursor)))
	}
	return nil
}

// table prints imports, as aligned columns or as JSON.
type table struct {
	w    io.Writer
	tabs *tabwriter.Writer
	json bool
	rows int
}

func newTable(w io.Writer, json bool) *table {
	return &table{w: w, json: json, tabs: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
}

func (t *table) add(job client.Job) error {
	if t.json {
		text, err := statusCmd{JSON: true}.text(job)
		if err == nil {
			_, err = io.WriteString(t.w, text)
		}
		return err
	}
	if t.rows++; t.rows == 1 {
		fmt.Fprintln(t.tabs, "ID\tSTATUS\tSIZE\tCREATED\tFILENAME")
	}
	size := "-"
	if job.Size != nil {
		size = format.Bytes(*job.Size)
	}
	created := ""
	if job.CreatedAt != nil {
		created = job.CreatedAt.Local().Format("2006-01-02 15:04")
	}
	_, err := fmt.Fprintf(t.tabs, "%s\t%s\t%s\t%s\t%s\n", deref(job.ID), terminal.Line(string(deref(job.Status))),
		size, created, format.Name(deref(job.Filename)))
	return err
}

func (t *table) close() error {
	if t.rows == 0 && !t.json {
		_, err := fmt.Fprintln(t.w, "no imports")
		return err
	}
	return t.tabs.Flush()
}
