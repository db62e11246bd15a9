package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// startInterrupted uploads parts sequentially, and cancels at the third request to the store.
func (w *world) startInterrupted(t *testing.T, path string, d Options) (id string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.useProxies(t, func(x exchange) bool {
		if x.all < 3 {
			return false
		}
		cancel()
		panic(http.ErrAbortHandler)
	}, nil)
	w.limiter = newLimiter(1)
	_, err := w.File(ctx, path, d)
	var failure *Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &failure) || failure.ID == "" {
		t.Fatalf("interrupted: got %v, want an *Error by cancellation that names the import", err)
	}
	return failure.ID
}

// parts returns the number of requests for parts 1 to 4.
func (p *proxy) parts() (n [4]int) {
	for i := range n {
		n[i] = p.requests(fmt.Sprintf("part %d", i+1))
	}
	return n
}

// TestResume: a second run sends only the parts that are missing or wrong.
func TestResume(t *testing.T) {
	setAge := func(age time.Duration) func(*testing.T, *world, string, string) {
		return func(t *testing.T, w *world, _, _ string) {
			entries, err := filepath.Glob(filepath.Join(w.ResumeStore.dir, "*"))
			if err != nil || len(entries) == 0 {
				t.Fatalf("resume store: got %q, %v, want entries", entries, err)
			}
			for _, e := range entries {
				if err := os.Chtimes(e, time.Now().Add(-age), time.Now().Add(-age)); err != nil {
					t.Fatal(err)
				}
			}
			w.ResumeStore.removeExpired(time.Now())
		}
	}
	rewrite := func(t *testing.T, path string, keep bool) {
		info, err := os.Stat(path)
		if err == nil {
			f, e := os.OpenFile(path, os.O_WRONLY, 0)
			if e == nil {
				_, e = f.WriteAt([]byte("otherwise"), 6*mib)
				e = errors.Join(e, f.Close())
			}
			err = e
		}
		if mtime := info.ModTime(); err == nil && keep {
			err = os.Chtimes(path, mtime, mtime)
		} else if err == nil {
			err = os.Chtimes(path, mtime.Add(time.Second), mtime.Add(time.Second))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	withoutChecksums := editParts(t, func(page *client.PartList) {
		for i := range page.Parts {
			page.Parts[i].Checksum = ""
		}
	})
	cases := []struct {
		name    string
		between func(t *testing.T, w *world, path, id string)
		same    bool // import
		sent    [4]int
		// checksums are those of the uploads. The other cases do not depend on them.
		checksums []Algorithm
		list      fault // of the uploaded parts
	}{
		{"no change", func(*testing.T, *world, string, string) {}, true, [4]int{0, 0, 1, 1},
			[]Algorithm{CRC64NVME, CRC32C, None}, nil},
		{"clock a day forward", setAge(24 * time.Hour), true, [4]int{0, 0, 1, 1}, []Algorithm{CRC64NVME}, nil},
		{"clock a day back", setAge(-24 * time.Hour), true, [4]int{0, 0, 1, 1}, []Algorithm{CRC64NVME}, nil},
		{"resume state expired", setAge(resumeTTL + time.Hour), false, [4]int{1, 1, 1, 1}, []Algorithm{CRC64NVME}, nil},
		{"other part uploaded", func(t *testing.T, w *world, _, id string) { w.corruptPart(t, id) }, true,
			[4]int{1, 0, 1, 1}, []Algorithm{CRC64NVME, None}, nil},
		{"file changed, its modification time not",
			func(t *testing.T, _ *world, path, _ string) { rewrite(t, path, true) }, true, [4]int{0, 1, 1, 1},
			[]Algorithm{CRC64NVME, None}, nil},
		{"file changed", func(t *testing.T, _ *world, path, _ string) { rewrite(t, path, false) }, false,
			[4]int{1, 1, 1, 1}, []Algorithm{CRC64NVME}, nil},
		{"import aborted by another client", func(t *testing.T, w *world, _, id string) {
			if err := w.API.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}, false, [4]int{1, 1, 1, 1}, []Algorithm{CRC64NVME}, nil},
		{"import not found", func(t *testing.T, w *world, path, id string) {
			states, err := filepath.Glob(filepath.Join(w.ResumeStore.dir, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, state := range states {
				text, err := os.ReadFile(state)
				if err == nil && bytes.Contains(text, []byte(id)) {
					text = bytes.ReplaceAll(text, []byte(id), []byte("01890a5d-ac96-774b-bcce-b302099a8057"))
					err = os.WriteFile(state, text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}, false, [4]int{1, 1, 1, 1}, []Algorithm{CRC64NVME}, nil},
		{"store lists no checksums", func(*testing.T, *world, string, string) {}, true, [4]int{0, 0, 1, 1},
			[]Algorithm{CRC64NVME}, withoutChecksums},
		{"other part uploaded, store lists no checksums",
			func(t *testing.T, w *world, _, id string) { w.corruptPart(t, id) }, true, [4]int{1, 0, 1, 1},
			[]Algorithm{CRC64NVME}, withoutChecksums},
	}
	if testing.Short() {
		cases = cases[:1]
	}
	w := start(t)
	for _, c := range cases {
		for _, a := range c.checksums {
			t.Run(c.name+", "+string(a), func(t *testing.T) {
				path := file(t, content(15*mib+7, 3))
				d := Options{Checksum: a, PartSize: 5 * mib}
				id := w.startInterrupted(t, path, d)
				c.between(t, w, path, id)
				store, _, events := w.useProxies(t, nil, c.list)
				storetest.AwaitNextSecond(t)
				r, err := w.File(t.Context(), path, d)
				if err != nil {
					t.Fatal(err)
				}
				body, err := os.ReadFile(path)
				if got := w.stored(t, r); err != nil || !bytes.Equal(got, body) {
					t.Errorf("the store has other content of %d bytes, %v", len(got), err)
				}
				if got := store.parts(); got != c.sent {
					t.Errorf("sent: got %v, want %v", got, c.sent)
				}
				if (r.ID == id) != c.same || events.bytes+events.resumed != r.Size || r.Resumed != events.resumed {
					t.Errorf("got import %s after %s, %d bytes sent and %d resumed, the result says %d; want the same import: %v",
						r.ID, id, events.bytes, events.resumed, r.Resumed, c.same)
				}
			})
		}
	}
	checkNoLeftovers(t)
}

// corruptPart replaces part 1 with other bytes of the same length.
func (w *world) corruptPart(t *testing.T, id string) {
	t.Helper()
	w.useProxies(t, nil, nil)
	other := content(5*mib, 4)
	job, err := w.API.Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	parts := client.PartsRequest{PartNumbers: []int32{1}}
	if job.Checksum != nil {
		h := Algorithm(job.Checksum.Algorithm).Hash()
		h.Write(other)
		parts.Checksums = map[string]string{"1": EncodeChecksum(h.Sum(nil))}
	}
	signed, err := w.API.Sign(t.Context(), id, parts)
	if err != nil {
		t.Fatal(err)
	}
	r := signedRequest{string(signed[0].Method), signed[0].URL, signed[0].Headers}
	if _, err := w.put(t.Context(), r, bytes.NewReader(other), int64(len(other)), func(int) {}); err != nil {
		t.Fatal(err)
	}
}

// TestInterruptedCompletion: the run ends after the completion, before its response arrives.
func TestInterruptedCompletion(t *testing.T) {
	w := start(t)
	for _, through := range []bool{false, true} {
		body := content(11*mib, 5)
		path, d := file(t, body), Options{Checksum: CRC64NVME, PartSize: 5 * mib}
		ctx, cancel := context.WithCancel(t.Context())
		w.useProxies(t, nil, func(x exchange) bool {
			if filepath.Base(x.r.URL.Path) != "complete" {
				return false
			}
			defer cancel()
			return !through || dropResponse(x)
		})
		if _, err := w.File(ctx, path, d); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted: got %v, want the cancellation", err)
		}
		store, _, events := w.useProxies(t, nil, nil)
		r, err := w.File(t.Context(), path, d)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.stored(t, r); !bytes.Equal(got, body) || store.parts() != [4]int{} || r.Skipped != through ||
			events.kinds[Completed] != 1 {
			t.Errorf("completion reached the service: %v: got %d bytes, parts %v, %+v, want no part sent, and skipped only then",
				through, len(got), store.parts(), r)
		}
	}
	checkNoLeftovers(t)
}

// TestChangedDuringCompletion: the completion of an earlier run is in progress, and the file has changed since, but
// neither its size nor its modification time. It is uploaded again.
func TestChangedDuringCompletion(t *testing.T) {
	needsIdentity(t)
	w := start(t)
	path, d := file(t, content(11*mib, 5)), Options{Checksum: CRC64NVME, PartSize: 5 * mib}
	ctx, cancel := context.WithCancel(t.Context())
	w.useProxies(t, nil, func(x exchange) bool {
		if filepath.Base(x.r.URL.Path) != "complete" {
			return false
		}
		defer cancel()
		return dropResponse(x)
	})
	if _, err := w.File(ctx, path, d); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: got %v, want the cancellation", err)
	}
	if err := rewrite(path); err != nil {
		t.Fatal(err)
	}
	w.useProxies(t, nil, func(x exchange) bool {
		switch {
		case x.same == 1 && filepath.Base(x.r.URL.Path) == "parts" && x.r.Method == http.MethodGet:
			return respond(http.StatusConflict, "application/problem+json", `{"status":409,"code":"import-completing"}`)(x)
		case x.all == 1: // the state of the import before its completion
			recorded := httptest.NewRecorder()
			x.next.ServeHTTP(recorded, x.r)
			body := strings.Replace(recorded.Body.String(), `"completed"`, `"uploading"`, 1)
			return respond(http.StatusOK, "application/json", body)(x)
		}
		return false
	})
	r, err := w.File(t.Context(), path, d)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.stored(t, r); !bytes.Equal(got, content(11*mib, 9)) || r.Skipped {
		t.Errorf("got %+v, want the file as it is now", r)
	}
}

// TestBusy: the second of two runs on one file fails with ErrBusy, and the first succeeds.
func TestBusy(t *testing.T) {
	w := start(t)
	body := content(11*mib, 6)
	path, d := file(t, body), Options{Checksum: CRC64NVME, PartSize: 5 * mib}
	second := make(chan error, 1)
	w.useProxies(t, func(x exchange) bool {
		if x.all == 1 {
			_, err := w.File(t.Context(), path, d)
			second <- err
		}
		return false
	}, nil)
	r, err := w.File(t.Context(), path, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; !errors.Is(err, ErrBusy) {
		t.Errorf("second run: got %v, want ErrBusy", err)
	}
	if got := w.stored(t, r); !bytes.Equal(got, body) {
		t.Errorf("the store has other content of %d bytes", len(got))
	}
	checkNoLeftovers(t)
}

// TestByID resumes imports of other clients: an empty one, one with another checksum algorithm, and a completed one.
func TestByID(t *testing.T) {
	skipIfShort(t)
	w := start(t)
	for _, a := range []Algorithm{CRC64NVME, CRC32C, CRC32, None} {
		for _, size := range []int{0, 1, 5 * mib, 5*mib + 1} {
			body := content(size, 7)
			mode, bytes64, part := client.ImportRequestModeMultipart, int64(size), int64(5*mib)
			declared := client.ImportRequest{Mode: mode, Size: &bytes64, PartSize: part}
			if a != None {
				declared.Checksum = &client.Checksum{Algorithm: client.ChecksumAlgorithm(a)}
			}
			job, err := w.API.Create(t.Context(), declared, uuid.NewString())
			if err != nil {
				t.Fatal(err)
			}
			path, d := file(t, body), Options{ID: job.ID, Checksum: CRC64NVME}
			r, err := w.File(t.Context(), path, d)
			if err != nil {
				t.Errorf("File of %d bytes, %s: %v", size, a, err)
				continue
			}
			if got := w.stored(t, r); !bytes.Equal(got, body) || r.ID != d.ID {
				t.Errorf("File of %d bytes, %s: the store has other content of %d bytes, as %s", size, a, len(got), r.ID)
			}
			if r, err := w.File(t.Context(), path, d); a == None && err == nil || a != None && (err != nil || !r.Skipped) {
				t.Errorf("again, with %s: got %+v, %v, want it skipped if the checksums are equal", a, r, err)
			}
			if size == 0 {
				continue
			}
			if r, err := w.File(t.Context(), file(t, content(size, 8)), d); err == nil {
				t.Errorf("another file of the same length: got %+v, want an error", r)
			}
		}
	}
	checkNoLeftovers(t)
}

// TestFingerprint: the same bytes with another name, type or metadata are another upload; equal options are the same
// upload.
func TestFingerprint(t *testing.T) {
	w := start(t)
	path := file(t, content(7*mib, 9))
	first, err := w.File(t.Context(), path, Options{Checksum: CRC64NVME, PartSize: 5 * mib,
		Metadata: map[string]string{"a": "1", "b": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		d    Options
		same bool
	}{
		{"the same", Options{Metadata: map[string]string{"b": "2", "a": "1"}}, true},
		{"other metadata", Options{Metadata: map[string]string{"a": "2", "b": "2"}}, false},
		{"another name", Options{Metadata: map[string]string{"a": "1", "b": "2"}, Filename: "x.csv"}, false},
		{"another type", Options{Metadata: map[string]string{"a": "1", "b": "2"}, ContentType: "text/plain"}, false},
	} {
		c.d.Checksum, c.d.PartSize = CRC64NVME, 5*mib
		if r, err := w.File(t.Context(), path, c.d); err != nil || (r.ID == first.ID) != c.same || r.Skipped != c.same {
			t.Errorf("%s: got %+v, %v, want the same upload %t", c.name, r, err, c.same)
		}
	}
}

// TestRelativePath: a file with another relative path is uploaded again. Uploads without one, such as those of earlier
// versions, are resumed and skipped whatever the path is now.
func TestRelativePath(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		before, now string
		same        bool
	}{
		{"", "", true}, {"", "photos/a.jpg", true}, {"photos/a.jpg", "photos/a.jpg", true}, {"photos/a.jpg", "a.jpg", false},
		{"photos/a.jpg", "", true}, {"e\u0301/a\\b\u0085", "\u00e9/a_b_", true},
	} {
		path, o := file(t, content(15*mib+7, 3)), Options{Checksum: CRC64NVME, PartSize: 5 * mib, RelativePath: c.before}
		id := w.startInterrupted(t, path, o)
		w.useProxies(t, nil, nil)
		o.RelativePath = c.now
		resumed, err := w.File(t.Context(), path, o)
		if err != nil || (resumed.ID == id) != c.same || (resumed.Resumed > 0) != c.same {
			t.Errorf("%q after %q: got %+v, %v, want import %s resumed: %t", c.now, c.before, resumed, err, id, c.same)
			continue
		}
		job, err := w.API.Read(t.Context(), resumed.ID)
		want := sanitizeRelativePath(c.before)
		if !c.same {
			want = c.now
		}
		if err != nil || job.RelativePath != want {
			t.Errorf("%q after %q: got %+v, %v, want relative path %q", c.now, c.before, job.RelativePath, err, want)
		}
		if again, err := w.File(t.Context(), path, o); err != nil || !again.Skipped {
			t.Errorf("%q again: got %+v, %v, want it skipped", c.now, again, err)
		}
		o.RelativePath = "other/a.jpg"
		if other, err := w.File(t.Context(), path, o); err != nil || other.Skipped != (want == "") {
			t.Errorf("%q after %q: got %+v, %v, want skipped: %t", o.RelativePath, want, other, err, want == "")
		}
	}
	checkNoLeftovers(t)
}

// TestNoResumeStore: with a directory that cannot be written, uploads work but are not resumed.
func TestNoResumeStore(t *testing.T) {
	w := start(t)
	w.ResumeStore.dir += "/missing"
	if _, err := w.File(t.Context(), file(t, content(7*mib, 10)),
		Options{Checksum: CRC64NVME, PartSize: 5 * mib}); err != nil {
		t.Errorf("File without a resume store: %v", err)
	}
}

// TestInvalidStates: states and lines with an invalid id, and long lines, are as none.
func TestInvalidStates(t *testing.T) {
	w := start(t)
	for _, size := range []int{3000, 11 * mib} {
		path, o := file(t, content(size, 1)), Options{Checksum: CRC64NVME, PartSize: 5 * mib}
		s, err := openSource(path, o)
		if err != nil {
			t.Fatal(err)
		}
		s.file.Close()
		u := completedUpload{s.fingerprint, "", s.identity, time.Now()}
		for _, id := range []string{"..", strings.Repeat("0", 100_000)} {
			u.ID = id
			w.ResumeStore.entry(s).write(resumeState{ID: id, Checksum: o.Checksum, identity: s.identity})
			if err := os.WriteFile(w.ResumeStore.listFile(), u.line(), 0o600); err != nil {
				t.Fatal(err)
			}
			if w.ResumeStore, err = OpenResumeStore(filepath.Dir(w.ResumeStore.dir), w.server); err != nil {
				t.Fatalf("id of %d bytes: %v", len(id), err)
			}
			if r, err := w.File(t.Context(), path, o); err != nil || r.Skipped {
				t.Errorf("id of %d bytes, file of %d: got %+v, %v, want it uploaded", len(id), size, r, err)
			}
		}
	}
}

// TestInvalidIDs: an invalid id would be another path of the service.
func TestInvalidIDs(t *testing.T) {
	w := start(t)
	for _, id := range []string{"", ".", "..", "x", "../import"} {
		if job, err := w.API.Read(t.Context(), id); err == nil {
			t.Errorf("Read %q: got %+v, want an error", id, job)
		}
	}
}
