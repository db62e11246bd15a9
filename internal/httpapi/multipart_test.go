package httpapi_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

const mib = 1 << 20

const multipartMode = client.ImportRequestModeMultipart

// TestMultipart uploads in parts, without and with each checksum, of known and unknown size, and reads the content
// back.
func TestMultipart(t *testing.T) {
	if testing.Short() {
		t.Skip("uploads 90 MB")
	}
	s := start(t, settings{})
	content := make([]byte, 11*mib+3)
	rand.Read(content)
	for name, c := range map[string]struct {
		body     client.ImportRequest
		complete client.CompleteRequest
		verified bool
	}{
		"no checksum":  {client.ImportRequest{Size: new(int64(len(content)))}, client.CompleteRequest{}, false},
		"unknown size": {client.ImportRequest{}, client.CompleteRequest{}, false},
		"no checksum, one at the end": {
			client.ImportRequest{}, client.CompleteRequest{Checksum: checksum("crc64nvme", content)}, true,
		},
		"strict crc64nvme": {
			client.ImportRequest{Checksum: checksum("crc64nvme", content)}, client.CompleteRequest{}, true,
		},
		"strict crc32c": {
			client.ImportRequest{Checksum: checksum("crc32c", content)}, client.CompleteRequest{}, true,
		},
		"strict crc32": {
			client.ImportRequest{Checksum: checksum("crc32", content)}, client.CompleteRequest{}, true,
		},
		"strict, value at the end": {
			client.ImportRequest{Checksum: &client.Checksum{Algorithm: "crc64nvme"}},
			client.CompleteRequest{Checksum: checksum("crc64nvme", content)}, true,
		},
		"all else": {
			client.ImportRequest{
				Filename: "Ζωή.bin", ContentType: "application/x-thing", Metadata: map[string]string{"k": "v"},
				WriteOnce: true,
			},
			client.CompleteRequest{}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.body.Mode, c.body.PartSize = multipartMode, 5*mib
			job := s.create(t, c.body)
			if job.Multipart == nil || job.Multipart.PartSize != 5*mib || job.UploadURL != "" ||
				job.Status != client.ImportStatusAwaitingUpload {
				t.Fatalf("create: got %+v, want a plan of parts", job)
			}
			if c.body.Size != nil && job.Multipart.PartCount != 3 {
				t.Errorf("create: got %d parts, want 3", job.Multipart.PartCount)
			}
			s.sendParts(t, job.ID, content, []int32{3, 1})
			if half := s.read(t, job.ID); half.Status != client.ImportStatusUploading || *half.Multipart.UploadedParts != 2 ||
				*half.Multipart.UploadedBytes != 6*mib+3 {
				t.Errorf("read at half: got %+v %+v, want uploading with 2 parts", half, *half.Multipart)
			}
			list := s.parts(t, job.ID, 0)
			if len(list.Parts) != 2 || !slices.Equal(list.Missing, []client.PartRange{{First: 2, Last: 2}}) {
				t.Errorf("parts at half: got %+v, want part 2 missing", list)
			}
			s.sendParts(t, job.ID, content, []int32{2})
			done := s.complete(t, job.ID, c.complete)
			if done.Status != client.ImportStatusCompleted || *done.Size != int64(len(content)) || done.CompletedAt.IsZero() {
				t.Fatalf("complete: got %+v, want completed", done)
			}
			if got := done.Checksum != nil && done.Checksum.Verified; got != c.verified {
				t.Errorf("complete: got checksum %+v, want verified %v", done.Checksum, c.verified)
			}
			object := s.stored(t, done.Object.Key)
			if !bytes.Equal(read(t, object.Body), content) {
				t.Error("stored: other bytes than were sent")
			}
			if c.body.ContentType != "" &&
				(*object.ContentType != c.body.ContentType || object.Metadata["k"] != "v" || object.ContentDisposition == nil) {
				t.Errorf("stored: got %v %v %v, want what was declared", *object.ContentType, object.Metadata,
					object.ContentDisposition)
			}
			if again := s.complete(t, job.ID, client.CompleteRequest{}); again.Status != client.ImportStatusCompleted ||
				again.Object.ETag != done.Object.ETag {
				t.Errorf("complete again: got %+v, want the same", again)
			}
			if read := s.read(t, job.ID); read.Status != client.ImportStatusCompleted {
				t.Errorf("read: got %+v, want completed", read)
			}
		})
	}
}

