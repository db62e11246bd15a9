package httpapi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestPlanLimits checks each limit of a plan and the value beyond it.
func TestPlanLimits(t *testing.T) {
	s := start(t, settings{})
	for _, c := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"64 MiB", `{"size":67108864}`, 201, `"upload_url"`},
		{"and a byte", `{"size":67108865}`, 201, `"part_count":5,"part_size":16777216`},
		{
			"and a byte with sha256",
			`{"size":67108865,"checksum":{"algorithm":"sha256","value":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}`, 201,
			`"upload_url"`,
		},
		{"10,000 parts of 16 MiB", `{"size":167772160000}`, 201, `"part_count":10000,"part_size":16777216`},
		{"and a byte", `{"size":167772160001}`, 201, `"part_count":9412,"part_size":17825792`},
		{"the most there is", `{"size":53687091200000}`, 201, `"part_count":10000,"part_size":5368709120`},
		{"and a byte", `{"size":53687091200001}`, 400, `"pointer":"/size"`},
		{"the caller's 10,000 parts", `{"size":52428800000,"part_size":5242880}`, 201, `"part_count":10000`},
		{"and a byte", `{"size":52428800001,"part_size":5242880}`, 400, `"pointer":"/part_size"`},
		{"parts of 5 MiB less a byte", `{"mode":"multipart","part_size":5242879}`, 400, `"pointer":"/part_size"`},
		{"parts of 5 GiB", `{"mode":"multipart","part_size":5368709120}`, 201, `"part_size":5368709120`},
		{"and a byte", `{"mode":"multipart","part_size":5368709121}`, 400, `"pointer":"/part_size"`},
		{"nothing, in parts", `{"mode":"multipart","size":0}`, 201, `"part_count":1`},
		{"size not known", `{}`, 201, `"upload_url"`},
		{"size not known, in parts", `{"mode":"multipart"}`, 201, `"multipart":{"part_size":67108864,"uploaded_bytes":0`},
		{"sha256 in parts", `{"mode":"multipart","checksum":{"algorithm":"sha256"}}`, 400, `"pointer":"/checksum/algorithm"`},
	} {
		if status, _, answer := s.post(t, "application/json", c.body); status != c.status ||
			!strings.Contains(answer, c.says) {
			t.Errorf("%s: %s: got %d %s, want %d with %s", c.name, c.body, status, answer, c.status, c.says)
		}
	}
}

// TestTenThousandParts signs all parts of the largest upload in ten calls.
func TestTenThousandParts(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 10,000 URLs")
	}
	s := start(t, settings{})
	const size = 10_000*16*mib - 1
	job := s.create(t, client.ImportRequest{Size: new(int64(size))})
	if job.Multipart.PartCount != 10_000 {
		t.Fatalf("create: got %d parts, want 10,000", job.Multipart.PartCount)
	}
	urls, end := map[string]bool{}, int64(0)
	for first := int32(1); first <= 10_000; first += 1000 {
		for i, p := range s.signParts(t, job.ID, client.PartsRequest{First: first, Count: 1000}).Parts {
			if p.PartNumber != first+int32(i) || p.Offset != end ||
				p.Headers["content-length"] != strconv.FormatInt(*p.Size, 10) {
				t.Fatalf("part %d: got %d at %d with %v, want it at %d", first+int32(i), p.PartNumber, p.Offset, p.Headers, end)
			}
			end += *p.Size
			urls[p.URL] = true
		}
	}
	if len(urls) != 10_000 || end != size {
		t.Errorf("got %d URLs for %d bytes, want 10,000 for %d", len(urls), end, int64(size))
	}
	tooMany := request(t, "POST", s.url+"/import/"+job.ID+"/parts", strings.NewReader(`{"first":1,"count":1001}`))
	if status, _, answer := do(t, withType(tooMany)); status != 400 ||
		!strings.Contains(answer, "/count") {
		t.Errorf("1,001 parts in a call: got %d %s, want 400 at /count", status, answer)
	}
}

