package s3events_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/signpost-s3/signpost/internal/s3events"
)

const key = "imports/public/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"

// TestStoreFormats parses the notifications of each store in testdata. They are recorded, or copied from its
// documentation or source, with our names.
func TestStoreFormats(t *testing.T) {
	want := map[string]string{ // the key of the created object in bucket uploads; empty: no object
		"s3-put": key, "s3-post": key, "s3-copy": "a/Happy Face+(1).jpg", "s3-multipart": key,
		"s3-removed": "", "s3-restored": "", "s3-tagged": "", "s3-test": "",
		"minio-put": key, "minio-post": key, "minio-multipart": key, "minio-encoded": "photos/my summer(2024).jpg",
		"minio-retention": "", "minio-read": "",
		"ceph-put": key, "ceph-multipart": key, "ceph-prefixed": key, "ceph-plain-key": "photos/100% mine.jpg",
		"ceph-expired":  "",
		"versitygw-put": key, "versitygw-multipart": key, "versitygw-test": "",
		"versitygw-post":   "error", // v1.8.0 reads the key from the path, which has none for a form
		"seaweedfs-create": key, "seaweedfs-delete": "",
		"eventbridge-put": key, "eventbridge-post": key, "eventbridge-multipart": key,
		"eventbridge-copy": "photos/1+1 = 100%.jpg", "eventbridge-deleted": "", "eventbridge-scheduled": "",
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files in testdata, %v, want %d", len(files), err, len(want))
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		key, known := want[name]
		got, err := s3events.Parse(body)
		switch {
		case !known:
			t.Errorf("%s: the table has no such file", name)
		case key == "error":
			if err == nil || got != nil {
				t.Errorf("%s: got %v, %v, want an error", name, got, err)
			}
		case key == "" && (err != nil || len(got) != 0):
			t.Errorf("%s: got %v, %v, want nothing", name, got, err)
		case key != "" && (err != nil || !slices.Equal(got, []s3events.CreatedObject{{Bucket: "uploads", Key: key}})):
			t.Errorf("%s: got %v, %v, want %s", name, got, err, key)
		}
	}
}

// record returns the shortest record of a creation.
func record(bucket, key string) string {
	return fmt.Sprintf(`{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q}}}`, bucket, key)
}

// from returns a record of the created object b/k with this eventSource.
func from(source string) string {
	return fmt.Sprintf(`{"eventSource":%q,`, source) + record("b", "k")[1:]
}

func records(all ...string) string { return `{"Records":[` + strings.Join(all, ",") + `]}` }

func TestRecords(t *testing.T) {
	good := record("b", "k")
	for _, c := range []struct {
		name, body, want string // bucket/key of each, after a space
	}{
		{"one", records(good), "b/k"},
		{"none", records(), ""},
		{"in their order", records(record("b", "2"), record("a", "1"), record("b", "1")), "b/2 a/1 b/1"},
		{"twice", records(good, record("b", "l"), good), "b/k b/l"},
		{"twice, spelled in two ways", records(record("b", "a/b"), record("b", "a%2Fb")), "b/a/b"},
		{"of two buckets", records(good, record("c", "k")), "b/k c/k"},
		{"invalid among valid ones", records(`null`, `7`, `{}`, good, `{"eventName":"ObjectCreated:Put"}`, `{"eventName":7}`,
			record("", "k"), record("b", "l")), "b/k b/l"},
		{"invalid among ignored ones", records(`null`, `{"eventName":"ObjectRemoved:Delete"}`), ""},
		{"an unknown name", records(`{"eventName":"ObjectCreated:Levitate","s3":7}`), ""},
		{"a name that is part of one", records(strings.Replace(good, "ObjectCreated:Put", "ObjectCreated:", 1)), ""},
		{"a name in lower case", records(strings.Replace(good, "ObjectCreated:Put", "objectcreated:put", 1)), ""},
		{"another service's record among good ones", records(from("aws:dynamodb"), good), "b/k"},
		{"AWS", records(from("aws:s3")), "b/k"},
		{"MinIO", records(from("minio:s3")), "b/k"},
		{"Ceph", records(from("ceph:s3")), "b/k"},
		{"an unknown store", records(from("example:s3")), "b/k"},
		{"a store without eventSource", records(from("")), "b/k"},
		{"a key that does not decode",
			records(record("b", "100%"), record("b", "%zz+"), record("b", "%FF")), "b/100% b/%zz+ b/%FF"},
		{"a key with all kinds of encoding", records(record("b", "a+b%2Bc%25d%C3%A9")), "b/a_b+c%dé"},
		{"unknown members", `{"Records":[` + good[:len(good)-1] + `,"more":{"a":[1]}}],"EventName":7,"Key":null}`, "b/k"},
		{"as many as allowed", records(slices.Repeat([]string{good}, 1000)...), "b/k"},
	} {
		got, err := s3events.Parse([]byte(c.body))
		var objects []string
		for _, o := range got {
			objects = append(objects, strings.ReplaceAll(o.Bucket+"/"+o.Key, " ", "_"))
		}
		if joined := strings.Join(objects, " "); err != nil || joined != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, joined, err, c.want)
		}
	}
}

