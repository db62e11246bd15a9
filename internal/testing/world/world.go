// Package world provides a bucket with a clock for tests of several servers that share the bucket. The bucket is in
// memory, or in the store that the environment names (see storetest), so that the same tests run against both.
package world

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// Owner is the owner of the imports of a World.
const Owner = "o"

// Content is the content of uploaded objects.
const Content = "hello, bucket"

// World is an empty bucket, the time of the servers that share it, and the receiver of their events.
type World struct {
	*testing.T
	Receiver
	Target storetest.Target
	Client *s3.Client // the operator's, without faults

	direct http.RoundTripper // to the store
	ahead  atomic.Int64      // nanoseconds by which Now is ahead of the clock of the test
}

// direct is shared, so that the worlds of a test binary share connections.
var direct = &http.Transport{MaxIdleConnsPerHost: 64}

// New returns a World in the store that the environment names or, if it names none, in memory.
func New(t *testing.T) *World {
	t.Helper()
	if storetest.IsRemote() {
		target := storetest.OpenNew(t)
		return &World{T: t, Target: target, Client: target.Client(), direct: direct}
	}
	store := &storetest.Memory{}
	target := storetest.Target{AWS: store.AWS(store), Bucket: storetest.MemoryBucket, PathStyle: true}
	return &World{T: t, Target: target, Client: target.Client(), direct: store}
}

// FakeTime runs a test that waits, with the fake time of package synctest. With a store that the environment names,
// time is real.
func FakeTime(t *testing.T, test func(t *testing.T)) {
	if storetest.IsRemote() {
		test(t)
		return
	}
	synctest.Test(t, test)
}

// Now returns the time of all servers.
func (w *World) Now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// Advance lets d pass.
func (w *World) Advance(d time.Duration) { w.ahead.Add(int64(d)) }

// Put stores an object.
func (w *World) Put(key, content string) {
	w.Helper()
	if _, err := w.Client.PutObject(w.Context(), &s3.PutObjectInput{
		Bucket: &w.Target.Bucket, Key: &key, Body: strings.NewReader(content),
	}); err != nil {
		w.Fatal(err)
	}
}

// PutJSON stores v as JSON.
func (w *World) PutJSON(key string, v any) {
	w.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		w.Fatal(err)
	}
	w.Put(key, string(body))
}

// ReadJSON reads the object at key into v.
func (w *World) ReadJSON(key string, v any) {
	w.Helper()
	out, err := w.Client.GetObject(w.Context(), &s3.GetObjectInput{Bucket: &w.Target.Bucket, Key: &key})
	if err != nil {
		w.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err == nil {
		err = json.Unmarshal(body, v)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// Keys returns up to 1,000 keys with prefix.
func (w *World) Keys(prefix string) (keys []string) {
	w.Helper()
	out, err := w.Client.ListObjectsV2(w.Context(), &s3.ListObjectsV2Input{Bucket: &w.Target.Bucket, Prefix: &prefix})
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// UploadPart uploads Content as a part of the multipart upload of j.
func (w *World) UploadPart(j imports.Job, number int32) {
	w.Helper()
	w.uploadPart(j.Key(), j.Parts.UploadID, number)
}

func (w *World) uploadPart(key, id string, number int32) {
	w.Helper()
	if _, err := w.Client.UploadPart(w.Context(), &s3.UploadPartInput{
		Bucket: &w.Target.Bucket, Key: &key, UploadId: &id, PartNumber: &number, Body: strings.NewReader(Content),
	}); err != nil {
		w.Fatal(err)
	}
}

// CreateUpload creates a multipart upload with a part, which the service did not create.
func (w *World) CreateUpload(key string) {
	w.Helper()
	in := &s3.CreateMultipartUploadInput{Bucket: &w.Target.Bucket, Key: &key}
	out, err := w.Client.CreateMultipartUpload(w.Context(), in)
	if err != nil {
		w.Fatal(err)
	}
	w.uploadPart(key, *out.UploadId, 1)
}

// Uploads returns the number of multipart uploads in progress, at most 1,000.
func (w *World) Uploads() int {
	w.Helper()
	out, err := w.Client.ListMultipartUploads(w.Context(), &s3.ListMultipartUploadsInput{Bucket: &w.Target.Bucket})
	if err != nil {
		w.Fatal(err)
	}
	return len(out.Uploads)
}
