package progress

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/signpost-s3/signpost/internal/upload"
)

// jsonEvent is a line of --json. Names and meanings must not change.
type jsonEvent struct {
	Event    string `json:"event"`
	File     string `json:"file"`
	ID       string `json:"id,omitempty"`
	Bytes    *int64 `json:"bytes,omitempty"`   // that the store has
	Sending  int64  `json:"sending,omitempty"` // bytes in flight
	Total    *int64 `json:"total,omitempty"`   // missing if unknown
	Part     int32  `json:"part,omitempty"`
	Parts    int64  `json:"parts,omitempty"`
	PartSize int64  `json:"part_size,omitempty"`
	Bucket   string `json:"bucket,omitempty"`
	Key      string `json:"key,omitempty"`
	ETag     string `json:"etag,omitempty"`
	Reason   Reason `json:"reason,omitempty"` // of ignored entries
	Error    string `json:"error,omitempty"`
	Code     string `json:"code,omitempty"` // error code of the service or the store
}

// jsonLines is the view of --json.
type jsonLines struct {
	silent
	encoder  *json.Encoder
	reported map[*file]time.Time // time of the last progress event
}

// progressInterval is the shortest time between progress events of a file.
const progressInterval = 250 * time.Millisecond

func newJSONLines(w io.Writer) *jsonLines {
	v := &jsonLines{encoder: json.NewEncoder(w), reported: map[*file]time.Time{}}
	v.encoder.SetEscapeHTML(false)
	return v
}

func (v *jsonLines) event(f *file, e upload.Event) {
	if e.Kind == upload.Progress {
		now := time.Now()
		if now.Sub(v.reported[f]) < progressInterval {
			return
		}
		v.reported[f], e.Part = now, 0 // for all parts
	}
	v.print(f, jsonEvent{Event: string(e.Kind), Part: e.Part}, e.Error)
}

func (v *jsonLines) end(f *file, r upload.Result, failure *upload.Error) {
	delete(v.reported, f)
	if failure != nil {
		v.print(f, jsonEvent{Event: "failed"}, failure)
		return
	}
	e := jsonEvent{Event: "completed", Bucket: r.Bucket, Key: r.Key, ETag: r.ETag}
	if r.Skipped {
		e.Event = "skipped"
	}
	f.id = r.ID
	f.size.Store(r.Size)
	f.stored.Store(r.Size)
	v.print(f, e, nil)
}

// print completes e and writes it as one line.
func (v *jsonLines) print(f *file, e jsonEvent, err error) {
	stored, size := f.stored.Load(), f.size.Load()
	e.File, e.ID, e.Bytes, e.Sending = f.name, f.id, &stored, f.sending.Load()
	if size >= 0 {
		e.Total = &size
	}
	if err != nil {
		e.Error = err.Error()
	}
	if response := (*upload.ResponseError)(nil); errors.As(err, &response) {
		e.Code = response.Code
	}
	_ = v.encoder.Encode(e)
}
