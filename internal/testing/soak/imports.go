//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/bits"
	"net/http"
	"strconv"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// create creates the import r. Without an Idempotency-Key, each retry is a separate attempt. It returns nil if the
// client did not retry.
func (w *worker) create(a *attempt, r client.ImportRequest) *entry {
	kind, first, before := "create", true, facts{}
	if a.count > 0 {
		kind = createParts
	}
	if e := w.ledger.importOf(a); e != nil {
		before = e.snapshot()
	}
	got := w.ask(kind, a.marker, a.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		if a.key == "" && !first {
			a = w.ledger.attempt(a.tenant, "", a.plan)
		}
		first = false
		return a.send(ctx, c, r)
	}, "201")
	job := got.job()
	if job == nil {
		return nil
	}
	e := &entry{id: job.ID, key: job.Object.Key, deadline: job.ExpiresAt}
	if job.Upload != nil {
		e.upload = *job.Upload
	}
	e = w.ledger.add(a, e)
	if e.id != job.ID || e.key != e.job().Key() {
		w.violate("create %s: made %s at %s, and %s", a.marker, job.ID, e.key, e.id)
	}
	w.checkStatus(e, kind, before, got, job.Status)
	return e
}

// send adds a's marker to the request and sends it.
func (a *attempt) send(ctx context.Context, c *client.Client, r client.ImportRequest) (*http.Response, error) {
	var params client.CreateImportParams
	if a.key != "" {
		params.IdempotencyKey = &a.key
	}
	if name := a.marker + ".bin"; a.seed%2 == 0 {
		r.Filename = name
	} else {
		r.Metadata = map[string]string{"soak": a.marker}
	}
	return c.CreateImport(ctx, &params, r)
}

// read reads e and checks the whole response.
func (w *worker) read(e *entry) *client.Import {
	before := e.snapshot()
	a := w.ask("read", e.id, e.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		return c.GetImport(ctx, e.id, nil)
	}, "200")
	job := a.job()
	if job == nil || !w.checkStatus(e, "read", before, a, job.Status) {
		return nil
	}
	switch now := e.snapshot(); job.Status {
	case client.ImportStatusCompleted:
		w.checkCompleted(e, a, job)
	case client.ImportStatusUploading:
		least, most := bits.OnesCount64(before.certain), bits.OnesCount64(now.attempted)
		if now.sending && !e.sized { // unknown while the store assembles the object
			least = 0
		}
		if n := int(*job.Multipart.UploadedParts); n < least || n > most {
			w.violate("read %s: %d parts uploaded, must be %d to %d", e.id, n, least, most)
		}
	}
	return job
}

// checkCompleted compares a completed import, and sometimes its object, with what was sent.
func (w *worker) checkCompleted(e *entry, a answer, job *client.Import) {
	if job.Object.Key != e.key || *job.Size != e.size ||
		e.check != "" && (job.Checksum == nil || !job.Checksum.Verified) ||
		job.DownloadURL == "" {
		w.violate("import %s: completed, but not as it was sent: %d bytes, checksum %q; %s", e.id, e.size, e.check, a.body)
	} else if w.chance(30) {
		got := w.retry("download", e.id, false, func(int) answer {
			return w.once("download", e.id, w.store, func() (*http.Response, error) { return w.web.Get(job.DownloadURL) })
		}, "200", "404 NoSuchKey")
		if !bytes.Equal(got.body, e.bytes()) && (got.ok() || got.result != "" && !e.snapshot().deleting) {
			w.violate("download %s: %s, %d bytes that are not the %d that were sent", e.id, got.result, len(got.body), e.size)
		}
	}
}

// remove deletes e.
func (w *worker) remove(e *entry) {
	e.mark(func(f *facts) { f.deleting = true })
	remove := func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.DeleteImport(ctx, e.id) }
	if w.ask("delete", e.id, e.tenant, remove, "204").
		ok() {
		e.mark(func(f *facts) { f.deleted = true })
	}
}

