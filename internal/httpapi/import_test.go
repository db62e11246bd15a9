package httpapi_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/uuid"
	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

func TestUntrackedImport(t *testing.T) {
	s := start(t, settings{})
	for name, send := range map[string]func() *http.Request{
		"no body":             func() *http.Request { return request(t, "POST", s.url+"/import", nil) },
		"trailing slash":      func() *http.Request { return request(t, "POST", s.url+"/import/", nil) },
		"JSON type, no body":  func() *http.Request { return withType(request(t, "POST", s.url+"/import", nil)) },
		"Content-Length: 0":   func() *http.Request { return withType(request(t, "POST", s.url+"/import", http.NoBody)) },
		"chunked, no content": func() *http.Request { return request(t, "POST", s.url+"/import", io.MultiReader()) },
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := do(t, send())
			if status != 200 || header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
				t.Fatalf("POST /import: got %d %v %s, want 200 application/json no-store", status, header, body)
			}
			var answer map[string]string
			if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer) != 1 {
				t.Fatalf("POST /import: got %s, want upload_url alone", body)
			}
			if strings.Contains(body, `\u0026`) {
				t.Errorf("POST /import: the URL in %s has more escapes than JSON requires", body)
			}
			content := []byte("uploaded with " + name)
			if status, code := put(t, answer["upload_url"], content); status != 200 {
				t.Fatalf("PUT to upload_url: got %d %s, want 200", status, code)
			}
			_, key, _ := strings.Cut(strings.Split(answer["upload_url"], "?")[0], "imports/")
			if got := read(t, s.stored(t, "imports/"+key).Body); !bytes.Equal(got, content) {
				t.Errorf("stored: got %q, want %q", got, content)
			}
		})
	}
}

// TestTrackedImport declares one member after another and checks what the store received.
func TestTrackedImport(t *testing.T) {
	s := start(t, settings{})
	content := []byte("id,amount\n1,42\n")
	for name, body := range map[string]client.ImportRequest{
		"nothing":   {},
		"size":      {Size: new(int64(len(content)))},
		"type":      {ContentType: "text/csv; charset=utf-8"},
		"filename":  {Filename: `Quartal "3" für Ζωή 📦.csv`},
		"metadata":  {Metadata: map[string]string{"order": "42", "note.x-y_z": "a  b"}},
		"once":      {WriteOnce: true},
		"sha256":    {Checksum: checksum("sha256", content)},
		"sha1":      {Checksum: checksum("sha1", content)},
		"crc32":     {Checksum: checksum("crc32", content)},
		"crc32c":    {Checksum: checksum("crc32c", content)},
		"crc64nvme": {Checksum: checksum("crc64nvme", content)},
		"all": {Size: new(int64(len(content))), ContentType: "text/csv", Filename: "a.csv",
			Metadata:  map[string]string{"k": "v"},
			WriteOnce: true, Checksum: checksum("sha256", content), Mode: client.ImportRequestModeSingle,
			ExpiresIn: 60},
	} {
		t.Run(name, func(t *testing.T) {
			job := s.create(t, body)
			if job.Status != client.ImportStatusAwaitingUpload || job.UploadURL != job.Upload.URL ||
				job.Upload.Method != "PUT" {
				t.Fatalf("create: got %+v, want an awaited PUT", job)
			}
			if again := s.read(t, job.ID); again.Status != client.ImportStatusAwaitingUpload || again.Upload == nil {
				t.Fatalf("read before the upload: got %+v, want an awaited job with a fresh URL", again)
			}
			if status, code := send(t, *job.Upload, content); status != 200 {
				t.Fatalf("upload: got %d %s, want 200", status, code)
			}
			done := s.read(t, job.ID)
			if done.Status != client.ImportStatusCompleted || *done.Size != int64(len(content)) || done.UploadURL != "" ||
				done.CompletedAt.IsZero() ||
				done.Object.ETag == "" {
				t.Fatalf("read after the upload: got %+v, want a completed job", done)
			}
			if c := body.Checksum; c != nil &&
				(done.Checksum == nil || !done.Checksum.Verified || done.Checksum.Value != c.Value) {
				t.Errorf("read after the upload: got checksum %+v, want %+v verified", done.Checksum, c)
			}
			object := s.stored(t, done.Object.Key)
			if got := read(t, object.Body); !bytes.Equal(got, content) {
				t.Errorf("stored: got %q, want %q", got, content)
			}
			if body.ContentType != "" && *object.ContentType != body.ContentType {
				t.Errorf("stored type: got %s, want %s", *object.ContentType, body.ContentType)
			}
			if body.Filename != "" {
				kind, params, err := mime.ParseMediaType(*object.ContentDisposition)
				if err != nil || kind != "attachment" || params["filename"] != body.Filename {
					t.Errorf("stored Content-Disposition: got %s, want one for %s", *object.ContentDisposition, body.Filename)
				}
			}
			for name, value := range body.Metadata {
				if object.Metadata[name] != value {
					t.Errorf("stored metadata %s: got %q, want %q", name, object.Metadata[name], value)
				}
			}
		})
	}
}

