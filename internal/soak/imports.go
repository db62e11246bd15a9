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

// createParts is told from other creates, for a kill may leave parts of it that nobody knows of.
const createParts = "create parts"

// create makes the import that r describes and a's plan is of. Without an Idempotency-Key, each time that it is sent is another
// attempt. It returns nil where the client resigned.
func (w *worker) create(a *attempt, r client.ImportRequest) *entry {
	kind, first, before := "create", true, facts{}
	if a.plan.count > 0 {
		kind = createParts
	}
	if e := w.ledger.made(a); e != nil {
		before = e.mark(nil)
	}
	got := w.ask(kind, a.marker, a.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		params, marked := client.CreateImportParams{}, r
		if a.key != "" {
			params.IdempotencyKey = &a.key
		} else if !first {
			a = w.ledger.attempt(a.tenant, "", a.plan)
		}
		first = false
		if name := a.marker + ".bin"; a.plan.content.seed%2 == 0 {
			marked.Filename = &name
		} else {
			marked.Metadata = map[string]string{"soak": a.marker}
		}
		return c.CreateImport(ctx, &params, marked)
	}, "200")
	job := got.job()
	if job == nil {
		return nil
	}
	e := &entry{id: *job.ID, key: job.Object.Key, deadline: *job.ExpiresAt}
	if job.Upload != nil {
		e.upload = *job.Upload
	}
	e = w.ledger.enter(a, e)
	if e.id != *job.ID {
		w.tally.violate("create %s: one Idempotency-Key made %s and %s", a.marker, e.id, *job.ID)
	}
	w.hold(e, kind, before, got, *job.Status)
	return e
}

// read looks at e, and at all that the answer tells.
func (w *worker) read(e *entry) *client.Job {
	before := e.mark(nil)
	a := w.ask("read", e.id, e.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.GetImport(ctx, e.id) }, "200")
	job := a.job()
	if job == nil || !w.hold(e, "read", before, a, *job.Status) {
		return nil
	}
	switch *job.Status {
	case client.JobStatusCompleted:
		w.checkCompleted(e, a, job)
	case client.JobStatusUploading:
		now := e.mark(nil)
		least, most := bits.OnesCount64(before.sure), bits.OnesCount64(now.tried)
		if now.sending && !e.sized { // while the store makes the object of them, nobody knows
			least = 0
		}
		if n := int(*job.Multipart.UploadedParts); n < least || n > most {
			w.tally.violate("read %s: %d parts uploaded, must be %d to %d", e.id, n, least, most)
		}
	}
	return job
}

// checkCompleted holds what a completed import says, and sometimes its object, to what was sent.
func (w *worker) checkCompleted(e *entry, a answer, job *client.Job) {
	if job.Object.Key != e.key || *job.Size != e.content.size || e.check != "" && !(e.late && e.mark(nil).twins) && (job.Checksum == nil || !job.Checksum.Verified) {
		w.tally.violate("import %s: completed, but not as it was sent: %d bytes, checksum %q; %s", e.id, e.content.size, e.check, a.body)
	}
	if job.DownloadURL == nil || !w.chance(30) {
		return
	}
	got := w.insist("download", e.id, false, func(int) answer {
		return w.once("download", e.id, w.store, func() (*http.Response, error) { return w.web.Get(*job.DownloadURL) })
	}, "200", "404 NoSuchKey")
	if gone := got.said == "404 NoSuchKey" && e.mark(nil).deleting; !gone && !bytes.Equal(got.body, e.content.bytes()) {
		w.tally.violate("download %s: %s, %d bytes that are not the %d that were sent", e.id, got.said, len(got.body), e.content.size)
	}
}

// remove deletes e.
func (w *worker) remove(e *entry) {
	e.mark(func(f *facts) { f.deleting = true })
	if w.ask("delete", e.id, e.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.DeleteImport(ctx, e.id) }, "204").ok() {
		e.mark(func(f *facts) { f.deleted = true })
	}
}

