package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
)

// cluster is several servers of one bucket. They restart at any time.
type cluster struct {
	apis []string // base URLs; a server keeps its own when it restarts
	web  *http.Client
	body string // content of each upload
}

// call sends a request to one server after another until one succeeds, and decodes the response into result.
func (f *cluster) call(ctx context.Context, method, path, body string, result any) error {
	for ; ; time.Sleep(10 * time.Millisecond) { // a server may be starting
		status, text, err := f.send(ctx, method, f.apis[rand.IntN(len(f.apis))]+path, body)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%s %s: %w; the last response: %d %s", method, path, ctx.Err(), status, text)
		case err != nil, status >= 500, status == http.StatusAccepted, status == http.StatusConflict &&
			bytes.Contains(text, []byte("import-completing")):
		case status >= 300:
			return fmt.Errorf("%s %s: %d %s", method, path, status, text)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(text, result)
		}
	}
}

func (f *cluster) send(ctx context.Context, method, url, body string) (status int, text []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if method == "POST" && body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := f.web.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// put uploads f.body to a signed URL. The store is never killed.
func (f *cluster) put(ctx context.Context, signed string) error {
	status, text, err := f.send(ctx, "PUT", signed, f.body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("upload: %d %s", status, text)
	}
	return err
}

// scenario is what happens to an import. Events with its last status must be delivered; those with others may be.
type scenario struct {
	name           string
	byNotification bool // only the store's notification reports the upload
	statuses       []string
	run            func(context.Context, *cluster) (id string, err error)
}

var scenarios = []scenario{
	{"not uploaded", false, nil, func(ctx context.Context, f *cluster) (string, error) {
		job, err := f.create(ctx, "{}")
		return job.id, err
	}},
	{"uploaded and read", false, []string{"completed"}, func(ctx context.Context, f *cluster) (string, error) {
		job, err := f.uploaded(ctx)
		return job.id, errors.Join(err, f.call(ctx, "GET", "/import/"+job.id, "", nil))
	}},
	{"uploaded and not read", true, []string{"completed"},
		func(ctx context.Context, f *cluster) (string, error) {
			job, err := f.uploaded(ctx)
			return job.id, err
		}},
	{"uploaded in parts", false, []string{"completed"},
		func(ctx context.Context, f *cluster) (string, error) { return f.completed(ctx) }},
	{"deleted before the upload", false, []string{"aborted"}, func(ctx context.Context, f *cluster) (string, error) {
		job, err := f.create(ctx, "{}")
		return job.id, errors.Join(err, f.call(ctx, "DELETE", "/import/"+job.id, "", nil))
	}},
	{"deleted after the upload", false, []string{"completed", "aborted"},
		func(ctx context.Context, f *cluster) (string, error) {
			job, err := f.uploaded(ctx)
			return job.id, errors.Join(err, f.call(ctx, "DELETE", "/import/"+job.id, "", nil))
		}},
	{"deleted after its completion", false, []string{"completed", "aborted"},
		func(ctx context.Context, f *cluster) (string, error) {
			id, err := f.completed(ctx)
			return id, errors.Join(err, f.call(ctx, "DELETE", "/import/"+id, "", nil))
		}},
	{"untracked", true, []string{"completed"}, func(ctx context.Context, f *cluster) (string, error) {
		job, err := f.create(ctx, "")
		return job.id, errors.Join(err, f.put(ctx, job.url))
	}},
}

// created is an import's id and, if it takes one request, its URL.
type created struct{ id, url string }

func (f *cluster) create(ctx context.Context, body string) (created, error) {
	var job client.Import
	if err := f.call(ctx, "POST", "/import", body, &job); err != nil {
		return created{}, err
	}
	c := created{url: job.UploadURL}
	if job.ID != "" {
		c.id = job.ID
	} else if object, _, ok := strings.Cut(c.url, "?"); ok { // an untracked import's id is in its URL only
		c.id = path.Base(object)
	}
	return c, nil
}

func (f *cluster) uploaded(ctx context.Context) (created, error) {
	job, err := f.create(ctx, "{}")
	if err != nil {
		return job, err
	}
	return job, f.put(ctx, job.url)
}

func (f *cluster) completed(ctx context.Context) (id string, err error) {
	job, err := f.create(ctx, fmt.Sprintf(`{"mode": "multipart", "size": %d}`, len(f.body)))
	if err != nil {
		return "", err
	}
	var parts struct{ Parts []struct{ URL string } }
	if err := f.call(ctx, "POST", "/import/"+job.id+"/parts", `{"part_numbers": [1]}`, &parts); err != nil {
		return job.id, err
	}
	if err := f.put(ctx, parts.Parts[0].URL); err != nil {
		return job.id, err
	}
	return job.id, f.call(ctx, "POST", "/import/"+job.id+"/complete", "", nil)
}
