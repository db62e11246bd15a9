// Package s3events parses the notifications that stores send when an object was created. It accepts additional and
// missing members and unknown event names, because stores differ. A notification only names an object: the service then
// inspects the object itself.
package s3events

import (
	"cmp"
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
	errUnknown = errors.New("it must have Records, as S3 sends them, detail-type and detail, as EventBridge does, " +
		"or event_type and key, as SeaweedFS does")
	errKind    = errors.New("wrong JSON type")
	errSource  = errors.New(`eventSource must end in ":s3", such as aws:s3`)
	errTooMany = fmt.Errorf("it must have at most %d Records", maxRecords)
	errTooLong = fmt.Errorf("it must have at most %d bytes", maxBody)
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
//   - the filer of SeaweedFS:
//     https://github.com/seaweedfs/seaweedfs/blob/master/weed/notification/webhook/types.go
func Parse(body []byte) ([]CreatedObject, error) {
	if len(body) > maxBody {
		return nil, errTooLong
	}
	var m struct {
		Records    jsontext.Value `json:"Records"`
		DetailType jsontext.Value `json:"detail-type"`
		Event      jsontext.Value `json:"Event"`
		EventType  jsontext.Value `json:"event_type"`
	}
	err := unmarshal(body, &m)
	switch {
	case errors.Is(err, errKind):
		return nil, errUnknown
	case err != nil:
		return nil, err
	case m.Records != nil:
		return parseRecords(m.Records)
	case m.DetailType != nil:
		return parseEventBridge(body)
	case m.EventType != nil:
		return parseFiler(body)
	case string(m.Event) == `"s3:TestEvent"`: // S3 and versitygw send it when notifications are configured
		return nil, nil
	}
	return nil, errUnknown
}

// parseObject parses the bucket and the key of an object, as all formats contain them. A nil text has neither.
func parseObject(text jsontext.Value) (none CreatedObject, err error) {
	var o struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key string `json:"key"`
		} `json:"object"`
	}
	if text != nil {
		err = unmarshal(text, &o)
	}
	if err == nil && (o.Bucket.Name == "" || o.Object.Key == "") {
		err = errors.New("bucket.name and object.key are required")
	}
	if err != nil {
		return none, err
	}
	return CreatedObject{o.Bucket.Name, o.Object.Key}, nil
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
	var invalid error // the first
	seen, anyValid := map[CreatedObject]bool{{}: true}, len(records) == 0
	for i, text := range records {
		o, err := parseRecord(text)
		if err != nil {
			invalid = cmp.Or(invalid, fmt.Errorf("/Records/%d: %w", i, err))
			continue
		}
		anyValid = true
		if !seen[o] {
			seen[o] = true
			all = append(all, o)
		}
	}
	if anyValid {
		return all, nil
	}
	return nil, invalid
}

// parseRecord returns the created object of a record, and none for other kinds of event.
func parseRecord(text jsontext.Value) (none CreatedObject, err error) {
	var r struct {
		Source string         `json:"eventSource"`
		Name   string         `json:"eventName"`
		S3     jsontext.Value `json:"s3"`
	}
	err = unmarshal(text, &r)
	switch {
	case err != nil:
		return none, err
	case !isStore(r.Source):
		return none, errSource
	case r.Name == "":
		return none, errors.New("eventName is required")
	case !isCreation(r.Name):
		return none, nil
	}
	o, err := parseObject(r.S3)
	if err != nil {
		return none, fmt.Errorf("s3: %w", err)
	}
	o.Key = decodeKey(o.Key)
	return o, nil
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
	o, err := parseObject(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("detail: %w", err)
	}
	return []CreatedObject{o}, nil
}

// parseFiler parses an event of SeaweedFS's filer about a file. Objects are files below /buckets, with their key as
// path. The filer also reports folders and the parts of uploads.
func parseFiler(body []byte) ([]CreatedObject, error) {
	var e struct {
		EventType string `json:"event_type"`
		Key       string `json:"key"`
	}
	if err := unmarshal(body, &e); err != nil {
		return nil, err
	}
	path, isObject := strings.CutPrefix(e.Key, "/buckets/")
	bucket, key, _ := strings.Cut(path, "/")
	if !isObject || key == "" || e.EventType != "create" && e.EventType != "update" {
		return nil, nil
	}
	return []CreatedObject{{bucket, key}}, nil
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
		return fmt.Errorf("invalid JSON at byte offset %d", syntax.ByteOffset)
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		return fmt.Errorf("%w at %s", errKind, semantic.JSONPointer)
	case errors.As(err, &semantic):
		return errKind
	}
	return errors.New("invalid JSON")
}
