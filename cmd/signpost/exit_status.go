package main

import (
	"context"
	"errors"

	"github.com/signpost-s3/signpost/internal/download"
)

// interruption reports that a signal ended the command.
type interruption struct{ text string }

func (i interruption) Error() string { return i.text }

// asInterruption returns err, or an interruption if ctx ended.
func asInterruption(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return interruption{"interrupted"}
	}
	return err
}

// exitStatus returns 2 for usage errors and for files that are not replaced without --force, 130 for interruptions, as
// shells do, and 1 for other errors.
func exitStatus(err error) int {
	switch {
	case errors.As(err, new(usageError)), errors.As(err, new(*download.ExistsError)):
		return 2
	case errors.As(err, new(interruption)):
		return 130
	}
	return 1
}
