package frontend

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// unknownID is a valid id that no import has.
const unknownID = "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"

// TestPrism sends the calls that the READMEs describe through Prism, which compares requests and responses with the
// contract. HEAD is not among them: Prism 5.14 parses the body that it does not have.
func TestPrism(t *testing.T) {
	needs(t, "node", "npm")
	dir := install(t, "prism/package.json", "prism/package-lock.json")
	s := serve(t, "", "alice")
	p := prism{startPrism(t, dir, s.url, openapi.YAML), s.key}
	t.Run("Untracked", func(t *testing.T) { p.call(t, "POST", "/import", "", http.StatusOK) })
	t.Run("Empty", func(t *testing.T) { p.create(t, `{}`) })
	t.Run("Single", p.single)
	t.Run("Multipart", p.multipart)
	t.Run("Form", func(t *testing.T) {
		if got := p.create(t, `{"mode": "form", "filename": "photo.jpg"}`); len(got.Upload.Fields) == 0 {
			t.Error("got no fields of a form")
		}
	})
	t.Run("List", func(t *testing.T) { p.call(t, "GET", "/import?limit=2&status=completed", "", 200) })
	t.Run("Errors", func(t *testing.T) {
		p.fails(t, "GET /import/{id}", "/import/"+unknownID, "", 404)
		p.fails(t, "DELETE /import/{id}", "/import/"+unknownID, "", 404)
		p.fails(t, "GET /import/{id}/parts", "/import/"+p.create(t, `{}`).ID+"/parts", "", 409)
		p.call(t, "POST", "/import", `{"mode": "single", "size": 6000000000}`, 422)
		prism{p.url, "signpost_wrong"}.call(t, "POST", "/import", `{}`, 401)
	})
	t.Run("InvalidRequests", func(t *testing.T) { // Prism answers these itself unless it validates responses only
		p := prism{startPrism(t, dir, s.url, openapi.YAML, "--validate-request=false"), s.key}
		p.fails(t, "POST /import", "/import", `{"size": "large"}`, 400)
		p.fails(t, "GET /import", "/import?limit=1000", "", 400)
		p.fails(t, "GET /import/{id}", "/import/"+unknownID+"?wait=60", "", 400)
		p.fails(t, "POST /import", "/import", `{"filename": "`+strings.Repeat("a", 200<<10)+`"}`, 413)
		p.fails(t, "POST /import", "/import", `{}`, 415, "Content-Type", "text/plain")
		p.call(t, "POST", "/import", `{}`, 403, "Origin", "https://other.example")
		prism{p.url, ""}.call(t, "GET", "/import", "", 401)
	})
	t.Run("FindsViolations", func(t *testing.T) {
		other := regexp.MustCompile(`(upload_url:\n\s+type: )string`).ReplaceAll(openapi.YAML, []byte("${1}integer"))
		p := prism{startPrism(t, dir, s.url, other), s.key}
		if got := p.send(t, "POST", "/import", ""); got.status != 500 || got.header.Get("sl-violations") == "" {
			t.Errorf("with an integer as upload_url: got %d %s, want a violation", got.status, got.body)
		}
	})
}

// single uploads a file with one PUT request, and deletes it.
func (p prism) single(t *testing.T) {
	job := p.create(t, `{"filename": "hello.txt", "content_type": "text/plain", "size": 13}`)
	put(t, job.Upload, "Hello, world!")
	read := p.call(t, "GET", "/import/"+job.ID+"?wait=20", "", 200)
	if read.Status != "completed" {
		t.Errorf("got status %s, want completed", read.Status)
	}
	p.call(t, "GET", "/import/"+job.ID, "", 304, "If-None-Match", read.header.Get("ETag"))
	p.call(t, "POST", "/import/"+job.ID+"/complete", "", 200)
	p.call(t, "DELETE", "/import/"+job.ID, "", 204)
}

// multipart uploads a file in two parts, and completes it before and after the second.
func (p prism) multipart(t *testing.T) {
	path := "/import/" + p.create(t, `{"mode": "multipart", "size": 10485760, "part_size": 5242880}`).ID
	part := strings.Repeat("a", 5242880)
	put(t, p.call(t, "POST", path+"/parts", `{"first": 1, "count": 2}`, 200).Parts[0], part)
	p.call(t, "GET", path, "", 200)
	p.call(t, "GET", path+"/parts?after=0", "", 200)
	p.fails(t, "POST /import/{id}/complete", path+"/complete", "", 409)
	put(t, p.call(t, "POST", path+"/parts", `{"part_numbers": [2]}`, 200).Parts[0], part)
	if got := p.call(t, "POST", path+"/complete", `{}`, 200); got.Status != "completed" {
		t.Errorf("got status %s, want completed", got.Status)
	}
}
