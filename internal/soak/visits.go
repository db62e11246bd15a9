//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
)

// visit calls for some import, in whatever state and whoever else is at it.
func (w *worker) visit() {
	entries := w.ledger.all()
	if len(entries) == 0 {
		return
	}
	e := entries[w.rng.IntN(len(entries))]
	if w.chance(30) { // or one that somebody is at
		e = entries[max(0, len(entries)-1-w.rng.IntN(workerCount))]
	}
	switch n := w.rng.IntN(100); {
	case n < 50:
		w.read(e)
	case n < 65:
		w.complete(e)
	case n < 75:
		w.sign(e, e.content.bytes(), 1)
	case n < 85:
		w.missing(e)
	case n < 90:
		w.remove(e)
		w.read(e)
	default:
		w.stranger(e)
	}
}

// stranger calls for an import of another tenant or, where there is one alone, for one that nobody has.
func (w *worker) stranger(e *entry) {
	t, id := w.tenant(), e.id
	if t == e.tenant {
		id = fmt.Sprintf("%s%012x", id[:24], w.rng.Int64N(1<<48))
	}
	calls := []func(context.Context, *client.Client) (*http.Response, error){
		func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.GetImport(ctx, id) },
		func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.DeleteImport(ctx, id) },
		func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.ListParts(ctx, id, nil) },
		func(ctx context.Context, c *client.Client) (*http.Response, error) {
			return c.CompleteImportWithBody(ctx, id, "", nil)
		},
		func(ctx context.Context, c *client.Client) (*http.Response, error) {
			return c.SignParts(ctx, id, client.PartsRequest{PartNumbers: []int32{1}})
		},
	}
	w.ask("stranger", id, t, calls[w.rng.IntN(len(calls))], "404 import-not-found")
}

// list goes through pages of a tenant's imports, from the newest or from any: in order, none twice, none left out, none of others,
// each in a state that it may have.
func (w *worker) list() {
	t, params, all := w.tenant(), client.ListImportsParams{}, w.ledger.all()
	limit := int32(1 + w.rng.IntN(20))
	params.Limit = &limit
	if w.chance(50) && len(all) > 0 {
		params.Cursor = &all[w.rng.IntN(len(all))].id
	}
	if w.chance(20) {
		state := []client.JobStatus{client.JobStatusCompleted, client.JobStatusAwaitingUpload, client.JobStatusAborted}[w.rng.IntN(3)]
		params.Status = &state
	}
	for pages := 0; pages < 3; pages++ {
		before := map[string]facts{}
		for _, e := range all {
			before[e.id] = e.mark(nil)
		}
		a := w.ask("list", "", t, func(ctx context.Context, c *client.Client) (*http.Response, error) {
			return c.ListImports(ctx, &params)
		}, "200")
		var page client.JobList
		if err := json.Unmarshal(a.body, &page); !a.ok() || err != nil {
			return
		}
		at, end := "", "~" // after all keys
		if params.Cursor != nil {
			at = rank(*params.Cursor)
		}
		if page.NextCursor != nil {
			end = rank(*page.NextCursor)
		}
		listed := map[string]bool{}
		for last := at; len(page.Imports) > 0; page.Imports = page.Imports[1:] {
			job := page.Imports[0]
			if listed[*job.ID] = true; rank(*job.ID) <= last || rank(*job.ID) > end {
				w.tally.violate("list: %s is out of order", *job.ID)
			}
			last = rank(*job.ID)
			w.listed(t, params.Status, before[*job.ID], a, job)
		}
		for _, e := range all {
			if r := rank(e.id); e.tenant == t && at < r && r <= end && params.Status == nil && !listed[e.id] {
				w.tally.violate("list: %s is left out", e.id)
			}
		}
		if params.Cursor = page.NextCursor; params.Cursor == nil {
			return
		}
		all = w.ledger.all()
	}
}

