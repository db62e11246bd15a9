package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/signpost-s3/signpost/internal/outbox"
)

type eventsCmd struct {
	Tail      tailCmd      `cmd:"" help:"Follow the imports that end, whoever else is told."`
	Dead      deadCmd      `cmd:"" help:"List the events that were given up, after three days without success."`
	Redeliver redeliverCmd `cmd:"" help:"Have events that were given up sent again."`
}

func printEvent(w io.Writer, e outbox.Event, asJSON bool) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	n, err := parseEvent(body)
	if err != nil {
		return err
	}
	text := n.String()
	if asJSON {
		text = n.line
	}
	_, err = fmt.Fprintln(w, text)
	return err
}