// TestCompleteRejections checks that invalid completions are rejected with the reason, and that the import can
// continue.
func TestCompleteRejections(t *testing.T) {
	if testing.Short() {
		t.Skip("uploads 60 MB")
	}
	s := start(t, settings{})
	content := make([]byte, 11*mib)
	rand.Read(content)
	for _, c := range []struct {
		name   string
		size   *int64
		prep   func(t *testing.T, id string)
		body   client.CompleteRequest
		status int
		code   string
		fault  string
	}{
		{
			"nothing sent", new(int64(len(content))), func(*testing.T, string) {}, client.CompleteRequest{}, 409,
			"parts-missing", "parts 1 to 3",
		},
		{
			"nothing sent, size unknown", nil, func(*testing.T, string) {}, client.CompleteRequest{}, 409, "parts-missing",
			"part 1",
		},
		{
			"part 1 missing", new(int64(len(content))),
			func(t *testing.T, id string) { s.sendParts(t, id, content, []int32{2, 3}) }, client.CompleteRequest{}, 409,
			"parts-missing", "part 1",
		},
		{
			"part 2 missing, size unknown", nil, func(t *testing.T, id string) { s.sendParts(t, id, content, []int32{1, 3}) },
			client.CompleteRequest{}, 409, "parts-missing", "part 2",
		},
		{"short part in the middle, size unknown", nil, func(t *testing.T, id string) {
			s.sendParts(t, id, content, []int32{1, 3})
			s.sendPart(t, id, 2, content[:5*mib-1], nil)
		}, client.CompleteRequest{}, 409, "part-size-mismatch", "part 2 has 5242879 bytes, but must have 5242880"},
		{"long last part, size unknown", nil, func(t *testing.T, id string) {
			s.sendParts(t, id, content, []int32{1})
			s.sendPart(t, id, 2, content[:5*mib+1], nil)
		}, client.CompleteRequest{}, 409, "part-size-mismatch", "part 2 has 5242881 bytes, but must have at most 5242880"},
		{
			"wrong algorithm", new(int64(len(content))),
			func(t *testing.T, id string) { s.sendParts(t, id, content, []int32{1, 2, 3}) },
			client.CompleteRequest{Checksum: checksum("sha256", content)}, 400, "invalid-request",
			"must be crc64nvme, crc32c or crc32",
		},
		{
			"wrong checksum", new(int64(len(content))),
			func(t *testing.T, id string) { s.sendParts(t, id, content, []int32{1, 2, 3}) },
			client.CompleteRequest{Checksum: checksum("crc64nvme", content[1:])}, 422, "checksum-mismatch", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := s.create(t, client.ImportRequest{Mode: multipartMode, PartSize: 5 * mib, Size: c.size}).ID
			c.prep(t, id)
			r, err := s.CompleteImportWithResponse(t.Context(), id, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode() != c.status || !strings.Contains(string(r.Body), c.code) ||
				!strings.Contains(string(r.Body), c.fault) {
				t.Fatalf("complete: got %s %s, want %d %s %q", r.Status(), r.Body, c.status, c.code, c.fault)
			}
			job := s.read(t, id)
			if c.status == 422 {
				if job.Status != client.ImportStatusFailed || job.Error.Code != "checksum-mismatch" ||
					s.stored(t, job.Object.Key) != nil {
					t.Errorf("read: got %+v, want failed and nothing stored", job)
				}
				if again, err := s.CompleteImportWithResponse(t.Context(), id, c.body); err != nil || again.StatusCode() != 422 {
					t.Errorf("complete again: got %v %v, want the same refusal", again.Status(), err)
				}
				return
			}
			if job.Status != client.ImportStatusUploading && job.Status != client.ImportStatusAwaitingUpload {
				t.Errorf("read: got %+v, want it to go on", job)
			}
			s.sendParts(t, id, content, []int32{1, 2, 3})
			if done := s.complete(t, id, client.CompleteRequest{}); done.Status != client.ImportStatusCompleted {
				t.Errorf("complete after the upload is corrected: got %+v", done)
			}
		})
	}
}

