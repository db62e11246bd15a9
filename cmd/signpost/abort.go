package main

import (
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/remedy"
)

type abortCmd struct {
	IDs          []string `arg:"" name:"id" help:"Import ids."`
	serviceFlags `group:"Service:"`
	Force        bool `help:"Also delete completed imports with their objects."`
}

// Help returns the text before the flags in abort --help.
func (abortCmd) Help() string {
	return "Example:\n\n\tsignpost abort 01890000-0000-7000-8000-000000000000"
}

func (a abortCmd) Run(i *invocation) error {
	api, err := a.connect(i)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range a.IDs {
		job, err := api.Read(i.ctx, id)
		done := "aborted "
		if job.Status == client.ImportStatusCompleted {
			done = "deleted "
		}
		switch {
		case err != nil:
		case job.Status == client.ImportStatusCompleted && !a.Force:
			err = errors.New("the import is completed: use --force to delete it with its object")
		default:
			err = api.Delete(i.ctx, id)
		}
		if err != nil {
			failed = append(failed, remedy.Import(id, err))
			continue
		}
		fmt.Fprintln(i.stdout, done+id)
	}
	return asInterruption(i.ctx, errors.Join(failed...))
}
