package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// receivedEvent is an event of the service, with the attributes that are printed (CloudEvents 1.0, section 3).
type receivedEvent struct {
	line string // the whole event as one line of JSON

	Version string     `json:"specversion"`
	ID      string     `json:"id"`
	Type    string     `json:"type"`
	Subject string     `json:"subject"` // the import's id
	Time    *time.Time `json:"time"`
	Data    struct {
		Filename string `json:"filename"`
		Size     *int64 `json:"size"`
		Error    *struct {
			Code   string `json:"code"`
			Detail string `json:"detail"`
		} `json:"error"`
	} `json:"data"`
}

func parseEvent(body []byte) (receivedEvent, error) {
	var n receivedEvent
	if err := json.Unmarshal(body, &n); err != nil || n.Version != "1.0" || n.ID == "" || n.Type == "" {
		return receivedEvent{}, errors.New("the delivery has a valid signature, but it is not a CloudEvent 1.0 in JSON")
	}
	var line bytes.Buffer
	err := json.Compact(&line, body)
	n.line = line.String()
	return n, err
}

// String returns one line with the event's time, type, import and file.
func (n receivedEvent) String() string {
	words := []string{formatTime(n.Time), displayName(n.Type), displayName(n.Subject), displayName(n.Data.Filename)}
	if n.Data.Size != nil {
		words = append(words, formatBytes(*n.Data.Size))
	}
	if e := n.Data.Error; e != nil {
		words = append(words, displayName(e.Code+": "+e.Detail))
	}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), "  ")
}

// outputDelay is how long the children of a killed command may keep its output open.
const outputDelay = time.Second

// run runs command with the event on standard input, and kills it with its children when ctx ends.
func (n receivedEvent) run(ctx context.Context, command string, stdout, stderr io.Writer) error {
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(n.line+"\n"), stdout, stderr
	c.Env = append(c.Environ(), "SIGNPOST_EVENT_TYPE="+n.Type, "SIGNPOST_EVENT_ID="+n.ID, "SIGNPOST_IMPORT_ID="+n.Subject)
	c.WaitDelay = outputDelay
	setProcessGroup(c)
	err := c.Run()
	switch {
	case ctx.Err() != nil:
		return errors.New("the service closed the connection, so the command was killed; the service will retry")
	case err != nil:
		return fmt.Errorf("run the command: %w; the service will retry", err)
	}
	return nil
}
