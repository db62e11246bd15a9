package openapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/openapi"
)

// exampleID is the import of all examples.
const exampleID = "0198c5a4-7b1e-7c3a-9f00-2a6d7c1b4e55"

// TestProblemExamples: each documented error has an example, with its own status, title, path and code.
func TestProblemExamples(t *testing.T) {
	codes := map[string]string{} // the status of each code
	var seen int
	for _, response := range statuses(parse(t, openapi.YAML)) {
		mediaType := response.at("content", "application/problem+json")
		if mediaType.absent() {
			continue
		}
		seen++
		status, example := response.up(0), mediaType.at("example")
		number, err := strconv.Atoi(status)
		if err != nil {
			t.Fatal(err)
		}
		path := strings.ReplaceAll(response.up(3), "{id}", exampleID)
		for member, want := range map[string]string{
			"type": "about:blank", "status": status, "title": http.StatusText(number), "instance": path,
		} {
			if got := example.at(member).text(); got != want {
				t.Errorf("%s: example: got %s %q, want %q", response, member, got, want)
			}
		}
		code := example.at("code").text()
		if other, ok := codes[code]; ok && other != status {
			t.Errorf("%s: example: code %q is that of %s too, want one of its own", response, code, other)
		}
		codes[code] = status
	}
	if seen < 60 {
		t.Errorf("found %d documented errors, want at least 60", seen)
	}
}

// TestCreateExamples: the first example is a small single upload, and there is one for each mode.
func TestCreateExamples(t *testing.T) {
	body := parse(t, openapi.YAML).at("paths", "/import", "post", "requestBody", "content", "application/json")
	var names []string
	for _, example := range body.at("examples").children() {
		name, mode, size := example.up(0), example.at("value", "mode").text(), example.at("value", "size").text()
		names = append(names, name)
		if mode != name && (name != "single" || mode != "") {
			t.Errorf("example %s: got mode %q", name, mode)
		}
		if n, _ := strconv.Atoi(size); n > 64<<20 {
			t.Errorf("example %s: got size %s, want at most 64 MiB, above which the default mode is multipart", name, size)
		}
	}
	if got := strings.Join(names, " "); got != "single multipart form" {
		t.Errorf("got examples %q, want single multipart form", got)
	}
}