func TestEmptyImport(t *testing.T) {
	s := start(t, settings{})
	job := s.create(t, client.ImportRequest{Size: new(int64(0))})
	if status, _ := send(t, *job.Upload, []byte("x")); status < 400 {
		t.Errorf("one byte where none was declared: got %d, want a refusal", status)
	}
	if status, code := send(t, *job.Upload, nil); status != 200 {
		t.Errorf("no bytes: got %d %s, want 200", status, code)
	}
	if done := s.read(t, job.ID); done.Status != client.ImportStatusCompleted {
		t.Errorf("read: got %+v, want completed", done)
	}
}

// TestEmptyImportWithChecksum checks that the size is signed too: other content can have the CRC of no bytes.
func TestEmptyImportWithChecksum(t *testing.T) {
	s := start(t, settings{})
	for _, algorithm := range []client.ChecksumAlgorithm{"sha256", "sha1", "crc32", "crc64nvme"} {
		job := s.create(t, client.ImportRequest{Size: new(int64(0)), Checksum: checksum(algorithm, nil)})
		if status, _ := send(t, *job.Upload, []byte("x")); status < 400 || s.stored(t, job.Object.Key) != nil {
			t.Errorf("%s, one byte: got %d, want a refusal", algorithm, status)
		}
		if status, code := send(t, *job.Upload, nil); status != 200 {
			t.Errorf("%s, no bytes: got %d %s, want 200", algorithm, status, code)
		}
		if done := s.read(t, job.ID); done.Status != client.ImportStatusCompleted || !done.Checksum.Verified {
			t.Errorf("%s, no bytes: got %s, verified %v, want it completed and verified", algorithm,
				done.Status, done.Checksum.Verified)
		}
	}
}

// TestLargestHeaders uploads with the most and longest headers that the service accepts, which must fit into a file
// system's attributes (ext4: 4 kB in total): otherwise the store would reject the upload.
func TestLargestHeaders(t *testing.T) {
	s := start(t, settings{})
	metadata := map[string]string{}
	for i := range 50 {
		metadata[fmt.Sprintf("key-%02d", i)] = "v"
	}
	job := s.create(t, client.ImportRequest{
		Filename: strings.Repeat("界", 180), ContentType: "text/" + strings.Repeat("x", 20), Metadata: metadata,
		Size: new(int64(1)), Checksum: checksum("sha256", []byte("x")), WriteOnce: true,
	})
	if status, code := send(t, *job.Upload, []byte("x")); status != 200 {
		t.Errorf("upload: got %d %s, want 200", status, code)
	}
	long := `{"filename":"` + strings.Repeat("界", 255) + `"}`
	if status, _, answer := s.post(t, "application/json", long); status != 400 ||
		!strings.Contains(answer, `"/filename"`) {
		t.Errorf("a name that S3 would not store: got %d %s, want 400", status, answer)
	}
}

func TestUnknownImport(t *testing.T) {
	s := start(t, settings{})
	id := s.create(t, client.ImportRequest{}).ID
	for _, unknown := range []string{
		"0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55", "00000000-0000-7000-8000-000000000000", strings.ToUpper(id), "urn:uuid:" + id,
		"%7B" + id + "%7D",
		strings.ReplaceAll(id, "-", ""), id + "0", "x", "..", "%2e%2e", id + "%00", id + "%2F", strings.Repeat("a", 3000),
		"0198c5a4-7b1e-4c3a-9f00-2a6d7c1b4e55", // version 4
	} {
		status, header, body := do(t, request(t, "GET", s.url+"/import/"+unknown, nil))
		if status != 404 || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET /import/%.60s: got %d %s, want 404", unknown, status, body)
		}
	}
}

