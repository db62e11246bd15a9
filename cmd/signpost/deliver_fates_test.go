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

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/gen/client"
)

// fleet is the servers of one bucket, which come and go.
type fleet struct {
	apis []string // base URLs; each stays its server's when that is started anew
	web  *http.Client
	body string // of each upload
}

// ask sends a request to one server after another until it is done, and decodes the answer where one is wanted.
func (f *fleet) ask(ctx context.Context, method, path, body string, answer any) error {
	for ; ; time.Sleep(10 * time.Millisecond) { // for a server that is being started
		status, text, err := f.send(ctx, method, f.apis[rand.IntN(len(f.apis))]+path, body)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%s %s: %w; the last answer: %d %s", method, path, ctx.Err(), status, text)
		case err != nil, status >= 500, status == http.StatusAccepted, status == http.StatusConflict &&
			bytes.Contains(text, []byte("import-completing")):
		case status >= 300:
			return fmt.Errorf("%s %s: %d %s", method, path, status, text)
		case answer == nil:
			return nil
		default:
			return json.Unmarshal(text, answer)
		}
	}
}

func (f *fleet) send(ctx context.Context, method, url, body string) (status int, text []byte, err error) {
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
func (f *fleet) put(ctx context.Context, signed string) error {
	status, text, err := f.send(ctx, "PUT", signed, f.body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("upload: %d %s", status, text)
	}
	return err
}

// fate is what is done to an import, and what receivers may be told of it: the last of ends must be told, those before
// it may be.
type fate struct {
	name       string
	storeTells bool // the store alone reports the end
	ends       []string
	live       func(context.Context, *fleet) (id string, err error)
}

var fates = []fate{
	{"left alone", false, nil, func(ctx context.Context, f *fleet) (string, error) {
		job, err := f.create(ctx, "{}")
		return job.id, err
	}},
	{"uploaded, and read", false, []string{"completed"}, func(ctx context.Context, f *fleet) (string, error) {
		job, err := f.uploaded(ctx)
		return job.id, errors.Join(err, f.ask(ctx, "GET", "/import/"+job.id, "", nil))
	}},
	{"uploaded, of which the store tells", true, []string{"completed"},
		func(ctx context.Context, f *fleet) (string, error) {
			job, err := f.uploaded(ctx)
			return job.id, err
		}},
	{"in parts", false, []string{"completed"},
		func(ctx context.Context, f *fleet) (string, error) { return f.completed(ctx) }},
	{"deleted before anything was sent", false, []string{"aborted"}, func(ctx context.Context, f *fleet) (string, error) {
		job, err := f.create(ctx, "{}")
		return job.id, errors.Join(err, f.ask(ctx, "DELETE", "/import/"+job.id, "", nil))
	}},
	{"deleted as soon as it was uploaded", false, []string{"completed", "aborted"},
		func(ctx context.Context, f *fleet) (string, error) {
			job, err := f.uploaded(ctx)
			return job.id, errors.Join(err, f.ask(ctx, "DELETE", "/import/"+job.id, "", nil))
		}},
	{"in parts, deleted as soon as it was completed", false, []string{"completed", "aborted"},
		func(ctx context.Context, f *fleet) (string, error) {
			id, err := f.completed(ctx)
			return id, errors.Join(err, f.ask(ctx, "DELETE", "/import/"+id, "", nil))
		}},
	{"bare", true, []string{"completed"}, func(ctx context.Context, f *fleet) (string, error) {
		job, err := f.create(ctx, "")
		return job.id, errors.Join(err, f.put(ctx, job.url))
	}},
}

// created is an import's id and, where it is uploaded in one request, the URL.
type created struct{ id, url string }

func (f *fleet) create(ctx context.Context, body string) (created, error) {
	var job client.Job
	if err := f.ask(ctx, "POST", "/import", body, &job); err != nil {
		return created{}, err
	}
	c := created{url: aws.ToString(job.UploadURL)}
	if job.ID != nil {
		c.id = *job.ID
	} else if object, _, ok := strings.Cut(c.url, "?"); ok { // a bare import's id is in its URL alone
		c.id = path.Base(object)
	}
	return c, nil
}

func (f *fleet) uploaded(ctx context.Context) (created, error) {
	job, err := f.create(ctx, "{}")
	if err != nil {
		return job, err
	}
	return job, f.put(ctx, job.url)
}

func (f *fleet) completed(ctx context.Context) (id string, err error) {
	job, err := f.create(ctx, fmt.Sprintf(`{"mode": "multipart", "size": %d}`, len(f.body)))
	if err != nil {
		return "", err
	}
	var parts struct{ Parts []struct{ URL string } }
	if err := f.ask(ctx, "POST", "/import/"+job.id+"/parts", `{"part_numbers": [1]}`, &parts); err != nil {
		return job.id, err
	}
	if err := f.put(ctx, parts.Parts[0].URL); err != nil {
		return job.id, err
	}
	return job.id, f.ask(ctx, "POST", "/import/"+job.id+"/complete", "", nil)
}
