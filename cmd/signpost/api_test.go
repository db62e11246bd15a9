package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

func (p *process) client(t *testing.T) *client.ClientWithResponses {
	t.Helper()
	c, err := client.NewClientWithResponses(p.api, client.WithHTTPClient(web))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create creates a tracked import.
func (p *process) create(t *testing.T) client.Import {
	t.Helper()
	r, err := p.client(t).CreateImportWithResponse(t.Context(), nil, client.ImportRequest{})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if r.JSON201 == nil {
		t.Fatalf("create: got %s %s, want a job", r.Status(), r.Body)
	}
	return *r.JSON201
}

// wantStatus checks the status of an import.
func (p *process) wantStatus(t *testing.T, id string, want client.ImportStatus) {
	t.Helper()
	if job := p.read(t, id); job.Status != want {
		t.Fatalf("read %s: got %+v, want %s", id, job, want)
	}
}

// read reads an import.
func (p *process) read(t *testing.T, id string) client.Import {
	t.Helper()
	r, err := p.client(t).GetImportWithResponse(t.Context(), id, nil)
	if err != nil {
		t.Fatalf("read %s: %v", id, err)
	}
	if r.JSON200 == nil {
		t.Fatalf("read %s: got %s %s, want an import", id, r.Status(), r.Body)
	}
	return *r.JSON200
}

// createUntracked creates an import without a body, and returns its upload URL.
func (p *process) createUntracked(t *testing.T) *url.URL {
	t.Helper()
	status, _, body := p.do(t, "POST", "/import", "")
	var answer struct {
		UploadURL string `json:"upload_url"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		t.Fatalf("POST without a body: got %d %s (%v), want an upload_url", status, body, err)
	}
	u, err := url.Parse(answer.UploadURL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// do sends a request. A body is JSON unless it is empty.
func (p *process) do(t *testing.T, method, path, body string) (int, http.Header, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, p.api+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return send(t, request)
}

func send(t *testing.T, request *http.Request) (int, http.Header, []byte) {
	t.Helper()
	response, err := web.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, body
}

// upload sends body to a signed URL.
func upload(t *testing.T, signed string, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "PUT", signed, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, answer := send(t, request); status != http.StatusOK {
		t.Fatalf("upload: got %d %s, want 200", status, answer)
	}
}