// TestLateChecksum checks that a checksum that cannot be verified is rejected.
func TestLateChecksum(t *testing.T) {
	s := start(t, settings{})
	content := []byte("12345")
	id := s.create(t, client.ImportRequest{Mode: multipartMode, Size: new(int64(5))}).ID
	s.sendParts(t, id, content, []int32{1})
	right := client.CompleteRequest{Checksum: checksum("crc64nvme", content)}
	s.complete(t, id, right)
	s.complete(t, id, right)
	s.complete(t, id, client.CompleteRequest{})
	single := s.create(t, client.ImportRequest{})
	send(t, *single.Upload, content)
	for _, c := range []struct {
		id     string
		body   client.CompleteRequest
		status int
	}{
		{id, client.CompleteRequest{Checksum: checksum("crc64nvme", []byte("54321"))}, 400},
		{id, client.CompleteRequest{Checksum: checksum("crc32", content)}, 400},
		{single.ID, right, 400},
	} {
		if r, err := s.CompleteImportWithResponse(t.Context(), c.id, c.body); err != nil || r.StatusCode() != c.status {
			t.Errorf("complete: got %s %s, %v, want %d", r.Status(), r.Body, err, c.status)
		}
	}
	plain := s.create(t, client.ImportRequest{Mode: multipartMode, Size: new(int64(5))}).ID
	s.sendParts(t, plain, content, []int32{1})
	s.complete(t, plain, client.CompleteRequest{})
	if r, err := s.CompleteImportWithResponse(t.Context(), plain, right); err != nil || r.StatusCode() != 409 ||
		!strings.Contains(string(r.Body), "import-completed") {
		t.Errorf("a checksum after the completion: got %s %s, %v, want 409 import-completed", r.Status(), r.Body, err)
	}
}

// TestStrictParts checks that an import with a checksum requires and signs that checksum for each part, and that the
// store enforces it.
func TestStrictParts(t *testing.T) {
	s := start(t, settings{})
	content := make([]byte, 5*mib+10)
	rand.Read(content)
	strict := s.create(t, client.ImportRequest{
		Mode: multipartMode, PartSize: 5 * mib, Size: new(int64(len(content))),
		Checksum: checksum("crc32c", content),
	}).ID
	plain := s.create(t, client.ImportRequest{
		Mode: multipartMode, PartSize: 5 * mib, Size: new(int64(len(content))),
	}).ID
	for _, c := range []struct {
		id, body, fault string
	}{
		{strict, `{"first":1,"count":1}`, `"/checksums/1"`},
		{strict, `{"first":1,"count":1,"checksums":{"1":"AAAAAAAAAAA="}}`, `"/checksums/1"`}, // 8 bytes: a CRC64
		{strict, `{"first":1,"count":1,"checksums":{"1":"AAAAAA==","2":"AAAAAA=="}}`, `"/checksums/2"`},
		{strict, `{"first":1,"count":1,"checksums":{"01":"AAAAAA=="}}`, `"/checksums/01"`},
		{plain, `{"first":1,"count":1,"checksums":{"1":"AAAAAA=="}}`, `"/checksums"`},
		{plain, `{"first":3,"count":1}`, `"/first"`},
		{plain, `{"part_numbers":[1,3]}`, `"/part_numbers/1"`},
		{plain, `{"part_numbers":[10001]}`, `"/part_numbers/0"`},
		{plain, `{"part_numbers":[0]}`, `"/part_numbers/0"`},
		{plain, `{"first":1,"count":1001}`, `"/count"`},
		{plain, `{"first":1}`, `"/count"`},
		{plain, `{"first":1,"count":1,"part_numbers":[1]}`, `"/part_numbers"`},
		{plain, `{}`, `part_numbers`},
		{plain, ``, `body`},
	} {
		r := withType(request(t, "POST", s.url+"/import/"+c.id+"/parts", strings.NewReader(c.body)))
		if status, _, answer := do(t, r); status != 400 || !strings.Contains(answer, c.fault) {
			t.Errorf("%s: got %d %s, want 400 at %s", c.body, status, answer, c.fault)
		}
	}
	last := content[5*mib:]
	part := s.signParts(t, strict, client.PartsRequest{
		PartNumbers: []int32{2}, Checksums: map[string]string{"2": checksum("crc32c", last).Value},
	}).Parts[0]
	upload := client.UploadRequest{Method: "PUT", URL: part.URL, Headers: part.Headers}
	if status, code := send(t, upload, []byte("other last")); status != 400 || code != "BadDigest" {
		t.Errorf("other bytes: got %d %s, want 400 BadDigest", status, code)
	}
	if status, _ := send(t, upload, last[1:]); status != 403 {
		t.Errorf("a byte less: got %d, want 403", status)
	}
	if status, code := send(t, upload, last); status != 200 {
		t.Errorf("the part: got %d %s, want 200", status, code)
	}
}

