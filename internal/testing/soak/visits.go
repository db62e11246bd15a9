//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/imports"
)

// anyRequest sends a request for some import, often a recent one, in any state.
func (w *worker) anyRequest() {
	entries := w.ledger.all()
	if len(entries) == 0 {
		return
	}
	e := entries[len(entries)-1-min(w.rng.IntN(len(entries)), w.rng.IntN(len(entries)))]
	switch n := w.rng.IntN(100); {
	case n < 50:
		w.read(e)
	case n < 65:
		w.complete(e)
	case n < 75:
		w.sign(e, e.bytes(), 1)
	case n < 85:
		w.listParts(e)
	case n < 90:
		w.remove(e)
	default:
		w.foreignImport(e)
	}
}

// foreignImport sends a request for another tenant's import, or for an unknown one.
func (w *worker) foreignImport(e *entry) {
	t, id := w.tenant(), e.id
	if t == e.tenant {
		id = fmt.Sprintf("%s%012x", id[:24], w.rng.Int64N(1<<48))
	}
	calls := []call{
		func(ctx context.Context, c *client.Client) (*http.Response, error) { return c.GetImport(ctx, id, nil) },
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

// list reads some pages of a tenant's imports, from the newest or a random one. It checks that they are in order,
// complete, of no other tenant, and of an allowed status.
func (w *worker) list() {
	t, limit, all := w.tenant(), int32(1+w.rng.IntN(10)), w.ledger.all()
	params := client.ListImportsParams{Limit: &limit}
	if w.chance(50) && len(all) > 0 {
		params.Cursor = &all[w.rng.IntN(len(all))].id
	}
	if w.chance(20) {
		state := []client.ImportStatus{
			client.ImportStatusCompleted, client.ImportStatusAwaitingUpload, client.ImportStatusAborted,
		}[w.rng.IntN(3)]
		params.Status = &state
	}
	for range 3 {
		before := map[string]facts{}
		for _, e := range all {
			before[e.id] = e.snapshot()
		}
		a := w.ask("list", "", t, func(ctx context.Context, c *client.Client) (*http.Response, error) {
			return c.ListImports(ctx, &params)
		}, "200")
		var page client.ImportList
		if !a.ok() || json.Unmarshal(a.body, &page) != nil {
			return
		}
		rank := func(id string) string { return imports.Job{Owner: t.owner, ID: id}.RecordKey() }
		last, end := "", "~" // sort before and after all keys
		if params.Cursor != nil {
			last = rank(*params.Cursor)
		}
		if page.NextCursor != "" {
			end = rank(page.NextCursor)
		}
		missed := map[string]bool{}
		for _, e := range all {
			if r := rank(e.id); e.tenant == t && params.Status == nil && last < r && r <= end {
				missed[e.id] = true
			}
		}
		for _, job := range page.Imports {
			if r := rank(job.ID); r <= last || r > end {
				w.violate("list: %s is out of order", job.ID)
			}
			last = rank(job.ID)
			delete(missed, job.ID)
			w.checkListed(t, params.Status, before[job.ID], a, job)
		}
		for id := range missed {
			w.violate("list: %s is left out", id)
		}
		if page.NextCursor == "" {
			return
		}
		params.Cursor = &page.NextCursor
		all = w.ledger.all()
	}
}

// checkListed checks one import of a list. An unknown one may be of a create without a response yet.
func (w *worker) checkListed(t *tenant, filter *client.ImportStatus, before facts, a answer, job client.Import) {
	if e := w.ledger.find(imports.Job{Owner: t.owner, ID: job.ID}.Key()); e != nil {
		w.checkStatus(e, "list", before, a, job.Status)
	} else if importOf := w.ledger.attemptOf(job.Filename, job.Metadata); importOf == nil || importOf.tenant != t {
		w.violate("list: %s is not one of %s", job.ID, t.owner)
	}
	if filter != nil && *filter != job.Status {
		w.violate("list: %s is %s, asked for were %s", job.ID, job.Status, *filter)
	}
}

// unknownImport is the path of an import that does not exist.
const unknownImport = "/import/0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"

// invalidRequests are invalid requests with their errors.
var invalidRequests = []struct{ method, path, contentType, body, want string }{
	{"POST", "/import", "application/json", `{"size":1`, "400 invalid-json"},
	{"POST", "/import", "application/json", `{"size":1,"size":2}`, "400 invalid-json"},
	{"POST", "/import", "application/json", strings.Repeat("[", 100_000), "400 invalid-json"},
	{"POST", "/import", "application/json", `{"sise":1}`, "400 invalid-request"},
	{"POST", "/import", "application/json", `{"size":"1","write_once":"yes","metadata":7}`, "400 invalid-request"},
	{"POST", "/import", "application/json", `{"size":6000000000,"mode":"single"}`, "422 size-too-large"},
	{"POST", "/import", "application/json", `{"expires_in":7200}`, "422 expiry-too-long"},
	{
		"POST",
		"/import",
		"application/json",
		`{"checksum":{"algorithm":"sha256","value":"AAAAAAAA"}}`,
		"400 invalid-request",
	},
	{"POST", "/import", "text/plain", `{}`, "415 unsupported-media-type"},
	{"POST", "/import", "application/json", "{}" + strings.Repeat(" ", 200<<10), "413 body-too-large"},
	{"GET", "/import?limit=0", "", "", "400 invalid-request"},
	{"GET", "/import?cursor=../../etc/passwd", "", "", "400 invalid-request"},
	{"GET", "/import?status=lost", "", "", "400 invalid-request"},
	{"GET", "/import/1", "", "", "404 import-not-found"},
	{"DELETE", "/import/..%2f..%2fpublic", "", "", "404 import-not-found"},
	{"POST", unknownImport + "/parts", "", "", "400 body-missing"},
	{"POST", unknownImport + "/parts", "application/json", `{"first":0}`, "400 invalid-request"},
	{"POST", unknownImport + "/complete", "application/json", `{"parts":[]}`, "400 invalid-request"},
	{"PUT", "/import", "", "", "405 method-not-allowed"},
	{"GET", "/imports", "", "", "404 not-found"},
}

// invalidRequest sends an invalid request, sometimes without a key or with an unknown one.
func (w *worker) invalidRequest() {
	f, t, first, key := invalidRequests[w.rng.IntN(len(invalidRequests))], w.tenant(), w.rng.IntN(2), []string{}
	key = append(key, t.key)
	if w.chance(20) && f.want[:3] != "413" && f.want[:3] != "405" &&
		f.path != "/imports" { // which precede authentication
		f.want, key = "401 unauthenticated", [][]string{nil, {t.key + "x"}, {"x"}}[w.rng.IntN(3)]
	}
	w.retry("bad request", f.path, false, func(turn int) answer {
		to := w.servers[(first+turn)%2]
		return w.once("bad request", f.path, to, func() (*http.Response, error) {
			r, err := http.NewRequest(f.method, "http://"+to.address+f.path, strings.NewReader(f.body))
			if err != nil {
				return nil, err
			}
			r.Header["X-Api-Key"] = key
			if f.contentType != "" {
				r.Header.Set("Content-Type", f.contentType)
			}
			return w.web.Do(r)
		})
	}, f.want)
}