// complete completes e, in any state.
func (w *worker) complete(e *entry) {
	before := e.mark(func(f *facts) { f.sending = f.sending || e.count > 0 && f.attempted == e.every() })
	a := w.ask("complete", e.id, e.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		if e.late {
			return c.CompleteImport(ctx, e.id, client.CompleteRequest{Checksum: e.checksum()})
		}
		return c.CompleteImportWithBody(ctx, e.id, "", nil)
	}, "200", "202", "409 import-aborted", "409 import-expired", "409 parts-missing",
		"409 upload-missing", "422 checksum-mismatch")
	if job := a.job(); job != nil {
		w.checkStatus(e, "complete", before, a, job.Status)
	} else if reported, ok := impliedStatus[a.result]; ok {
		w.checkStatus(e, "complete", before, a, reported)
	}
}

// ofParts sends a call about e's parts and decodes the response. It returns false if e's state does not permit the
// call.
func (w *worker) ofParts(kind string, e *entry, into any, c call) (before facts, ok bool) {
	before = e.snapshot()
	may := []string{"409 not-multipart"}
	if e.count > 0 {
		may = []string{"200", "409 import-completed", "409 import-completing", "409 import-aborted", "409 import-failed"}
	}
	a := w.ask(kind, e.id, e.tenant, c, may...)
	if reported, ok := impliedStatus[a.result]; ok {
		w.checkStatus(e, kind, before, a, reported)
	}
	if a.result != "200" ||
		!w.checkStatus(e, kind, before, a, client.ImportStatusAwaitingUpload, client.ImportStatusUploading) {
		return before, false
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		w.violate("%s %s: %v", kind, e.id, err)
	}
	return before, true
}

// sign signs parts of e: none if its state does not permit it.
func (w *worker) sign(e *entry, body []byte, numbers ...int32) []client.SignedPart {
	r := client.PartsRequest{PartNumbers: numbers, Checksums: map[string]string{}}
	for _, n := range numbers {
		if e.check != "" && e.count > 0 {
			r.Checksums[strconv.Itoa(int(n))] = sum(e.check, e.part(body, n))
		}
	}
	var signed client.SignedParts
	w.ofParts(
		"sign parts", e, &signed,
		func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.SignParts(ctx, e.id, r) },
	)
	return signed.Parts
}

// listParts compares the list of e's parts with what was sent.
func (w *worker) listParts(e *entry) {
	var list client.PartList
	before, ok := w.ofParts("list parts", e, &list, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		return c.ListParts(ctx, e.id, nil)
	})
	if !ok {
		return
	}
	var held, missing uint64
	for _, p := range list.Parts {
		held |= 1 << (p.PartNumber - 1)
		if want := len(e.part(e.bytes(), p.PartNumber)); p.Size != int64(want) {
			w.violate("list parts %s: part %d has %d bytes, %d were sent", e.id, p.PartNumber, p.Size, want)
		}
	}
	for _, gap := range list.Missing {
		missing |= 1<<gap.Last - 1<<(gap.First-1)
	}
	end := e.every()
	if !e.sized { // parts after the last one are not missing
		end = 1<<bits.Len64(held) - 1
	}
	now := e.snapshot()
	if missing != end&^held || held&^now.attempted != 0 || before.certain&^held != 0 && !now.deleting {
		w.violate("list parts %s: %b are there, %b missing; must be there: %b, and at most %b",
			e.id, held, missing, before.certain, now.attempted)
	}
}

// patience exceeds the time after which the service takes over a completion of another server.
const patience = 20*time.Second + 20*time.Second

// awaitIdle reads e until no operation is in progress: readers complete what a killed server began.
func (w *worker) awaitIdle(e *entry) {
	open := func() bool { f := e.snapshot(); return e.count > 0 && f.sending && !f.stored && !f.deleted }
	for deadline := time.Now().Add(patience); w.read(e) != nil && open() && w.ctx.Err() == nil; time.Sleep(patience / 80) {
		if time.Now().Before(deadline) {
			continue
		}
		if r, err := w.record(e.job().RecordKey()); err != nil || !r.Parts.Completing.IsZero() {
			w.violate("import %s: a completion was begun, and no reader ends it: %+v, %v", e.id, r, err)
		}
		if w.complete(e); open() {
			w.violate("import %s: all parts are there, and it cannot be completed", e.id)
		}
		return
	}
}
