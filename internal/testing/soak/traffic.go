//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// kinds is the traffic; the weight of a kind is its frequency.
var kinds = slices.Concat(
	times(20, (*worker).single),
	times(8, (*worker).multipartUpload),
	times(5, (*worker).untracked),
	times(4, (*worker).repeatKey),
	times(2, (*worker).uploadExpired),
	times(12, (*worker).anyRequest),
	times(3, (*worker).list),
	times(6, (*worker).invalidRequest),
)

func times(weight int, do func(*worker)) []func(*worker) {
	return slices.Repeat([]func(*worker){do}, weight)
}

// drawSingle returns a random single upload and its request.
func (w *worker) drawSingle() (plan, client.ImportRequest) {
	p := plan{content: content{w.rng.Uint64(), w.rng.Int64N(32 << 10)}, sized: w.chance(70)}
	mode, kind := client.ImportRequestModeForm, "application/octet-stream"
	if w.chance(80) {
		mode, p.once = client.ImportRequestModeAuto, w.chance(25)
	}
	if w.chance(50) {
		p.check = algorithms[w.rng.IntN(len(algorithms))]
	}
	r := client.ImportRequest{Mode: mode, WriteOnce: p.once, Checksum: p.checksum()}
	if p.sized {
		r.Size = &p.size
	}
	if w.chance(50) {
		r.ContentType = kind
	}
	return p, r
}

// single uploads by one request, with right and wrong content, and may delete the import at any stage.
func (w *worker) single() {
	p, r := w.drawSingle()
	e := w.create(w.ledger.attempt(w.tenant(), "", p), r)
	if e == nil || w.chance(5) {
		return
	}
	if w.chance(25) {
		w.wrong(e.id, e.upload, p.bytes(), p)
	}
	if w.chance(10) {
		w.cut(e.upload, p.bytes())
	}
	if w.chance(20) {
		w.complete(e)
	}
	one, two := w.otherClient(), w.otherClient()
	switch n := w.rng.IntN(100); {
	case n < 7: // the URL is still valid for an hour
		w.remove(e)
		w.put(e)
	case n < 17:
		w.concurrently(func() { one.put(e) }, func() { two.remove(e) })
	default:
		w.put(e)
	}
	w.read(e)
	if w.chance(30) {
		w.put(e)
	}
	if w.chance(20) {
		w.complete(e)
	}
	if w.chance(30) {
		w.remove(e)
	}
}

// put uploads e by one request.
func (w *worker) put(e *entry) {
	before := e.mark(func(f *facts) { f.sending = true })
	a := w.send("upload", e.key, e.upload, e.bytes(), "200", "201", "412 PreconditionFailed")
	second := a.result == "412 PreconditionFailed"
	now := e.mark(func(f *facts) { f.uncertain, f.stored = f.uncertain || f.deleting, f.stored || a.ok() || second })
	if second && !(e.once && (before.sending || a.lost > 0)) || a.ok() && e.once && before.stored && !now.deleting {
		w.violate("upload %s: %s; it may be sent once: %v; before, %+v", e.key, a.result, e.once, before)
	}
}

// untracked uploads an untracked import.
func (w *worker) untracked() {
	t := w.tenant()
	a := w.ask("bare create", "", t, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		return c.CreateImportWithBody(ctx, nil, "", nil)
	}, "200")
	if !a.ok() {
		return
	}
	var job client.Job
	if err := json.Unmarshal(a.body, &job); err != nil || job.UploadURL == "" {
		w.violate("bare create: answered %s", a.body)
		return
	}
	u, _ := url.Parse(job.UploadURL) // request would panic
	e := w.ledger.add(
		nil,
		&entry{
			plan:   plan{content: content{w.rng.Uint64(), w.rng.Int64N(32 << 10)}},
			key:    strings.TrimPrefix(u.Path, "/"+bucketName+"/"),
			upload: client.UploadRequest{Method: client.UploadRequestMethodPUT, URL: job.UploadURL},
		},
	)
	if w.chance(10) {
		w.cut(e.upload, e.bytes())
	}
	if w.chance(80) {
		w.put(e)
	}
}

// uploadExpired uploads only after an import has expired.
func (w *worker) uploadExpired() {
	p, r := w.drawSingle()
	seconds := int32(1 + w.rng.IntN(3))
	r.ExpiresIn = seconds
	e := w.create(w.ledger.attempt(w.tenant(), "", p), r)
	if e == nil {
		return
	}
	for f := e.snapshot(); !f.expired && !f.deleted && w.read(e) != nil; f = e.snapshot() {
		time.Sleep(10 * pollEvery)
	}
	time.Sleep(time.Until(e.deadline.Add(2 * time.Second))) // the store may compare whole seconds
	w.send("late upload", e.key, e.upload, p.bytes(), "403 AccessDenied")
	w.complete(e)
	if w.read(e); w.chance(50) {
		w.remove(e)
	}
}

// repeatKey creates an import twice concurrently, and again later, with one Idempotency-Key.
func (w *worker) repeatKey() {
	p, r := w.drawSingle()
	if w.chance(30) {
		p, r = w.drawMultipart()
	}
	a := w.ledger.attempt(w.tenant(), fmt.Sprintf("key-%x", w.rng.Uint64()), p)
	one, two := w.otherClient(), w.otherClient()
	w.concurrently(func() { one.create(a, r) }, func() { two.create(a, r) })
	e := w.ledger.importOf(a)
	if e == nil {
		return
	}
	if w.chance(50) {
		seconds, other := int32(60), r
		other.ExpiresIn = seconds
		w.ask(
			"reuse key", e.id, a.tenant,
			func(ctx context.Context, c *client.Client) (*http.Response, error) { return a.send(ctx, c, other) },
			"422 idempotency-key-reused",
		)
	}
	if p.count == 0 && w.chance(50) {
		w.put(e)
	}
	if w.create(a, r); w.chance(70) {
		w.remove(e)
		w.create(a, r)
	}
}
