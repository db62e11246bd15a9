package main

import (
	"fmt"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/remedy"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type statusCmd struct {
	ID           string `arg:"" name:"id" help:"Import id."`
	serviceFlags `group:"Service:"`
	Watch        bool `short:"w" help:"Print each change until the import has a terminal status."`
	JSON         bool `name:"json" help:"Print the import as JSON, without its signed URLs."`
}

// Help returns the text before the flags in status --help.
func (statusCmd) Help() string {
	return "With --watch the exit status is 0 if the import is completed, and 1 for other terminal statuses.\n\n" +
		"Example:\n\n\tsignpost status --watch 01890000-0000-7000-8000-000000000000"
}

func (s statusCmd) Run(i *invocation) error {
	api, err := s.connect(i)
	if err != nil {
		return err
	}
	watch, printed := api.Watch(s.ID), ""
	for {
		job, err := watch.Next(i.ctx)
		if err != nil && s.Watch && i.ctx.Err() != nil {
			return interruption{"interrupted; the import continues"}
		}
		if err != nil {
			return asInterruption(i.ctx, remedy.Import(s.ID, err))
		}
		text, err := s.text(job)
		if err != nil {
			return err
		}
		if text != printed {
			fmt.Fprint(i.stdout, text)
			printed = text
		}
		switch status := job.Status; {
		case !s.Watch || status == client.ImportStatusCompleted:
			return nil
		case engine.IsTerminal(job):
			return fmt.Errorf("%s is %s%s", s.ID, statusText(job), errorText(job))
		}
	}
}

// text returns job as JSON, as one line for --watch, or as a description.
func (s statusCmd) text(job client.Import) (string, error) {
	switch {
	case s.JSON:
		return jsonLine(job)
	case s.Watch:
		line := job.ID + "  " + statusText(job)
		if !engine.IsTerminal(job) {
			line += errorText(job)
		}
		return line + "\n", nil
	}
	var b strings.Builder
	describe(&b, job)
	return b.String(), nil
}
