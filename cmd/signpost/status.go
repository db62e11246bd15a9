package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type statusCmd struct {
	ID string `arg:"" name:"id" help:"The import's id."`
	serviceFlags
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
			return asInterruption(i.ctx, importError(s.ID, err))
		}
		text, err := s.text(job)
		if err != nil {
			return err
		}
		if text != told {
			fmt.Fprint(i.stdout, text)
			told = text
		}
		switch status := deref(job.Status); {
		case !s.Watch || status == client.JobStatusCompleted:
			return nil
		case engine.IsTerminal(job):
			return fmt.Errorf("%s is %s%s", s.ID, statusText(job), errorText(job))
		}
	}
}

// text is job for people or, with --json, for programs; a watched one in a line.
func (s statusCmd) text(job client.Job) (string, error) {
	switch {
	case s.JSON:
		job.UploadURL, job.Upload, job.DownloadURL = nil, nil, nil // credentials, all of them
		text, err := json.Marshal(job)
		return string(text) + "\n", err
	case s.Watch:
		line := deref(job.ID) + "  " + statusText(job)
		if !engine.IsTerminal(job) {
			line += errorText(job)
		}
		return line + "\n", nil
	}
	var b strings.Builder
	describe(&b, job)
	return b.String(), nil
}
