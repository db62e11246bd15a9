package imports

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// TestCreateSameIDTwice creates two imports with one ID concurrently: one is created, and both calls return it.
func TestCreateSameIDTwice(t *testing.T) {
	s := server(t, nil)
	for _, mode := range []Mode{Single, Form, Multipart} {
		t.Run(string(mode), func(t *testing.T) { createSameIDTwice(t, s, mode) })
	}
}

func createSameIDTwice(t *testing.T, s *Service, mode Mode) {
	id := newID(time.Now())
	requests := []Request{{Filename: "a", Mode: mode}, {Filename: "b", Mode: mode}}
	jobs := make([]Job, len(requests))
	var wg sync.WaitGroup
	for i, r := range requests {
		wg.Go(func() {
			var err error
			if jobs[i], err = s.create(t.Context(), r.job(Public, id, s.Limits)); err != nil {
				t.Errorf("create: %v", err)
			}
		})
	}
	wg.Wait()
	read, err := s.Read(t.Context(), Public, id)
	if mode == Multipart && (read.Parts.UploadID != jobs[0].Parts.UploadID ||
		jobs[0].Parts.UploadID != jobs[1].Parts.UploadID) {
		t.Errorf("got different uploads for one import")
	}
	if err != nil || jobs[0].Filename != jobs[1].Filename || read.Filename != jobs[0].Filename {
		t.Errorf("got jobs for %q and %q, and read %q, %v, want one winner", jobs[0].Filename, jobs[1].Filename,
			read.Filename, err)
	}
}

// TestClaimWithoutRecord: a server stops after it claimed an Idempotency-Key and before it wrote the record; the retry
// succeeds.
func TestClaimWithoutRecord(t *testing.T) {
	s := server(t, nil)
	id := newID(time.Now())
	r, key := Request{Filename: "a"}, uuid.NewString()
	if _, err := s.claim(t.Context(), Public, key, claim{ID: id, Fingerprint: r.fingerprint()}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		job, err := s.Create(t.Context(), Public, r, key)
		if err != nil || job.ID != id || job.Upload == nil {
			t.Errorf("Create with the claimed key: got %+v, %v, want job %s", job, err, id)
		}
	}
}

// TestRetryAfterExpiry: the retry of an interrupted create comes after its URL would have expired, and before its key
// may be claimed again.
func TestRetryAfterExpiry(t *testing.T) {
	s := server(t, nil)
	id := newID(time.Now().Add(-2 * time.Minute))
	r, key := Request{ExpiresIn: time.Minute}, uuid.NewString()
	if _, err := s.claim(t.Context(), Public, key, claim{ID: id, Fingerprint: r.fingerprint()}); err != nil {
		t.Fatal(err)
	}
	if j, err := s.Create(t.Context(), Public, r, key); err != nil || j.ID != id || j.Status != Expired ||
		j.Upload != nil {
		t.Errorf("Create: got %+v, %v, want job %s, expired", j, err, id)
	}
}

// TestStaleClaimWithoutRecord: a key whose first call stopped long ago can be claimed again.
func TestStaleClaimWithoutRecord(t *testing.T) {
	s := server(t, nil)
	id := newID(time.Now().Add(-2 * time.Hour))
	r, key := Request{Filename: "a"}, uuid.NewString()
	if _, err := s.claim(t.Context(), Public, key, claim{ID: id, Fingerprint: r.fingerprint()}); err != nil {
		t.Fatal(err)
	}
	first, err := s.Create(t.Context(), Public, r, key)
	if err != nil || first.ID == id || first.Upload == nil {
		t.Fatalf("Create with the old key: got %+v, %v, want a new job", first, err)
	}
	if again, err := s.Create(t.Context(), Public, r, key); err != nil || again.ID != first.ID {
		t.Errorf("Create again: got %+v, %v, want job %s", again, err, first.ID)
	}
}

// TestReadByOtherOwner: only its owner can use an ID.
func TestReadByOtherOwner(t *testing.T) {
	s := server(t, nil)
	job, err := s.Create(t.Context(), "alice", Request{}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Read(t.Context(), "bob", job.ID)
	if e := (*Error)(nil); !errors.As(err, &e) || e.Kind != NotFound {
		t.Errorf("Read as another owner: got %v, want NotFound", err)
	}
}

// TestRecordIsStable: records of earlier versions are read by later ones.
func TestRecordIsStable(t *testing.T) {
	const record = `{"id":"0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55","owner":"public","status":"failed","mode":"single",` +
		`"filename":"a.csv","relative_path":"é/100 %/a.csv","content_type":"text/csv","size":5,` +
		`"checksum":{"algorithm":"sha256","value":"v","verified":false},"metadata":{"k":"v"},"write_once":true,` +
		`"created_at":"2026-01-02T03:04:05.006Z",` +
		`"deadline":"2026-01-02T04:04:05Z","completed_at":"2026-01-02T03:05:00Z","object":{"size":4,"etag":"\"e\"",` +
		`"version_id":"1"},"failure":{"code":"size-mismatch","detail":"d"}}`
	for _, record := range []string{record, strings.Replace(record, `"relative_path":"é/100 %/a.csv",`, "", 1)} {
		var job Job
		if err := json.Unmarshal([]byte(record), &job); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(job); err != nil || string(got) != record {
			t.Errorf("record: got %s, %v,\nwant %s", got, err, record)
		}
	}
}