// TestTerminalImportTakesNoParts checks that a terminal import accepts no parts, and that the error names its status.
func TestTerminalImportTakesNoParts(t *testing.T) {
	s := start(t, settings{})
	single := s.create(t, client.ImportRequest{}).ID
	aborted := s.create(t, client.ImportRequest{Mode: multipartMode}).ID
	s.remove(t, aborted)
	for _, c := range []struct{ method, path, code string }{
		{"POST", single + "/parts", "not-multipart"},
		{"GET", single + "/parts", "not-multipart"},
		{"POST", single + "/complete", "upload-missing"},
		{"POST", aborted + "/parts", "import-aborted"},
		{"GET", aborted + "/parts", "import-aborted"},
		{"POST", aborted + "/complete", "import-aborted"},
	} {
		r := request(t, c.method, s.url+"/import/"+c.path, nil)
		if strings.HasSuffix(c.path, "/parts") && c.method == "POST" {
			r = withType(request(t, c.method, s.url+"/import/"+c.path, strings.NewReader(`{"first":1,"count":1}`)))
		}
		if status, header, answer := do(t, r); status != 409 || problem(t, header, answer).Code != c.code {
			t.Errorf("%s %s: got %d %s, want 409 %s", c.method, c.path, status, answer, c.code)
		}
	}
}

// TestDelete deletes imports in every status.
func TestDelete(t *testing.T) {
	s := start(t, settings{})
	content := []byte("12345")
	stages := map[string]func(t *testing.T) client.Import{
		"awaited": func(t *testing.T) client.Import {
			return s.create(t, client.ImportRequest{Filename: "secret.txt"})
		},
		"completed": func(t *testing.T) client.Import {
			job := s.create(t, client.ImportRequest{Filename: "secret.txt"})
			send(t, *job.Upload, content)
			return s.read(t, job.ID)
		},
		"uploading": func(t *testing.T) client.Import {
			job := s.create(t, client.ImportRequest{Mode: multipartMode, Filename: "secret.txt", Size: new(int64(5))})
			s.sendParts(t, job.ID, content, []int32{1})
			return job
		},
		"completed in parts": func(t *testing.T) client.Import {
			job := s.create(t, client.ImportRequest{Mode: multipartMode, Filename: "secret.txt", Size: new(int64(5))})
			s.sendParts(t, job.ID, content, []int32{1})
			return s.complete(t, job.ID, client.CompleteRequest{})
		},
	}
	for name, stage := range stages {
		t.Run(name, func(t *testing.T) {
			job := stage(t)
			for range 2 {
				s.remove(t, job.ID)
				gone := s.read(t, job.ID)
				if gone.Status != client.ImportStatusAborted || gone.Filename != "" || gone.UploadURL != "" ||
					s.stored(t, job.Object.Key) != nil {
					t.Errorf("read: got %+v, want aborted and nothing left", gone)
				}
				if uploads := s.uploads(t, job.Object.Key); uploads != 0 {
					t.Errorf("%d multipart uploads are left", uploads)
				}
			}
			if job.Upload == nil {
				return
			}
			// Its URL still works: the next read removes what is uploaded.
			if status, code := send(t, *job.Upload, content); status != 200 {
				t.Fatalf("upload after the end: got %d %s", status, code)
			}
			if gone := s.read(t, job.ID); gone.Status != client.ImportStatusAborted || s.stored(t, job.Object.Key) != nil {
				t.Errorf("read after a late upload: got %+v, want aborted and nothing left", gone)
			}
		})
	}
	r, err := s.DeleteImportWithResponse(t.Context(), "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55")
	if err != nil || r.StatusCode() != 404 {
		t.Errorf("delete of nothing: got %v, %v, want 404", r.Status(), err)
	}
}

