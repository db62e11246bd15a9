// Package s3events parses the notifications that stores send when an object was created. It accepts additional and
// missing members and unknown event names, because stores differ. A notification only names an object: the service then
// inspects the object itself.
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

// CreatedObject is an object that was created or replaced.
type CreatedObject struct {
	Bucket string
	Key    string // decoded
}

const (
	// maxRecords limits the records of a notification. Stores send one record in each, but S3 documents a list.
	maxRecords = 1000
	// maxBody allows 1 kB for each record, the usual size of one.
	maxBody = maxRecords << 10
)

var (
	errUnknown = errors.New("expected an S3 event notification, which has Records, or an EventBridge event, " +
		"which has detail-type and detail")
	errKind    = errors.New("expected another kind of value")
	errSource  = errors.New(`expected an eventSource that ends in ":s3", such as aws:s3`)
	errTooMany = fmt.Errorf("expected %d Records at most", maxRecords)
	errTooLong = fmt.Errorf("expected %d bytes at most", maxBody)
)

// Parse returns the objects that were created according to body, each once, in its order. It ignores other and unknown
// kinds of event, so the result may be empty. It also ignores invalid records, unless all records are invalid: then it
// returns an error. Records of other services, such as DynamoDB or Kinesis, are invalid. Errors never quote the body.
//
// It accepts the formats of:
//   - S3, to Lambda and queues:
//     https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
//   - S3 through EventBridge: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
//   - MinIO, which sets EventName and Key beside the Records:
//     https://github.com/minio/minio/blob/master/internal/event/event.go
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
	if err := unmarshal(body, &m); errors.Is(err, errKind) {
		return nil, errUnknown
	} else if err != nil {
		return nil, err
	}
	switch {
	case m.Records != nil:
		return parseRecords(m.Records)
	case m.DetailType != nil:
		return parseEventBridge(body)
	case string(m.Event) == `"s3:TestEvent"`: // S3 and versitygw send it when notifications are configured
		return nil, nil
	}
	return nil, errUnknown
}

// location is the bucket and the key of an object, as all formats contain it.
type location struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key string `json:"key"`
	} `json:"object"`
}

// parseLocation parses a location with a bucket and a key. A nil text has neither.
func parseLocation(text jsontext.Value) (l location, err error) {
	if text != nil {
		err = unmarshal(text, &l)
	}
	if err == nil && (l.Bucket.Name == "" || l.Object.Key == "") {
		err = errors.New("expected the bucket's name and the object's key")
	}
	return l, err
}

// parseRecords parses the records of S3 and of stores that use its format.
func parseRecords(text jsontext.Value) ([]CreatedObject, error) {
	var records []jsontext.Value
	if err := unmarshal(text, &records); err != nil {
		return nil, fmt.Errorf("/Records: %w", err)
	}
	if records == nil { // null
		return nil, errUnknown
	}
	if len(records) > maxRecords {
		return nil, errTooMany
	}
	var all []CreatedObject
	seen, anyValid := map[CreatedObject]bool{}, len(records) == 0
	var invalid error
	for i, text := range records {
		o, created, err := parseRecord(text)
		if err != nil {
			invalid = errors.Join(invalid, fmt.Errorf("/Records/%d: %w", i, err))
			continue
		}
		anyValid = true
		if created && !seen[o] {
			seen[o] = true
			all = append(all, o)
		}
	}
	if anyValid {
		return all, nil
	}
	first, _, _ := strings.Cut(invalid.Error(), "\n")
	return nil, errors.New(first)
}

func parseRecord(text jsontext.Value) (o CreatedObject, created bool, err error) {
	var r struct {
		Source string         `json:"eventSource"`
		Name   string         `json:"eventName"`
		S3     jsontext.Value `json:"s3"`
	}
	if err := unmarshal(text, &r); err != nil {
		return CreatedObject{}, false, err
	}
	if !isStore(r.Source) {
		return CreatedObject{}, false, errSource
	}
	if r.Name == "" {
		return CreatedObject{}, false, errors.New("expected an eventName")
	}
	if !isCreation(r.Name) {
		return CreatedObject{}, false, nil
	}
	l, err := parseLocation(r.S3)
	if err != nil {
		return CreatedObject{}, false, fmt.Errorf("s3: %w", err)
	}
	return CreatedObject{l.Bucket.Name, decodeKey(l.Object.Key)}, true, nil
}

// isStore reports whether eventSource names S3 or an S3-compatible store: aws:s3, minio:s3, ceph:s3. Some stores omit
// it.
func isStore(eventSource string) bool {
	return eventSource == "" || strings.HasSuffix(eventSource, ":s3")
}

// isCreation reports whether events with this name report a stored object. MinIO, versitygw and some releases of Ceph
// add the prefix s3:. MinIO also sends ObjectCreated events for tags, legal holds and retention, such as
// ObjectCreated:PutTagging.
func isCreation(name string) bool {
	switch strings.TrimPrefix(name, "s3:") {
	case "ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload":
		return true
	}
	return false
}

// decodeKey returns the decoded form of a key that is encoded like a form field. Some stores do not encode keys.
func decodeKey(key string) string {
	plain, err := url.QueryUnescape(key)
	if err != nil || !utf8.ValidString(plain) {
		return key
	}
	return plain
}

// parseEventBridge parses an event of EventBridge, which does not encode keys.
func parseEventBridge(body []byte) ([]CreatedObject, error) {
	var e struct {
		Source     string         `json:"source"`
		DetailType string         `json:"detail-type"`
		Detail     jsontext.Value `json:"detail"`
	}
	if err := unmarshal(body, &e); err != nil {
		return nil, err
	}
	if e.Source != "aws.s3" || e.DetailType != "Object Created" {
		return nil, nil
	}
	l, err := parseLocation(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("detail: %w", err)
	}
	return []CreatedObject{{l.Bucket.Name, l.Object.Key}}, nil
}

// unmarshal calls json.Unmarshal. Its errors name the position of the fault and do not quote the text.
func unmarshal(text []byte, target any) error {
	err := json.Unmarshal(text, target)
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return fmt.Errorf("expected JSON; see byte %d", syntax.ByteOffset)
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		return fmt.Errorf("%w at %s", errKind, semantic.JSONPointer)
	case errors.As(err, &semantic):
		return errKind
	}
	return errors.New("expected JSON")
}
