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

// TestShapes reads what each store sends, in testdata: copies of what its documents show or its source writes, with our names in them.
func TestShapes(t *testing.T) {
	want := map[string]string{ // the key told of in bucket uploads; empty: nothing is
		"s3-put": key, "s3-post": key, "s3-copy": "a/Happy Face+(1).jpg", "s3-multipart": key,
		"s3-removed": "", "s3-restored": "", "s3-tagged": "", "s3-test": "",
		"minio-put": key, "minio-multipart": key, "minio-encoded": "photos/my summer(2024).jpg", "minio-retention": "", "minio-read": "",
		"ceph-put": key, "ceph-prefixed": key, "ceph-plain-key": "photos/100% mine.jpg", "ceph-expired": "",
		"versitygw-put": key, "versitygw-multipart": key, "versitygw-test": "",
		"versitygw-post":  "error", // v1.8.0 takes the key from the path, where a form has none
		"eventbridge-put": key, "eventbridge-post": key, "eventbridge-copy": "photos/1+1 = 100%.jpg", "eventbridge-multipart": key,
		"eventbridge-deleted": "", "eventbridge-scheduled": "",
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
			t.Errorf("%s: nobody says what is in it", name)
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

// record is the shortest that tells of a creation.
func record(bucket, key string) string {
	return fmt.Sprintf(`{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q}}}`, bucket, key)
}

// from returns a record of the object-created event of bucket b and key k with this eventSource.
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
		{"odd ones among good ones", records(`null`, `7`, `{}`, good, `{"eventName":"ObjectCreated:Put"}`, `{"eventName":7}`, record("", "k"), record("b", "l")), "b/k b/l"},
		{"odd ones among others", records(`null`, `{"eventName":"ObjectRemoved:Delete"}`), ""},
		{"a name nobody knows", records(`{"eventName":"ObjectCreated:Levitate","s3":7}`), ""},
		{"a name that is part of one", records(strings.Replace(good, "ObjectCreated:Put", "ObjectCreated:", 1)), ""},
		{"a name in lower case", records(strings.Replace(good, "ObjectCreated:Put", "objectcreated:put", 1)), ""},
		{"another service's record among good ones", records(from("aws:dynamodb"), good), "b/k"},
		{"AWS", records(from("aws:s3")), "b/k"},
		{"MinIO", records(from("minio:s3")), "b/k"},
		{"Ceph", records(from("ceph:s3")), "b/k"},
		{"a store that is not known", records(from("example:s3")), "b/k"},
		{"a store that names no source", records(from("")), "b/k"},
		{"a key that does not decode", records(record("b", "100%"), record("b", "%zz+"), record("b", "%FF")), "b/100% b/%zz+ b/%FF"},
		{"a key with everything", records(record("b", "a+b%2Bc%25d%C3%A9")), "b/a_b+c%dé"},
		{"members that nobody knows", `{"Records":[` + good[:len(good)-1] + `,"more":{"a":[1]}}],"EventName":7,"Key":null}`, "b/k"},
		{"as many as may be", records(slices.Repeat([]string{good}, 1000)...), "b/k"},
	} {
		got, err := s3events.Parse([]byte(c.body))
		var told []string
		for _, a := range got {
			told = append(told, strings.ReplaceAll(a.Bucket+"/"+a.Key, " ", "_"))
		}
		if joined := strings.Join(told, " "); err != nil || joined != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, joined, err, c.want)
		}
	}
}

