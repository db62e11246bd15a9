package receiver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/format"
)

// Event is an event of the service, with the attributes that are printed (CloudEvents 1.0, section 3).
type Event struct {
	JSON string `json:"-"` // the whole event in one line

	Version string    `json:"specversion"`
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Subject string    `json:"subject"` // the import's id
	Time    time.Time `json:"time"`
	Data    struct {
		Filename     string `json:"filename"`
		RelativePath string `json:"relative_path"`
		Size         *int64 `json:"size"`
		Error        *struct {
			Code   string `json:"code"`
			Detail string `json:"detail"`
		} `json:"error"`
	} `json:"data"`
}

// ParseEvent parses an event in JSON.
func ParseEvent(body []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil || e.Version != "1.0" || e.ID == "" || e.Type == "" {
		return Event{}, errors.New("it is not a CloudEvent 1.0 in JSON")
	}
	var line bytes.Buffer
	err := json.Compact(&line, body)
	e.JSON = line.String()
	return e, err
}

// String returns one line with the event's time, type, import and file.
func (e Event) String() string {
	file := cmp.Or(e.Data.RelativePath, e.Data.Filename)
	words := []string{format.Time(e.Time), format.Name(e.Type), format.Name(e.Subject), format.Name(file)}
	if e.Data.Size != nil {
		words = append(words, format.Bytes(*e.Data.Size))
	}
	if failure := e.Data.Error; failure != nil {
		words = append(words, format.Name(failure.Code+": "+failure.Detail))
	}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), "  ")
}

// outputDelay is how long the children of a killed command may keep its output open.
const outputDelay = time.Second

// Run runs command with the event on standard input, and kills it with its children when ctx ends.
func (e Event) Run(ctx context.Context, command string, stdout, stderr io.Writer) error {
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(e.JSON+"\n"), stdout, stderr
	c.Env = append(c.Environ(), "SIGNPOST_EVENT_TYPE="+e.Type, "SIGNPOST_EVENT_ID="+e.ID, "SIGNPOST_IMPORT_ID="+e.Subject)
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
