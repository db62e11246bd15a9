//go:build unix

package main

import (
	"github.com/signpost-s3/signpost/gen/client"
	"slices"
)

// partSize is S3's least.
const partSize = 5 << 20

// drawParts is an upload of one to three parts; most have one, for the sake of the disk.
func (w *worker) drawParts() (plan, client.ImportRequest) {
	p := plan{count: max(1, w.rng.IntN(6)-2), partSize: partSize, sized: w.chance(75)}
	p.content = content{w.rng.Uint64(), int64(p.count-1)*partSize + 1 + w.rng.Int64N(32<<10)}
	mode := client.ImportRequestModeMultipart
	r := client.ImportRequest{Mode: &mode, PartSize: &p.partSize}
	if p.sized {
		r.Size = &p.content.size
	}
	if w.chance(50) {
		p.check, p.late, p.spoiled = algorithms[2+w.rng.IntN(3)], w.chance(50), w.chance(20)
		r.Checksum = p.checksum()
		if p.late {
			r.Checksum.Value = nil
		}
	}
	return p, r
}

// inParts sends parts, loses some, completes from both sides and deletes at whatever stage.
func (w *worker) inParts() {
	p, r := w.drawParts()
	e := w.create(w.ledger.attempt(w.tenant(), "", p), r)
	if e == nil {
		return
	}
	body, numbers := p.content.bytes(), make([]int32, p.count)
	for i, n := range w.rng.Perm(p.count) {
		numbers[i] = int32(n + 1)
	}
	if !p.sized { // whoever completes it meanwhile would take what is there for all: the last part comes first
		slices.Sort(numbers)
	}
	lost := 0
	if w.chance(30) {
		lost = 1 + w.rng.IntN(p.count)
	}
	w.sendParts(e, body, numbers[lost:])
	if lost > 0 {
		w.complete(e)
		w.missing(e)
		w.sendParts(e, body, numbers[:lost])
	}
	w.finish(e)
	if w.read(e); p.count > 1 || w.chance(70) {
		w.remove(e) // the disk is small
		w.read(e)
	}
}

// sendParts has parts signed together and sends them, some of them wrong before.
func (w *worker) sendParts(e *entry, body []byte, numbers []int32) {
	if len(numbers) == 0 {
		return
	}
	for _, p := range slices.Backward(w.sign(e, body, numbers...)) {
		u, part := client.UploadRequest{Method: client.UploadRequestMethodPUT, URL: p.URL, Headers: p.Headers}, e.part(body, p.PartNumber)
		if w.chance(10) {
			w.wrong(e.id, u, part, e.plan)
		}
		if w.chance(10) {
			w.cut(u, part)
		}
		bit := uint64(1) << (p.PartNumber - 1)
		e.mark(func(f *facts) { f.tried |= bit })
		a := w.send("upload part", e.id, u, part, "200", "404 NoSuchUpload")
		now := e.mark(func(f *facts) {
			f.doubt = f.doubt || f.deleting
			if a.ok() {
				f.sure |= bit
			}
		})
		if !a.ok() && !now.sending && !now.deleting {
			w.tally.violate("upload part %d of %s: its upload is gone", p.PartNumber, e.id)
		}
	}
}

// finish ends an upload in one of the ways that there are.
func (w *worker) finish(e *entry) {
	one, two := w.twin(), w.twin()
	switch n := w.rng.IntN(100); {
	case n < 35:
		w.complete(e)
	case n < 55: // which the servers take in turns
		e.mark(func(f *facts) { f.twins = true })
		w.together(func() { one.complete(e) }, func() { two.complete(e) })
	case n < 75:
		w.together(func() { one.complete(e) }, func() { two.remove(e) })
	case n < 85: // and goes away
		w.resigns = true
		w.complete(e)
		w.resigns = false
		w.settle(e)
	case n < 93:
		w.remove(e)
	}
	if w.chance(20) {
		w.complete(e)
	}
}