// TestMalformed: what is no event is refused in words that say what one is, and that quote nothing.
func TestMalformed(t *testing.T) {
	bridge := func(detail string) string {
		return `{"source":"aws.s3","detail-type":"Object Created","detail":` + detail + `}`
	}
	const unknown = "expected an S3 event notification"
	const foreign = `/Records/0: expected an eventSource that ends in ":s3", such as aws:s3`
	for _, c := range []struct{ name, body, want string }{
		{"nothing", ``, "expected JSON"},
		{"white space", "\n ", "expected JSON"},
		{"half of one", `{"Records":[`, "expected JSON"},
		{"one and a half", records(record("b", "k")) + `{`, "expected JSON"},
		{"XML", `<Event/>`, "expected JSON; see byte 0"},
		{"no UTF-8", "{\"Records\":\"\xff\"}", "expected JSON"},
		{"a member twice", `{"Records":[],"Records":[]}`, "expected JSON"},
		{"null", `null`, unknown},
		{"a list", `[]`, unknown},
		{"a text", `"secret"`, unknown},
		{"a number", `7`, unknown},
		{"no members", `{}`, unknown},
		{"others' members", `{"secret":1,"records":[],"Event":"secret"}`, unknown},
		{"Records null", `{"Records":null}`, unknown},
		{"Records no list", `{"Records":{"secret":1}}`, "/Records: expected another kind of value"},
		{"a record null", records(`null`), "/Records/0: expected an eventName"},
		{"a record no object", records(`"secret"`, `1`), "/Records/0: expected another kind of value"},
		{"SQS", records(`{"eventSource":"aws:sqs","body":"secret"}`), foreign},
		{"DynamoDB", records(`{"eventSource":"aws:dynamodb","eventName":"INSERT","dynamodb":{"Keys":{"secret":{"S":"1"}}}}`), foreign},
		{"Kinesis", records(`{"eventSource":"aws:kinesis","eventName":"aws:kinesis:record","kinesis":{"data":"secret"}}`), foreign},
		{"CodeCommit", records(`{"eventSource":"aws:codecommit","eventName":"ReferenceChanges","codecommit":{}}`), foreign},
		{"SNS", records(`{"EventSource":"aws:sns","Sns":{"Message":"secret"}}`), "/Records/0: expected an eventName"},
		{"a source of another service, with the name of a creation", records(from("aws:sqs")), foreign},
		{"a source that ends like one", records(from("aws:xs3")), foreign},
		{"a source without a vendor", records(from("s3")), foreign},
		{"a source that is no text", records(`{"eventSource":["secret"],"eventName":"ObjectCreated:Put"}`), "kind of value at /eventSource"},
		{"two services", records(from("aws:sqs"), from("aws:kinesis")), foreign},
		{"a name that is none", records(`{"eventName":["secret"]}`), "/Records/0: expected another kind of value at /eventName"},
		{"no s3", records(`{"eventName":"ObjectCreated:Put"}`), "/Records/0: s3: expected the bucket's name"},
		{"s3 null", records(`{"eventName":"ObjectCreated:Put","s3":null}`), "/Records/0: s3: expected the bucket's name"},
		{"s3 a text", records(`{"eventName":"ObjectCreated:Put","s3":"secret"}`), "/Records/0: s3: expected another kind of value"},
		{"no key", records(record("b", "")), "/Records/0: s3: expected the bucket's name"},
		{"no bucket", records(record("", "secret")), "/Records/0: s3: expected the bucket's name"},
		{"a key that is none", records(`{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":7}}}`), "kind of value at /object/key"},
		{"too many", records(slices.Repeat([]string{record("b", "k")}, 1001)...), "expected 1000 Records at most"},
		{"too long", records(`"` + strings.Repeat("a", 1<<20) + `"`), "expected 1024000 bytes at most"},
		{"too deep", `{"Records":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "expected JSON"},
		{"too deep, where nobody looks", `{"secret":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat("}", 20_001), "expected JSON"},
		{"a type that is none", `{"detail-type":7,"source":"aws.s3","detail":{}}`, "kind of value at /detail-type"},
		{"no detail", `{"source":"aws.s3","detail-type":"Object Created"}`, "detail: expected the bucket's name"},
		{"detail null", bridge(`null`), "detail: expected the bucket's name"},
		{"detail a list", bridge(`["secret"]`), "detail: expected another kind of value"},
		{"detail without key", bridge(`{"bucket":{"name":"secret"},"object":{}}`), "detail: expected the bucket's name"},
	} {
		got, err := s3events.Parse([]byte(c.body))
		if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", c.name, got, err, c.want)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q, want one line that quotes nothing", c.name, err)
		}
	}
}

// FuzzParse: whatever the body, it is refused with nothing told, or tells of up to 1,000 objects, each once, with bucket and key.
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
	for _, body := range []string{``, `null`, `{"Records":null}`, records(`null`, record("b", "%zz"), record("b", "%00")), `{"detail-type":"Object Created","source":"aws.s3","detail":7}`, `{"Event":"s3:TestEvent"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := s3events.Parse(body)
		if err != nil && got != nil || len(got) > 1000 {
			t.Errorf("Parse(%q) = %d arrivals, %v", body, len(got), err)
		}
		seen := map[s3events.CreatedObject]bool{}
		for _, a := range got {
			if a.Bucket == "" || a.Key == "" || seen[a] {
				t.Errorf("Parse(%q) = %v, with %v, which says nothing or is there twice", body, got, a)
			}
			seen[a] = true
		}
	})
}

// TestTell: each key of the bucket is noticed, eight at a time at most, and whatever becomes of one, the others are too.
func TestTell(t *testing.T) {
	var arrivals []s3events.CreatedObject
	for i := range 40 {
		arrivals = append(arrivals, s3events.CreatedObject{Bucket: "uploads", Key: fmt.Sprint(i)}, s3events.CreatedObject{Bucket: "others", Key: "x"})
	}
	fault := errors.New("fault")
	var mu sync.Mutex
	noticed, under, most := map[string]int{}, 0, 0
	full := make(chan struct{})
	isFull := sync.OnceFunc(func() { close(full) })
	err := s3events.HandleEach(t.Context(), arrivals, "uploads", func(_ context.Context, key string) error {
		mu.Lock()
		noticed[key]++
		under++
		if most = max(most, under); most == 8 {
			isFull()
		}
		mu.Unlock()
		<-full // so that as many are under way as can be
		mu.Lock()
		under--
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
	if len(noticed) != 40 || noticed["x"] != 0 || most != 8 {
		t.Errorf("noticed %v, %d at once, want 40 keys of the bucket, 8 at once", noticed, most)
	}
}