// TestMalformed: errors name the expected format and quote nothing of the body.
func TestMalformed(t *testing.T) {
	bridge := func(detail string) string {
		return `{"source":"aws.s3","detail-type":"Object Created","detail":` + detail + `}`
	}
	const unknown = "it must have Records, as S3 sends them"
	const foreign = `/Records/0: eventSource must end in ":s3", such as aws:s3`
	for _, c := range []struct{ name, body, want string }{
		{"nothing", ``, "invalid JSON"},
		{"white space", "\n ", "invalid JSON"},
		{"half of one", `{"Records":[`, "invalid JSON"},
		{"one and a half", records(record("b", "k")) + `{`, "invalid JSON"},
		{"XML", `<Event/>`, "invalid JSON at byte offset 0"},
		{"no UTF-8", "{\"Records\":\"\xff\"}", "invalid JSON"},
		{"a member twice", `{"Records":[],"Records":[]}`, "invalid JSON"},
		{"null", `null`, unknown},
		{"a list", `[]`, unknown},
		{"a text", `"secret"`, unknown},
		{"a number", `7`, unknown},
		{"no members", `{}`, unknown},
		{"other members", `{"secret":1,"records":[],"Event":"secret"}`, unknown},
		{"Records null", `{"Records":null}`, unknown},
		{"Records no list", `{"Records":{"secret":1}}`, "/Records: wrong JSON type"},
		{"a record null", records(`null`), "/Records/0: eventName is required"},
		{"a record no object", records(`"secret"`, `1`), "/Records/0: wrong JSON type"},
		{"SQS", records(`{"eventSource":"aws:sqs","body":"secret"}`), foreign},
		{"DynamoDB",
			records(`{"eventSource":"aws:dynamodb","eventName":"INSERT","dynamodb":{"Keys":{"secret":{"S":"1"}}}}`), foreign},
		{"Kinesis",
			records(`{"eventSource":"aws:kinesis","eventName":"aws:kinesis:record","kinesis":{"data":"secret"}}`), foreign},
		{"CodeCommit",
			records(`{"eventSource":"aws:codecommit","eventName":"ReferenceChanges","codecommit":{}}`), foreign},
		{"SNS", records(`{"EventSource":"aws:sns","Sns":{"Message":"secret"}}`), "/Records/0: eventName is required"},
		{"a source of another service, with the name of a creation", records(from("aws:sqs")), foreign},
		{"a source that ends like one", records(from("aws:xs3")), foreign},
		{"a source without a vendor", records(from("s3")), foreign},
		{"a source that is no text",
			records(`{"eventSource":["secret"],"eventName":"ObjectCreated:Put"}`), "type at /eventSource"},
		{"two services", records(from("aws:sqs"), from("aws:kinesis")), foreign},
		{"a name that is no text",
			records(`{"eventName":["secret"]}`), "/Records/0: wrong JSON type at /eventName"},
		{"no s3", records(`{"eventName":"ObjectCreated:Put"}`), "/Records/0: s3: bucket.name and object.key"},
		{"s3 null", records(`{"eventName":"ObjectCreated:Put","s3":null}`), "/Records/0: s3: bucket.name and object.key"},
		{"s3 a text",
			records(`{"eventName":"ObjectCreated:Put","s3":"secret"}`), "/Records/0: s3: wrong JSON type"},
		{"no key", records(record("b", "")), "/Records/0: s3: bucket.name and object.key"},
		{"no bucket", records(record("", "secret")), "/Records/0: s3: bucket.name and object.key"},
		{"a key that is no text",
			records(`{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":7}}}`),
			"type at /object/key"},
		{"too many", records(slices.Repeat([]string{record("b", "k")}, 1001)...), "at most 1000 Records"},
		{"too long", records(`"` + strings.Repeat("a", 1<<20) + `"`), "at most 1024000 bytes"},
		{"too deep", `{"Records":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "invalid JSON"},
		{"too deep, in an unknown member",
			`{"secret":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat("}", 20_001), "invalid JSON"},
		{"a type that is no text", `{"detail-type":7,"source":"aws.s3","detail":{}}`, "type at /detail-type"},
		{"no detail", `{"source":"aws.s3","detail-type":"Object Created"}`, "detail: bucket.name and object.key"},
		{"detail null", bridge(`null`), "detail: bucket.name and object.key"},
		{"detail a list", bridge(`["secret"]`), "detail: wrong JSON type"},
		{"detail without key", bridge(`{"bucket":{"name":"secret"},"object":{}}`), "detail: bucket.name and object.key"},
	} {
		got, err := s3events.Parse([]byte(c.body))
		if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", c.name, got, err, c.want)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q, want one line that quotes nothing", c.name, err)
		}
	}
}

