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

// notice is an event as it came, and what of it is told or handed on (CloudEvents 1.0, section 3).
type notice struct {
	line string // all of it, as one line of JSON

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

func parseNotice(body []byte) (notice, error) {
	var n notice
	if err := json.Unmarshal(body, &n); err != nil || n.Version != "1.0" || n.ID == "" || n.Type == "" {
		return notice{}, errors.New("a delivery is signed as it should be, and is no CloudEvent 1.0 in JSON")
	}
	var line bytes.Buffer
	err := json.Compact(&line, body)
	n.line = line.String()
	return n, err
}

// String is the event for people, in a line: when, what, of which import, and what is known of the file.
func (n notice) String() string {
	words := []string{when(n.Time), shown(n.Type), shown(n.Subject), shown(n.Data.Filename)}
	if n.Data.Size != nil {
		words = append(words, inBytes(*n.Data.Size))
	}
	if e := n.Data.Error; e != nil {
		words = append(words, shown(e.Code+": "+e.Detail))
	}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), "  ")
}

// killDelay is how long what a killed command has left behind may keep its output open.
const killDelay = time.Second

// exec runs command with the event, and kills it and all that it has started when ctx ends.
func (n notice) exec(ctx context.Context, command string, stdout, stderr io.Writer) error {
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(n.line+"\n"), stdout, stderr
	c.Env = append(c.Environ(), "SIGNPOST_EVENT_TYPE="+n.Type, "SIGNPOST_EVENT_ID="+n.ID, "SIGNPOST_IMPORT_ID="+n.Subject)
	c.WaitDelay = killDelay
	asGroup(c)
	err := c.Run()
	switch {
	case ctx.Err() != nil:
		return errors.New("the service did not wait for the command, which was ended: the event will come again")
	case err != nil:
		return fmt.Errorf("the command: %w; the event will come again", err)
	}
	return nil
}

// maxRecent is how many ids are remembered: more than come to a laptop while the service may still send one again.
const maxRecent = 10_000

// recent is the ids that were added last.
type recent struct {
	known map[string]bool
	order []string // a ring, once it is full
	next  int      // where the oldest is then
}

func (r *recent) has(id string) bool { return r.known[id] }

// add remembers id, which it does not know yet, and forgets the oldest where there are too many.
func (r *recent) add(id string) {
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[id] = true
	if len(r.order) < maxRecent {
		r.order = append(r.order, id)
		return
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % maxRecent
}
