//go:build unix

package main

import (
	"slices"

	"github.com/signpost-s3/signpost/gen/client"
)

// drawMultipart returns an upload of one to three parts of S3's minimum size; most have one, to save disk space.
func (w *worker) drawMultipart() (plan, client.ImportRequest) {
	p := plan{count: max(1, w.rng.IntN(6)-2), partSize: 5 << 20, sized: w.chance(75)}
	p.content = content{w.rng.Uint64(), int64(p.count-1)*p.partSize + 1 + w.rng.Int64N(32<<10)}
	if w.chance(50) {
		p.check, p.late, p.spoiled = algorithms[2+w.rng.IntN(3)], w.chance(50), w.chance(20)
	}
	mode := client.ImportRequestModeMultipart
	r := client.ImportRequest{Mode: mode, PartSize: p.partSize, Checksum: p.checksum()}
	if p.late {
		r.Checksum.Value = ""
	}
	if p.sized {
		r.Size = &p.size
	}
	return p, r
}

// multipartUpload uploads parts, loses some, completes on both servers and deletes at any stage.
func (w *worker) multipartUpload() {
	p, r := w.drawMultipart()
	e := w.create(w.ledger.attempt(w.tenant(), "", p), r)
	if e == nil {
		return
	}
	body, numbers := p.bytes(), make([]int32, p.count)
	for i, n := range w.rng.Perm(p.count) {
		numbers[i] = int32(n + 1)
	}
	if !p.sized { // a concurrent completion takes the last uploaded part for the last one, so it is sent first
		slices.Sort(numbers)
	}
	lost := 0
	if w.chance(30) {
		lost = 1 + w.rng.IntN(p.count)
	}
	w.sendParts(e, body, numbers[lost:])
	if lost > 0 {
		w.complete(e)
		w.listParts(e)
		w.sendParts(e, body, numbers[:lost])
	}
	w.finish(e)
	if w.read(e); p.count > 1 || w.chance(70) { // large objects are removed
		w.remove(e)
	}
}

// sendParts signs parts in one call and uploads them, last first, some with wrong content before.
func (w *worker) sendParts(e *entry, body []byte, numbers []int32) {
	if len(numbers) == 0 {
		return
	}
	for _, p := range slices.Backward(w.sign(e, body, numbers...)) {
		u, part := client.UploadRequest{
			Method:  client.UploadRequestMethodPUT,
			URL:     p.URL,
			Headers: p.Headers,
		}, e.part(body, p.PartNumber)
		if w.chance(10) {
			w.wrong(e.id, u, part, e.plan)
		}
		if w.chance(10) {
			w.cut(u, part)
		}
		bit := uint64(1) << (p.PartNumber - 1)
		e.mark(func(f *facts) { f.attempted |= bit })
		a := w.send("upload part", e.id, u, part, "200", "404 NoSuchUpload")
		now := e.mark(func(f *facts) {
			if f.uncertain = f.uncertain || f.deleting; a.ok() {
				f.certain |= bit
			}
		})
		if a.result == "404 NoSuchUpload" && !now.sending && !now.deleting {
			w.violate("upload part %d of %s: its upload is gone", p.PartNumber, e.id)
		}
	}
}

// finish ends an upload in a random way, or leaves it.
func (w *worker) finish(e *entry) {
	one, two := w.otherClient(), w.otherClient()
	switch n := w.rng.IntN(100); {
	case n < 25:
		w.complete(e)
	case n < 45:
		w.concurrently(func() { one.complete(e) }, func() { two.complete(e) })
	case n < 62:
		w.concurrently(func() { one.complete(e) }, func() { two.remove(e) })
	case n < 85: // without waiting for the response
		one.neverRetries = true
		one.complete(e)
		w.awaitIdle(e)
	case n < 93:
		w.remove(e)
	}
	if w.chance(20) {
		w.complete(e)
	}
}