// FuzzParse: Parse returns either an error or up to 1,000 different objects, each with bucket and key.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range []string{
		``, `null`, `{"Records":null}`, records(`null`, record("b", "%zz"), record("b", "%00")),
		`{"detail-type":"Object Created","source":"aws.s3","detail":7}`, `{"Event":"s3:TestEvent"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := s3events.Parse(body)
		if err != nil && got != nil || len(got) > 1000 {
			t.Errorf("Parse(%q) = %d objects, %v", body, len(got), err)
		}
		seen := map[s3events.CreatedObject]bool{}
		for _, o := range got {
			if o.Bucket == "" || o.Key == "" || seen[o] {
				t.Errorf("Parse(%q) = %v, with %v, which is incomplete or repeated", body, got, o)
			}
			seen[o] = true
		}
	})
}

// TestHandleEach: each key of the bucket is handled, at most eight at a time. Errors and panics do not stop the other
// calls.
func TestHandleEach(t *testing.T) {
	var objects []s3events.CreatedObject
	for i := range 40 {
		objects = append(objects, s3events.CreatedObject{Bucket: "uploads", Key: fmt.Sprint(i)})
		objects = append(objects, s3events.CreatedObject{Bucket: "others", Key: "x"})
	}
	fault := errors.New("fault")
	var mu sync.Mutex
	handled, running, most := map[string]int{}, 0, 0
	full := make(chan struct{})
	isFull := sync.OnceFunc(func() { close(full) })
	err := s3events.HandleEach(t.Context(), objects, "uploads", func(_ context.Context, key string) error {
		mu.Lock()
		handled[key]++
		running++
		if most = max(most, running); most == 8 {
			isFull()
		}
		mu.Unlock()
		<-full // until as many run as can
		mu.Lock()
		running--
		mu.Unlock()
		switch key {
		case "3":
			return fault
		case "4":
			panic("at the fourth")
		}
		return nil
	})
	if !errors.Is(err, fault) || !strings.Contains(err.Error(), "at the fourth") {
		t.Errorf("got %v, want the fault and the panic", err)
	}
	if len(handled) != 40 || handled["x"] != 0 || most != 8 {
		t.Errorf("handled %v, %d at once, want 40 keys of the bucket, 8 at once", handled, most)
	}
}
