package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type statusCmd struct {
	ID string `arg:"" name:"id" help:"The import's id."`
	remote
	Watch bool `short:"w" help:"Tell of each change until it ends. The exit status is 0 when it is completed, 1 otherwise."`
	JSON  bool `name:"json" help:"Print the import as JSON, without its signed URLs."`
}

func (s statusCmd) Run(i *invocation) error {
	api, err := s.connect(i)
	if err != nil {
		return err
	}
	watch, told := api.Watch(s.ID), ""
	for {
		job, err := watch.Next(i.ctx)
		if err != nil && s.Watch && i.ctx.Err() != nil {
			return interruption{"interrupted; the import itself goes on"}
		}
		if err != nil {
			return stopped(i.ctx, about(s.ID, err))
		}
		text, err := s.text(job)
		if err != nil {
			return err
		}
		if text != told {
			fmt.Fprint(i.stdout, text)
			told = text
		}
		switch status := of(job.Status); {
		case !s.Watch || status == client.JobStatusCompleted:
			return nil
		case engine.IsTerminal(job):
			return fmt.Errorf("%s is %s%s", s.ID, how(job), why(job))
		}
	}
}

// why is the error of an import that failed, or whose completion failed, to follow its status.
func why(job client.Job) string {
	if job.Error == nil {
		return ""
	}
	return terminal.Line(fmt.Sprintf(": %s: %s", job.Error.Code, job.Error.Detail))
}

// text is job for people or, with --json, for programs; a watched one in a line.
func (s statusCmd) text(job client.Job) (string, error) {
	switch {
	case s.JSON:
		job.UploadURL, job.Upload, job.DownloadURL = nil, nil, nil // credentials, all of them
		text, err := json.Marshal(job)
		return string(text) + "\n", err
	case s.Watch:
		line := of(job.ID) + "  " + how(job)
		if !engine.IsTerminal(job) {
			line += why(job)
		}
		return line + "\n", nil
	}
	var b strings.Builder
	describe(&b, job)
	return b.String(), nil
}

// describe prints what is known of job, a line each.
func describe(w io.Writer, job client.Job) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-13s %s\n", name, terminal.Line(value))
		}
	}
	row("id", of(job.ID))
	row("status", how(job))
	if job.Error != nil {
		row("error", fmt.Sprintf("%s: %s", job.Error.Code, job.Error.Detail))
	}
	row("filename", shown(of(job.Filename)))
	row("content type", of(job.ContentType))
	if job.Size != nil {
		row("size", fmt.Sprintf("%s (%d bytes)", inBytes(*job.Size), *job.Size))
	}
	for name, value := range job.Metadata {
		row("metadata", name+"="+value)
	}
	if c := job.Checksum; c != nil {
		verified := ""
		if c.Verified {
			verified = ", verified by the store"
		}
		row("checksum", strings.TrimSpace(string(c.Algorithm)+" "+of(c.Value))+verified)
	}
	row("created", when(job.CreatedAt))
	row("completed", when(job.CompletedAt))
	if s := of(job.Status); s == client.JobStatusAwaitingUpload || s == client.JobStatusUploading {
		row("expires", when(job.ExpiresAt))
	}
	if job.Object != nil {
		row("object", "s3://"+job.Object.Bucket+"/"+job.Object.Key)
	}
}

// how is job's status, with how far it has come.
func how(job client.Job) string {
	text := terminal.Line(strings.ReplaceAll(string(of(job.Status)), "_", " "))
	if m := job.Multipart; m != nil && of(job.Status) == client.JobStatusUploading && m.UploadedParts != nil {
		text += fmt.Sprintf(", %s", counted(int64(*m.UploadedParts), "part"))
		if m.PartCount != nil {
			text += fmt.Sprintf(" of %d", *m.PartCount)
		}
		text += fmt.Sprintf(" (%s)", inBytes(of(m.UploadedBytes)))
	}
	return text
}

func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -0700")
}

// of is what p points to, or nothing.
func of[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

type listCmd struct {
	remote
	Status string `enum:"awaiting_upload,uploading,completed,failed,aborted,expired," default:"" placeholder:"STATUS" help:"Only those that are awaiting_upload, uploading, completed, failed, aborted or expired."`
	Limit  int    `default:"20" placeholder:"N" help:"How many, newest first; ${default} when left out."`
	Cursor string `placeholder:"CURSOR" help:"Where to go on, as the list before said."`
	JSON   bool   `name:"json" help:"Print an import a line as JSON, without signed URLs."`
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
		params.Limit = new(int32(min(left, 100))) // the most that the service takes
		page, err := api.List(i.ctx, params)
		if err != nil {
			return stopped(i.ctx, remoteError(err))
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
		fmt.Fprintf(i.stderr, "there are more: add --cursor %s, or a larger --limit\n", quoted(terminal.Line(*params.Cursor)))
	}
	return nil
}

// table prints imports.
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
		size = inBytes(*job.Size)
	}
	created := ""
	if job.CreatedAt != nil {
		created = job.CreatedAt.Local().Format("2006-01-02 15:04")
	}
	_, err := fmt.Fprintf(t.tabs, "%s\t%s\t%s\t%s\t%s\n", of(job.ID), terminal.Line(string(of(job.Status))), size, created, shown(of(job.Filename)))
	return err
}

func (t *table) close() error {
	if t.rows == 0 && !t.json {
		_, err := fmt.Fprintln(t.w, "no imports")
		return err
	}
	return t.tabs.Flush()
}

type abortCmd struct {
	IDs []string `arg:"" name:"id" help:"The imports' ids."`
	remote
	Force bool `help:"Delete even what is completed: its object is lost."`
}

func (a abortCmd) Run(i *invocation) error {
	api, err := a.connect(i)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range a.IDs {
		job, err := api.Read(i.ctx, id)
		switch {
		case err != nil:
		case of(job.Status) == client.JobStatusCompleted && !a.Force:
			err = errors.New("it is completed; --force deletes it with its object")
		default:
			err = api.Delete(i.ctx, id)
		}
		if err != nil {
			failed = append(failed, about(id, err))
			continue
		}
		fmt.Fprintln(i.stdout, "aborted "+id)
	}
	return stopped(i.ctx, errors.Join(failed...))
}
