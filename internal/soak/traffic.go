//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// kinds is the traffic, each kind as often as its weight says.
var kinds = []struct {
	weight int
	do     func(*worker)
}{
	{20, (*worker).single}, {8, (*worker).inParts}, {5, (*worker).bare}, {12, (*worker).visit}, {3, (*worker).list}, {6, (*worker).bad},
	{4, (*worker).sameKey}, {2, (*worker).tooLate},
}

// turn is one import, or a look at what is there. One client in ten is impatient and resigns where it is not answered at once.
func (w *worker) turn() {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	w.resigns = w.chance(10)
	at := w.rng.IntN(total)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			k.do(w)
			return
		}
	}
}

func (w *worker) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *worker) tenant() *tenant { return w.tenants[w.rng.IntN(len(w.tenants))] }

// draw is an upload in one request, with what its client declares of it.
func (w *worker) draw() (plan, client.ImportRequest) {
	p := plan{content: content{w.rng.Uint64(), w.rng.Int64N(32 << 10)}, sized: w.chance(70)}
	mode, kind := client.ImportRequestModeAuto, "application/octet-stream"
	if w.chance(20) {
		mode = client.ImportRequestModeForm
	} else {
		p.once = w.chance(25)
	}
	r := client.ImportRequest{Mode: &mode, WriteOnce: &p.once}
	if p.sized {
		r.Size = &p.content.size
	}
	if w.chance(50) {
		r.ContentType = &kind
	}
	if w.chance(50) {
		p.check = algorithms[w.rng.IntN(len(algorithms))]
		r.Checksum = p.checksum()
	}
	return p, r
}

// single sends one request, right or wrong, and has it deleted at whatever stage.
func (w *worker) single() {
	p, r := w.draw()
	e := w.create(w.ledger.attempt(w.tenant(), "", p), r)
	if e == nil || w.chance(5) {
		return
	}
	if w.chance(7) { // its URL is good for an hour all the same
		w.remove(e)
		w.put(e)
		w.read(e)
		return
	}
	if w.chance(25) {
		w.wrong(e.id, e.upload, p.content.bytes(), p)
	}
	if w.chance(10) {
		w.cut(e.upload, p.content.bytes())
	}
	if w.chance(20) {
		w.complete(e)
	}
	if w.chance(10) {
		one, two := w.twin(), w.twin()
		w.together(func() { one.put(e) }, func() { two.remove(e) })
	} else {
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
		w.read(e)
	}
}

// put uploads e in one request.
func (w *worker) put(e *entry) {
	before := e.mark(func(f *facts) { f.sending = true })
	a := w.send("upload", e.key, e.upload, e.content.bytes(), "200", "201", "412 PreconditionFailed")
	there := a.said == "412 PreconditionFailed"
	e.mark(func(f *facts) {
		f.doubt = f.doubt || f.deleting
		f.stored = f.stored || a.ok() || there
	})
	if there && !(e.once && (before.sending || a.lost > 0)) {
		w.tally.violate("upload %s: refused as if it were not the first", e.key)
	}
	if a.ok() && e.once && before.stored && !e.mark(nil).deleting {
		w.tally.violate("upload %s: a second one was taken", e.key)
	}
}

// bare uploads to a URL of which there is no record.
func (w *worker) bare() {
	t := w.tenant()
	a := w.ask("bare create", "", t, func(ctx context.Context, c *client.Client) (*http.Response, error) {
		return c.CreateImportWithBody(ctx, nil, "", nil)
	}, "200")
	var job client.Job
	if !a.ok() {
		return
	}
	if err := json.Unmarshal(a.body, &job); err != nil || job.UploadURL == nil {
		w.tally.violate("bare create: answered %s", a.body)
		return
	}
	u, err := url.Parse(*job.UploadURL)
	if err != nil {
		w.tally.violate("bare create: %v", err)
		return
	}
	e := &entry{plan: plan{content: content{w.rng.Uint64(), w.rng.Int64N(32 << 10)}}, tenant: t, key: strings.TrimPrefix(u.Path, "/"+bucketName+"/"),
		upload: client.UploadRequest{Method: client.UploadRequestMethodPUT, URL: *job.UploadURL}}
	w.ledger.enterBare(e)
	if w.chance(10) {
		w.cut(e.upload, e.content.bytes())
	}
	if w.chance(80) {
		w.put(e)
	}
}

// tooLate waits until the time of an import is over, and only then uploads.
func (w *worker) tooLate() {
	p, r := w.draw()
	seconds := int32(1 + w.rng.IntN(3))
	r.ExpiresIn = &seconds
	e := w.create(w.ledger.attempt(w.tenant(), "", p), r)
	if e == nil {
		return
	}
	for f := e.mark(nil); !f.expired && !f.deleted && w.read(e) != nil; f = e.mark(nil) {
		time.Sleep(10 * pollEvery)
	}
	time.Sleep(time.Until(e.deadline.Add(2 * time.Second))) // the store may judge in whole seconds
	w.send("late upload", e.key, e.upload, p.content.bytes(), "403 AccessDenied")
	w.complete(e)
	w.read(e)
	if w.chance(50) {
		w.remove(e)
	}
}

// sameKey creates an import twice at once, and once more later, with one Idempotency-Key.
func (w *worker) sameKey() {
	p, r := w.draw()
	if w.chance(30) {
		p, r = w.drawParts()
	}
	a := w.ledger.attempt(w.tenant(), fmt.Sprintf("key-%x", w.rng.Uint64()), p)
	one, two := w.twin(), w.twin()
	var e, f *entry
	w.together(func() { e = one.create(a, r) }, func() { f = two.create(a, r) })
	if e == nil && f == nil {
		return
	}
	if e == nil {
		e = f
	}
	if w.chance(50) {
		seconds, other := int32(60), r
		other.ExpiresIn = &seconds
		w.ask("reuse key", e.id, a.tenant, func(ctx context.Context, c *client.Client) (*http.Response, error) {
			return c.CreateImport(ctx, &client.CreateImportParams{IdempotencyKey: &a.key}, other)
		}, "422 idempotency-key-reused")
	}
	if p.count == 0 && w.chance(50) {
		w.put(e)
	}
	w.create(a, r)
	if w.chance(70) {
		w.remove(e)
		w.create(a, r)
	}
}