// TestIdempotency repeats a create: the same key and body return the same import, another body is rejected.
func TestIdempotency(t *testing.T) {
	s := start(t, settings{})
	create := func(key, body string) (int, client.Import, string) {
		r := withType(request(t, "POST", s.url+"/import", strings.NewReader(body)))
		r.Header.Set("Idempotency-Key", key)
		status, header, answer := do(t, r)
		var job client.Import
		if status == 201 {
			if err := json.Unmarshal([]byte(answer), &job); err != nil {
				t.Fatal(err)
			}
			if got, want := header.Get("Location"), "/import/"+job.ID; got != want {
				t.Errorf("Location: got %q, want %q", got, want)
			}
		}
		return status, job, answer
	}
	key := uuid.NewString()
	_, first, answer := create(key, `{"size": 5, "filename": "a"}`)
	if first.ID == "" {
		t.Fatalf("create: got %s, want a job", answer)
	}
	if status, again, _ := create(key, `{"filename":"\u0061","size":5}`); status != 201 || again.ID != first.ID ||
		again.UploadURL == "" {
		t.Errorf("the same request again: got %d %+v, want job %s", status, again, first.ID)
	}
	if status, _, answer := create(key, `{"size": 6}`); status != 422 ||
		!strings.Contains(answer, "idempotency-key-reused") {
		t.Errorf("another body: got %d %s, want 422 idempotency-key-reused", status, answer)
	}
	if status, other, _ := create(uuid.NewString(), `{"size": 5, "filename": "a"}`); status != 201 ||
		other.ID == first.ID {
		t.Errorf("another key: got %d %+v, want another job", status, other)
	}
	for _, bad := range []string{"", " ", "a b", "ü", strings.Repeat("k", 256)} {
		if status, _, answer := create(bad, `{}`); status != 400 ||
			!strings.Contains(answer, `"parameter":"Idempotency-Key"`) {
			t.Errorf("key %.20q: got %d %s, want 400 naming the header", bad, status, answer)
		}
	}
}

// TestWeakIdempotencyKeys: anonymous clients share one namespace of keys, so a key that another client could guess is
// rejected, before a request to the store.
func TestWeakIdempotencyKeys(t *testing.T) {
	authenticate, keys := newKeys(t, map[string]auth.Scope{"alice": auth.All})
	target := storetest.Open(t)
	own := target.AWS.Copy()
	var calls atomic.Int64
	own.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
		calls.Add(1)
		return http.DefaultClient.Do(r)
	})
	anonymous := start(t, settings{aws: &own})
	named := start(t, settings{options: func(o *httpapi.Options) { o.Authenticate = authenticate }})
	create := func(s *service, key, body string) (int, string) {
		r := withType(request(t, "POST", s.url+"/import", strings.NewReader(body)))
		r.Header.Set("Idempotency-Key", key)
		if s == named {
			r.Header.Set("X-Api-Key", keys["alice"])
		}
		status, _, answer := do(t, r)
		return status, answer
	}
	random := uuid.New()
	v1, v7 := uuid.Must(uuid.NewUUID()).String(), uuid.Must(uuid.NewV7()).String()
	for _, c := range []struct {
		key  string
		weak bool
	}{
		{random.String(), false}, {strings.ToUpper(uuid.NewString()), false},
		{"order-42", true}, {"1", true}, {v1, true}, {v7, true}, {uuid.NewSHA1(random, nil).String(), true},
		{uuid.Nil.String(), true},
		{strings.ReplaceAll(random.String(), "-", ""), true}, {random.URN(), true}, {"{" + random.String() + "}", true},
		{random.String() + "0", true}, {strings.Repeat("k", 255), true},
	} {
		for range 2 {
			before := calls.Load()
			status, answer := create(anonymous, c.key, `{"size":5}`)
			storeCalled := calls.Load() > before
			switch {
			case !c.weak && status != 201:
				t.Errorf("anonymous client, key %.40s: got %d %s, want 201", c.key, status, answer)
			case c.weak && (status != 400 || codeOf(answer) != imports.CodeIdempotencyKeyWeak || storeCalled ||
				!strings.Contains(answer, `"parameter":"Idempotency-Key"`)):
				t.Errorf("anonymous client, key %.40s: got %d %s, store called: %t, want 400 that names the header",
					c.key, status, answer, storeCalled)
			}
			if status, answer := create(named, c.key, `{"size":5}`); status != 201 {
				t.Errorf("alice, key %.40s: got %d %s, want 201", c.key, status, answer)
			}
		}
	}
}