// TestResume uploads a large file in parallel: one process is stopped halfway, one that knows only the id continues,
// a third completes. SIGNPOST_TEST_LARGE is the file's size in GiB; by default it is small.
func TestResume(t *testing.T) {
	if testing.Short() {
		t.Skip("uploads 37 MB")
	}
	size, partSize := int64(7*5*mib+3), int64(5*mib)
	if large := os.Getenv("SIGNPOST_TEST_LARGE"); large != "" {
		gib, err := strconv.ParseInt(large, 10, 64)
		if err != nil {
			t.Fatalf("SIGNPOST_TEST_LARGE=%q: must be GiB", large)
		}
		size, partSize = gib<<30+3, 16*mib
	}
	file := sparseFile(t, size)
	id := start(t, settings{}).create(t, client.ImportRequest{Mode: multipartMode, Size: &size, PartSize: partSize}).ID
	count := (size + partSize - 1) / partSize
	began := time.Now()

	sent := start(t, settings{}).sendMissing(t, id, file, count/2)
	held := start(t, settings{}).read(t, id)
	if held.Status != client.ImportStatusUploading || int64(*held.Multipart.UploadedParts) < sent ||
		int64(*held.Multipart.UploadedParts) >= count {
		t.Fatalf("read at half: got %+v after %d of %d parts", held.Multipart, sent, count)
	}
	start(t, settings{}).sendMissing(t, id, file, count)
	t.Logf("%d bytes in %d parts, %d of them by the first process: %s", size, count, sent,
		time.Since(began).Round(time.Millisecond))

	third := start(t, settings{})
	began = time.Now()
	done := third.complete(t, id, client.CompleteRequest{})
	t.Logf("completed in %s", time.Since(began).Round(time.Millisecond))
	if done.Status != client.ImportStatusCompleted || *done.Size != size {
		t.Fatalf("complete: got %+v, want %d bytes", done, size)
	}
	object := third.stored(t, done.Object.Key)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	equal(t, object.Body, file, size)
	third.remove(t, id)
}

// sparseFile is a file of size bytes that takes little disk space. Each 64 KiB begins with its offset, so no two parts
// are equal.
func sparseFile(t *testing.T, size int64) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "large"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	step := int64(64 << 10)
	if size > 1<<30 {
		step = mib
	}
	for at := int64(0); at+8 <= size; at += step {
		if _, err := file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(at+1)), at); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// sendMissing sends missing parts, four at a time, until it has sent limit of them. Then it cancels those in
// progress. It returns the number of stored parts.
func (s *service) sendMissing(t *testing.T, id string, file io.ReaderAt, limit int64) int64 {
	t.Helper()
	var numbers []int32
	for after, more := int32(0), true; more; {
		list := s.parts(t, id, after)
		for _, gap := range list.Missing {
			for n := gap.First; n <= gap.Last; n++ {
				numbers = append(numbers, n)
			}
		}
		if more = list.NextAfter != 0; more {
			after = list.NextAfter
		}
	}
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	queue := make(chan int32, len(numbers))
	for _, n := range numbers {
		queue <- n
	}
	close(queue)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range queue {
				if err := s.sendFrom(ctx, id, n, file); err != nil {
					if ctx.Err() == nil {
						t.Errorf("part %d: %v", n, err)
					}
					return
				}
				if taken.Add(1) == limit {
					kill()
				}
			}
		})
	}
	wg.Wait()
	return taken.Load()
}

// sendFrom signs part n and uploads it from file.
func (s *service) sendFrom(ctx context.Context, id string, n int32, file io.ReaderAt) error {
	signed, err := s.SignPartsWithResponse(ctx, id, client.PartsRequest{First: n, Count: 1})
	if err != nil {
		return err
	}
	if signed.JSON200 == nil {
		return fmt.Errorf("sign: %s %s", signed.Status(), signed.Body)
	}
	p := signed.JSON200.Parts[0]
	put, err := http.NewRequestWithContext(ctx, "PUT", p.URL, io.NewSectionReader(file, p.Offset, *p.Size))
	if err != nil {
		return err
	}
	put.ContentLength = *p.Size
	response, err := http.DefaultClient.Do(put)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s", response.Status, storeCode(string(answer)))
	}
	return nil
}

// equal compares two streams of size bytes.
func equal(t *testing.T, got, want io.Reader, size int64) {
	t.Helper()
	a, b := make([]byte, mib), make([]byte, mib)
	for at := int64(0); ; {
		n, errA := io.ReadFull(got, a)
		m, errB := io.ReadFull(want, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			t.Fatalf("stored: other bytes than were sent, after byte %d", at)
		}
		if at += int64(n); errA != nil || errB != nil {
			if at != size {
				t.Fatalf("stored: %d bytes (%v, %v), want %d", at, errA, errB, size)
			}
			return
		}
	}
}
