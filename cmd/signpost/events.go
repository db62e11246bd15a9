package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/signpost-s3/signpost/internal/outbox"
	"github.com/signpost-s3/signpost/internal/receiver"
)

type eventsCmd struct {
	Dead      deadCmd      `cmd:"" help:"List dead events: those not delivered within three days."`
	Redeliver redeliverCmd `cmd:"" help:"Deliver dead events again."`
}

// printEvent prints an event in the format of signpost listen.
func printEvent(w io.Writer, e outbox.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	received, err := receiver.ParseEvent(body)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, received)
	return err
}