// TestIdempotencyKeyOfRejection: a refused create takes no key, and the mode is the same however it is said.
func TestIdempotencyKeyOfRejection(t *testing.T) {
	s := start(t, settings{limits: imports.Limits{URLTTL: time.Minute}})
	key := uuid.NewString()
	create := func(body string) int {
		r := withType(request(t, "POST", s.url+"/import", strings.NewReader(body)))
		r.Header.Set("Idempotency-Key", key)
		status, _, _ := do(t, r)
		return status
	}
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"expires_in":61}`, 422}, {`{"expires_in":60}`, 201}, {`{"expires_in":60,"mode":"auto"}`, 201},
		{`{"expires_in":60,"mode":"single"}`, 201}, {`{"expires_in":60,"mode":"form"}`, 422},
	} {
		if got := create(c.body); got != c.want {
			t.Errorf("%s: got %d, want %d", c.body, got, c.want)
		}
	}
}

// TestIdempotencyRace sends one request sixteen times at once: one job comes of it.
func TestIdempotencyRace(t *testing.T) {
	s := start(t, settings{})
	key := uuid.NewString()
	ids := make(chan string, 16)
	for range cap(ids) {
		go func() {
			r, err := s.CreateImportWithResponse(t.Context(), &client.CreateImportParams{IdempotencyKey: &key},
				client.ImportRequest{Size: new(int64(1))})
			if err != nil || r.JSON201 == nil {
				t.Errorf("create: got %v %v, want a job", r, err)
				ids <- ""
				return
			}
			ids <- r.JSON201.ID
		}()
	}
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first {
			t.Errorf("create: got job %s and job %s for one Idempotency-Key", first, id)
		}
	}
}

func TestExpiry(t *testing.T) {
	started, later := time.Now().Truncate(time.Second), time.Duration(0)
	s := start(t, settings{now: func() time.Time { return started.Add(later) }})
	job := s.create(t, client.ImportRequest{ExpiresIn: 60})
	if life := job.ExpiresAt.Sub(job.CreatedAt).Round(time.Second); life < 59*time.Second || life > time.Minute {
		t.Errorf("expires_at: %s after created_at, want 60 s", life)
	}
	later = 59 * time.Second
	if again := s.read(t, job.ID); again.Status != client.ImportStatusAwaitingUpload ||
		!again.ExpiresAt.Equal(job.ExpiresAt) {
		t.Errorf("read a second before the end: got %+v, want an awaited job that ends at %s", again, job.ExpiresAt)
	}
	later = 61 * time.Second
	if over := s.read(t, job.ID); over.Status != client.ImportStatusExpired || over.UploadURL != "" {
		t.Errorf("read after the end: got %+v, want expired", over)
	}
	// An upload that began in time may end late. The bucket is right.
	if status, code := send(t, *job.Upload, []byte("late")); status != 200 {
		t.Fatalf("upload: got %d %s, want 200", status, code)
	}
	if late := s.read(t, job.ID); late.Status != client.ImportStatusCompleted {
		t.Errorf("read after a late arrival: got %+v, want completed", late)
	}
}

func TestLimits(t *testing.T) {
	s := start(t, settings{limits: imports.Limits{MaxSize: 1000, URLTTL: 10 * time.Minute}})
	for _, c := range []struct {
		body, code, pointer string
	}{
		{`{"size": 1000}`, "", ""},
		{`{"size": 1001}`, "size-too-large", "/size"},
		{`{}`, "size-required", "/size"},
		{``, "size-required", "/size"},
		{`{"mode": "form"}`, "", ""}, // its policy bounds the length
		{`{"size": 1, "expires_in": 600}`, "", ""},
		{`{"size": 1, "expires_in": 601}`, "expiry-too-long", "/expires_in"},
	} {
		status, _, answer := s.post(t, "application/json", c.body)
		if c.code == "" && status != 201 {
			t.Errorf("%s: got %d %s, want 201", c.body, status, answer)
		}
		if c.code != "" &&
			(status != 422 || !strings.Contains(answer, `"`+c.code+`"`) || !strings.Contains(answer, `"`+c.pointer+`"`)) {
			t.Errorf("%s: got %d %s, want 422 %s at %s", c.body, status, answer, c.code, c.pointer)
		}
	}
	unbounded := start(t, settings{})
	const largest = `{"mode": "single", "size": 5368709120}`
	if status, _, answer := unbounded.post(t, "application/json", largest); status != 201 {
		t.Errorf("5 GiB: got %d %s, want 201", status, answer)
	}
	const tooLarge = `{"mode": "single", "size": 5368709121}`
	if status, _, answer := unbounded.post(t, "application/json", tooLarge); status != 422 ||
		!strings.Contains(answer, "size-too-large") {
		t.Errorf("5 GiB and a byte: got %d %s, want 422 size-too-large", status, answer)
	}
}

func checksum(algorithm client.ChecksumAlgorithm, content []byte) *client.Checksum {
	var digest []byte
	switch algorithm {
	case "sha256":
		sum := sha256.Sum256(content)
		digest = sum[:]
	case "sha1":
		sum := sha1.Sum(content)
		digest = sum[:]
	case "crc32":
		digest = binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(content))
	case "crc32c":
		digest = binary.BigEndian.AppendUint32(nil, crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)))
	case "crc64nvme":
		digest = binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(content))
	}
	return &client.Checksum{Algorithm: algorithm, Value: base64.StdEncoding.EncodeToString(digest)}
}

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func withType(r *http.Request) *http.Request {
	r.Header.Set("Content-Type", "application/json")
	return r
}

func put(t testing.TB, url string, content []byte) (int, string) {
	t.Helper()
	return send(t, client.UploadRequest{Method: "PUT", URL: url}, content)
}

func read(t testing.TB, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
