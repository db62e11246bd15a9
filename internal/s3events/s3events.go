// Package s3events reads what stores send when an object was created. It is forgiving of what the many kinds of store add or leave
// out, and of event names that it does not know, for nothing is taken from an event but where to look: what is there is for the
// store to say.
package s3events

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// CreatedObject is an object that was created, or replaced.
type CreatedObject struct {
	Bucket string
	Key    string // decoded
}

const (
	// maxRecords bounds an event. The stores send one record in each, and S3 promises no more than a list of them.
	maxRecords = 1000
	// maxBody gives each record a kilobyte, which is what an honest one takes.
	maxBody = maxRecords << 10
)

var (
	errUnknown = errors.New("expected an S3 event notification, which has Records, or an EventBridge event, which has detail-type and detail")
	errKind    = errors.New("expected another kind of value")
	errSource  = errors.New(`expected an eventSource that ends in ":s3", such as aws:s3`)
	errTooMany = fmt.Errorf("expected %d Records at most", maxRecords)
	errTooLong = fmt.Errorf("expected %d bytes at most", maxBody)
)

// Parse returns the objects whose creation body tells of, each once, in its order. What else may have happened to an object, and what
// has a name that is not known, is left out; so there may be none. A record that cannot be read is left out as well, and is an error
// only where there is none that can. No error quotes what the body says.
//
// A record of another service, such as DynamoDB or Kinesis, counts as one that cannot be read.
//
// The shapes are those of:
//   - S3, to Lambda and queues: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
//   - S3 by way of EventBridge: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
//   - MinIO, which sets EventName and Key beside the Records: https://github.com/minio/minio/blob/master/internal/event/event.go
//   - Ceph: https://docs.ceph.com/en/latest/radosgw/notifications/#events
//   - versitygw: https://github.com/versity/versitygw/blob/v1.8.0/s3event/event.go
func Parse(body []byte) ([]CreatedObject, error) {
	if len(body) > maxBody {
		return nil, errTooLong
	}
	var m struct {
		Records    jsontext.Value `json:"Records"`
		DetailType jsontext.Value `json:"detail-type"`
		Event      jsontext.Value `json:"Event"`
	}
	if err := read(body, &m); errors.Is(err, errKind) {
		return nil, errUnknown
	} else if err != nil {
		return nil, err
	}
	switch {
	case m.Records != nil:
		return ofRecords(m.Records)
	case m.DetailType != nil:
		return ofBridge(body)
	case string(m.Event) == `"s3:TestEvent"`: // what S3 and versitygw send when they are set up
		return nil, nil
	}
	return nil, errUnknown
}

// where is what both shapes have in common: the bucket and the object.
type where struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key string `json:"key"`
	} `json:"object"`
}

// readWhere takes no text at all for one that says nothing.
func readWhere(text jsontext.Value) (w where, err error) {
	if text != nil {
		err = read(text, &w)
	}
	if err == nil && (w.Bucket.Name == "" || w.Object.Key == "") {
		err = errors.New("expected the bucket's name and the object's key")
	}
	return w, err
}

// ofRecords reads what S3 sends itself, and those do that follow it.
func ofRecords(text jsontext.Value) ([]CreatedObject, error) {
	var records []jsontext.Value
	if err := read(text, &records); err != nil {
		return nil, fmt.Errorf("/Records: %w", err)
	}
	if records == nil { // null
		return nil, errUnknown
	}
	if len(records) > maxRecords {
		return nil, errTooMany
	}
	var all []CreatedObject
	seen, readable := map[CreatedObject]bool{}, len(records) == 0
	var odd error
	for i, text := range records {
		a, created, err := ofRecord(text)
		if err != nil {
			odd = errors.Join(odd, fmt.Errorf("/Records/%d: %w", i, err))
			continue
		}
		readable = true
		if created && !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	if readable {
		return all, nil
	}
	first, _, _ := strings.Cut(odd.Error(), "\n")
	return nil, errors.New(first)
}

func ofRecord(text jsontext.Value) (a CreatedObject, created bool, err error) {
	var r struct {
		Source string         `json:"eventSource"`
		Name   string         `json:"eventName"`
		S3     jsontext.Value `json:"s3"`
	}
	if err := read(text, &r); err != nil {
		return CreatedObject{}, false, err
	}
	if !isStore(r.Source) {
		return CreatedObject{}, false, errSource
	}
	if r.Name == "" {
		return CreatedObject{}, false, errors.New("expected an eventName")
	}
	if !creates(r.Name) {
		return CreatedObject{}, false, nil
	}
	w, err := readWhere(r.S3)
	if err != nil {
		return CreatedObject{}, false, fmt.Errorf("s3: %w", err)
	}
	return CreatedObject{w.Bucket.Name, decoded(w.Object.Key)}, true, nil
}

// isStore reports whether eventSource names S3 or an S3-compatible store: aws:s3, minio:s3, ceph:s3. Some stores omit it.
func isStore(eventSource string) bool {
	return eventSource == "" || strings.HasSuffix(eventSource, ":s3")
}

// creates reports whether an event of this name is of an object that was stored. MinIO, versitygw and some releases of Ceph put s3:
// before it. MinIO tells of tags, holds and retention as of things created, too: ObjectCreated:PutTagging and the like.
func creates(name string) bool {
	switch strings.TrimPrefix(name, "s3:") {
	case "ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload":
		return true
	}
	return false
}

// decoded is a key as it was before it was encoded like a form's field, which not every store does.
func decoded(key string) string {
	plain, err := url.QueryUnescape(key)
	if err != nil || !utf8.ValidString(plain) {
		return key
	}
	return plain
}

// ofBridge reads an event of EventBridge, which leaves keys as they are.
func ofBridge(body []byte) ([]CreatedObject, error) {
	var e struct {
		Source     string         `json:"source"`
		DetailType string         `json:"detail-type"`
		Detail     jsontext.Value `json:"detail"`
	}
	if err := read(body, &e); err != nil {
		return nil, err
	}
	if e.Source != "aws.s3" || e.DetailType != "Object Created" {
		return nil, nil
	}
	w, err := readWhere(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("detail: %w", err)
	}
	return []CreatedObject{{w.Bucket.Name, w.Object.Key}}, nil
}

// read is json.Unmarshal with errors that say where the fault is, and not what stands there.
func read(text []byte, target any) error {
	err := json.Unmarshal(text, target)
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return fmt.Errorf("expected JSON; see byte %d", syntax.ByteOffset)
	case errors.As(err, &meaning) && meaning.JSONPointer != "":
		return fmt.Errorf("%w at %s", errKind, meaning.JSONPointer)
	case errors.As(err, &meaning):
		return errKind
	}
	return errors.New("expected JSON")
}