// parts lists the parts after a number.
func (s *service) parts(t testing.TB, id string, after int32) client.PartList {
	t.Helper()
	r, err := s.ListPartsWithResponse(t.Context(), id, &client.ListPartsParams{After: &after})
	if err != nil {
		t.Fatal(err)
	}
	if r.JSON200 == nil {
		t.Fatalf("list parts: got %s %s", r.Status(), r.Body)
	}
	return *r.JSON200
}

func (s *service) signParts(t testing.TB, id string, body client.PartsRequest) client.SignedParts {
	t.Helper()
	r, err := s.SignPartsWithResponse(t.Context(), id, body)
	if err != nil {
		t.Fatal(err)
	}
	if r.JSON200 == nil {
		t.Fatalf("sign parts: got %s %s", r.Status(), r.Body)
	}
	return *r.JSON200
}

// sendParts signs and uploads these parts of content, with checksums if the import declared them.
func (s *service) sendParts(t testing.TB, id string, content []byte, numbers []int32) {
	t.Helper()
	job := s.read(t, id)
	for _, n := range numbers {
		offset := int64(n-1) * job.Multipart.PartSize
		part := content[offset:min(offset+job.Multipart.PartSize, int64(len(content)))]
		var algorithm *client.ChecksumAlgorithm
		if job.Checksum != nil {
			algorithm = &job.Checksum.Algorithm
		}
		s.sendPart(t, id, n, part, algorithm)
	}
}

func (s *service) sendPart(t testing.TB, id string, n int32, part []byte, algorithm *client.ChecksumAlgorithm) {
	t.Helper()
	storetest.AwaitNextSecond(t)
	body := client.PartsRequest{First: n, Count: 1}
	if algorithm != nil {
		body.Checksums = map[string]string{fmt.Sprint(n): checksum(*algorithm, part).Value}
	}
	signed := s.signParts(t, id, body).Parts[0]
	status, code := send(
		t,
		client.UploadRequest{Method: client.UploadRequestMethod(signed.Method), URL: signed.URL, Headers: signed.Headers},
		part,
	)
	if status != http.StatusOK {
		t.Fatalf("part %d: got %d %s, want 200", n, status, code)
	}
}

func (s *service) complete(t testing.TB, id string, body client.CompleteRequest) client.Import {
	t.Helper()
	r, err := s.CompleteImportWithResponse(t.Context(), id, body)
	if err != nil {
		t.Fatal(err)
	}
	if r.JSON200 == nil {
		t.Fatalf("complete: got %s %s", r.Status(), r.Body)
	}
	return *r.JSON200
}

func (s *service) remove(t testing.TB, id string) {
	t.Helper()
	r, err := s.DeleteImportWithResponse(t.Context(), id)
	if err != nil || r.StatusCode() != 204 {
		t.Fatalf("delete: got %v, %v, want 204", r.Status(), err)
	}
}