// listed judges one import of a list. One that nobody has heard of may be of a create that was not answered.
func (w *worker) listed(t *tenant, filter *client.JobStatus, before facts, a answer, job client.Job) {
	if e := w.ledger.find(*job.ID); e != nil && e.tenant == t {
		w.hold(e, "list", before, a, *job.Status)
	} else if made := w.ledger.attemptOf(job.Filename, job.Metadata); made == nil || made.tenant != t {
		w.tally.violate("list: %s is nobody's whom %s should know: %v", *job.ID, t.name, job)
	}
	if filter != nil && *filter != *job.Status {
		w.tally.violate("list: %s is %s, asked for were %s", *job.ID, *job.Status, *filter)
	}
}

// rank is where an id stands in a list: newest first, and in the order of ids within a millisecond.
func rank(id string) string {
	ms, _ := strconv.ParseInt(id[:8]+id[9:13], 16, 64) // the service's own
	return fmt.Sprintf("%012x-%s", 1<<48-1-ms, id)
}

// faulty are requests that must be refused, and how.
var faulty = []struct{ method, path, contentType, body, want string }{
	{"POST", "/import", "application/json", `{"size":1`, "400 invalid-json"},
	{"POST", "/import", "application/json", `{"size":1,"size":2}`, "400 invalid-json"},
	{"POST", "/import", "application/json", strings.Repeat("[", 100_000), "400 invalid-json"},
	{"POST", "/import", "application/json", "{\"filename\":\"\xff\"}", "400 invalid-json"},
	{"POST", "/import", "application/json", `{"sise":1}`, "400 invalid-request"},
	{"POST", "/import", "application/json", `{"size":"1","write_once":"yes","metadata":7}`, "400 invalid-request"},
	{"POST", "/import", "application/json", `{"size":-1}`, "400 invalid-request"},
	{"POST", "/import", "application/json", `{"size":6000000000,"mode":"single"}`, "422 size-too-large"},
	{"POST", "/import", "application/json", `{"expires_in":7200}`, "422 expiry-too-long"},
	{"POST", "/import", "application/json", `{"mode":"form","write_once":true}`, "400 invalid-request"},
	{"POST", "/import", "application/json", `{"checksum":{"algorithm":"sha256","value":"AAAAAAAA"}}`, "400 invalid-request"},
	{"POST", "/import", "text/plain", `{}`, "415 unsupported-media-type"},
	{"POST", "/import", "application/json; charset=latin1", `{}`, "415 unsupported-charset"},
	{"POST", "/import", "application/json", "{}" + strings.Repeat(" ", 200<<10), "413 body-too-large"},
	{"GET", "/import?limit=0", "", "", "400 invalid-request"},
	{"GET", "/import?limit=1&limit=2", "", "", "400 invalid-request"},
	{"GET", "/import?cursor=../../etc/passwd", "", "", "400 invalid-request"},
	{"GET", "/import?status=lost", "", "", "400 invalid-request"},
	{"GET", "/import/1", "", "", "404 import-not-found"},
	{"GET", "/import/0198C5A4-7B1E-7C3A-9F00-2A6D7C1B4E55", "", "", "404 import-not-found"},
	{"DELETE", "/import/..%2f..%2fpublic", "", "", "404 import-not-found"},
	{"POST", "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55/parts", "", "", "400 body-missing"},
	{"POST", "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55/parts", "application/json", `{"first":0}`, "400 invalid-request"},
	{"POST", "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55/complete", "application/json", `{"parts":[]}`, "400 invalid-request"},
	{"PUT", "/import", "", "", "405 method-not-allowed"},
	{"GET", "/imports", "", "", "404 not-found"},
}

// bad sends what must be refused.
func (w *worker) bad() {
	f, t, first := faulty[w.rng.IntN(len(faulty))], w.tenant(), w.rng.IntN(2)
	w.insist("bad request", f.path, false, func(turn int) answer {
		to := w.servers[(first+turn)%2]
		return w.once("bad request", f.path, to, func() (*http.Response, error) {
			r, err := http.NewRequest(f.method, "http://"+to.address+f.path, strings.NewReader(f.body))
			if err != nil {
				return nil, err
			}
			if f.contentType != "" {
				r.Header.Set("Content-Type", f.contentType)
			}
			return w.web.Do(t.sign(r))
		})
	}, f.want)
}