// complete asks for the completion of e, whatever its state.
func (w *worker) complete(e *entry) {
	before := e.mark(func(f *facts) { f.sending = f.sending || e.count > 0 && f.tried == e.all() })
	a := w.ask("complete", e.id, e.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		if e.late {
			return c.CompleteImport(ctx, e.id, client.CompleteRequest{Checksum: e.checksum()})
		}
		return c.CompleteImportWithBody(ctx, e.id, "", nil)
	}, "200", "202", "409 import-aborted", "409 import-expired", "409 parts-missing", "409 upload-missing", "422 checksum-mismatch")
	if job := a.job(); job != nil {
		w.hold(e, "complete", before, a, *job.Status)
	} else if told, known := tells[a.said]; known {
		w.hold(e, "complete", before, a, told)
	}
}

// ofParts makes a call about the parts of e and decodes its answer. It reports false where e's state does not allow it.
func (w *worker) ofParts(kind string, e *entry, answer any, call func(context.Context, *client.Client) (*http.Response, error)) (before facts, ok bool) {
	before = e.mark(nil)
	may := []string{"409 not-multipart"}
	if e.count > 0 {
		may = []string{"200", "409 import-completed", "409 import-completing", "409 import-aborted", "409 import-failed"}
	}
	a := w.ask(kind, e.id, e.tenant, call, may...)
	if told, known := tells[a.said]; known {
		w.hold(e, kind, before, a, told)
	}
	if a.said != "200" || !w.hold(e, kind, before, a, client.JobStatusAwaitingUpload, client.JobStatusUploading) {
		return before, false
	}
	if err := json.Unmarshal(a.body, answer); err != nil {
		w.tally.violate("%s %s: %v", kind, e.id, err)
	}
	return before, true
}

// sign has parts of e signed: none where its state does not allow it.
func (w *worker) sign(e *entry, body []byte, numbers ...int32) []client.SignedPart {
	r := client.PartsRequest{PartNumbers: numbers}
	for _, n := range numbers {
		if e.check != "" && e.count > 0 {
			if r.Checksums == nil {
				r.Checksums = map[string]string{}
			}
			r.Checksums[strconv.Itoa(int(n))] = sum(e.check, e.part(body, n))
		}
	}
	var signed client.SignedParts
	w.ofParts("sign parts", e, &signed, func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.SignParts(ctx, e.id, r) })
	return signed.Parts
}

// missing holds the list of e's parts, and of those that are missing, to what was sent.
func (w *worker) missing(e *entry) {
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
		if want := len(e.part(e.content.bytes(), p.PartNumber)); p.Size != int64(want) {
			w.tally.violate("list parts %s: part %d has %d bytes, %d were sent", e.id, p.PartNumber, p.Size, want)
		}
	}
	for _, gap := range list.Missing {
		missing |= 1<<gap.Last - 1<<(gap.First-1)
	}
	end := e.all() // where the size is not known, nothing after the last that is held is missing
	if !e.sized {
		end = 1<<bits.Len64(held) - 1
	}
	if now := e.mark(nil); missing != end&^held || held&^now.tried != 0 || before.sure&^held != 0 && !now.deleting {
		w.tally.violate("list parts %s: %b are there, %b missing; must be there at least %b, at most %b", e.id, held, missing, before.sure, now.tried)
	}
}

// settle reads e until nothing is under way any more: what a server began whose life ended, the readers end. The service waits
// for 20 s before it takes another server for dead.
func (w *worker) settle(e *entry) {
	open := func() bool { f := e.mark(nil); return e.count > 0 && f.sending && !f.stored && !f.deleted }
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(25 * pollEvery) {
		if w.read(e) == nil || !open() || w.ctx.Err() != nil {
			return
		}
		if time.Now().Before(deadline) {
			continue
		}
		if r, err := w.record(e.recordKey()); err != nil || !r.Parts.Completing.IsZero() {
			w.tally.violate("import %s: a completion was begun, and no reader ends it: %+v, %v", e.id, r, err)
		}
		if w.complete(e); open() {
			w.tally.violate("import %s: all parts are there, and it cannot be completed", e.id)
		}
		return
	}
}
