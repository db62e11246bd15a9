package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

// setView sets the view of p.
func (u uploadCmd) setView(i *invocation, p *progress) {
	switch {
	case u.Quiet:
	case u.JSON:
		p.view = newJSONLines(i)
	case terminal.Is(i.stderr) && u.Term != "dumb":
		p.view = newBars(i, p)
	default:
		p.view = newLines(i, p)
	}
}

// silent is the view of --quiet.
type silent struct{}

func (silent) begin(*file)                             {}
func (silent) event(*file, engine.Event)               {}
func (silent) end(*file, engine.Result, *engine.Error) {}
func (silent) close()                                  {}

// lines is the view for logs: results go to stdout, progress to stderr.
type lines struct {
	stdout, stderr io.Writer
	all            *file
	single         bool // there is one file
	retries
	stop    chan struct{}
	stopped sync.WaitGroup
}

const (
	// reportInterval is the time between progress lines.
	reportInterval = 10 * time.Second
	// retryReportInterval is the shortest time between retry lines of a file.
	retryReportInterval = 5 * time.Second
)

func newLines(i *invocation, p *progress) *lines {
	l := &lines{
		stdout: i.stdout, stderr: i.stderr, all: p.all, single: len(p.files) < 2,
		retries: retries{}, stop: make(chan struct{}),
	}
	l.stopped.Go(l.reportProgress)
	return l
}

func (l *lines) reportProgress() {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	var p rateEstimate
	p.update(time.Now(), 0)
	for {
		var rate float64
		select {
		case <-l.stop:
			return
		case now := <-ticker.C:
			rate = p.update(now, l.all.moved.Load())
		}
		text := fmt.Sprintf("%s sent, %s", formatBytes(l.all.sent.Load()), formatRate(rate))
		if left := l.all.remaining(rate); left != "" {
			text = fmt.Sprintf("%s of %s sent (%s), %s, %s left", formatBytes(l.all.sent.Load()),
				formatBytes(l.all.size.Load()), l.all.percent(), formatRate(rate), left)
		}
		fmt.Fprintln(l.stderr, text)
	}
}

func (l *lines) begin(*file) {}

func (l *lines) event(f *file, e engine.Event) {
	if e.Kind == engine.Resumed {
		fmt.Fprintf(l.stderr, "resumed %s: %s of %s already uploaded\n",
			displayName(f.name), formatBytes(e.Bytes), formatBytes(e.Total))
	}
	l.retries.event(l.stderr, f, e)
}

func (l *lines) end(f *file, result engine.Result, failure *engine.Error) {
	switch {
	case failure == nil:
		fmt.Fprintln(l.stdout, completedLine(f, result))
	case !l.single && !errors.Is(failure, errInterrupted):
		fmt.Fprintln(l.stderr, "failed "+oneLineError(failure)) // finish adds the remedy
	}
}

func (l *lines) close() {
	close(l.stop)
	l.stopped.Wait()
}

// retries holds the time of the last retry line of each file.
type retries map[*file]time.Time

func (r retries) event(w io.Writer, f *file, e engine.Event) {
	now := time.Now()
	if e.Kind != engine.Retrying || now.Sub(r[f]) < retryReportInterval {
		return
	}
	r[f] = now
	what := displayName(f.name)
	if e.Part > 0 {
		what += fmt.Sprintf(", part %d", e.Part)
	}
	fmt.Fprintf(w, "retrying %s: %v\n", what, e.Error)
}

// completedLine returns the line of an uploaded or skipped file.
func completedLine(f *file, r engine.Result) string {
	if r.Skipped {
		return fmt.Sprintf("skipped %s: uploaded before as %s (use --again to upload it again)", displayName(f.name), r.ID)
	}
	return fmt.Sprintf("uploaded %s as %s (%s)", displayName(f.name), r.ID, formatBytes(r.Size))
}

// jsonEvent is a line of --json. Names and meanings must not change.
type jsonEvent struct {
	Event    string `json:"event"`
	File     string `json:"file"`
	ID       string `json:"id,omitempty"`
	Bytes    *int64 `json:"bytes,omitempty"` // uploaded so far
	Total    *int64 `json:"total,omitempty"` // missing if unknown
	Part     int32  `json:"part,omitempty"`
	Parts    int64  `json:"parts,omitempty"`
	PartSize int64  `json:"part_size,omitempty"`
	Bucket   string `json:"bucket,omitempty"`
	Key      string `json:"key,omitempty"`
	ETag     string `json:"etag,omitempty"`
	Error    string `json:"error,omitempty"`
	Code     string `json:"code,omitempty"` // error code of the service or the store
}

// jsonLines is the view of --json.
type jsonLines struct {
	encoder  *json.Encoder
	reported map[*file]time.Time // time of the last progress event
}

// progressInterval is the shortest time between progress events of a file.
const progressInterval = 250 * time.Millisecond

func newJSONLines(i *invocation) *jsonLines {
	v := &jsonLines{encoder: json.NewEncoder(i.stdout), reported: map[*file]time.Time{}}
	v.encoder.SetEscapeHTML(false)
	return v
}

func (v *jsonLines) begin(*file) {}

func (v *jsonLines) event(f *file, e engine.Event) {
	if e.Kind == engine.Progress {
		now := time.Now()
		if now.Sub(v.reported[f]) < progressInterval {
			return
		}
		v.reported[f], e.Part = now, 0 // for all parts
	}
	v.print(f, jsonEvent{Event: string(e.Kind), Part: e.Part}, e.Error)
}

func (v *jsonLines) end(f *file, r engine.Result, failure *engine.Error) {
	delete(v.reported, f)
	e := jsonEvent{Event: "completed", Bucket: r.Bucket, Key: r.Key, ETag: r.ETag}
	switch {
	case failure != nil:
		e.Event = "failed"
		v.print(f, e, failure)
		return
	case r.Skipped:
		e.Event = "skipped"
	}
	f.id = r.ID
	f.size.Store(r.Size)
	f.sent.Store(r.Size)
	v.print(f, e, nil)
}

// print completes e and writes it as one line.
func (v *jsonLines) print(f *file, e jsonEvent, err error) {
	sent, size := f.sent.Load(), f.size.Load()
	e.File, e.ID, e.Bytes = f.name, f.id, &sent
	if size >= 0 {
		e.Total = &size
	}
	if err != nil {
		e.Error, e.Code = err.Error(), errorCode(err)
	}
	_ = v.encoder.Encode(e)
}

func (v *jsonLines) close() {}

// planEvent is the line of --dry-run --json.
func planEvent(path string, p engine.Plan) string {
	e := jsonEvent{Event: "planned", File: path, ID: p.ResumeID + p.CompletedID, Parts: p.Parts, PartSize: p.PartSize}
	if p.Size >= 0 {
		e.Total = &p.Size
	}
	if p.CompletedID != "" {
		e.Event = "skipped"
	}
	line, _ := json.Marshal(e) // strings and numbers never fail
	return string(line)
}
