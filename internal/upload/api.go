package upload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/retryafter"
)

const (
	callTimeout = 40 * time.Second // API Gateway gives up after 29 s
	callBudget  = 5 * time.Minute  // for one call and its repetitions
	maxAnswer   = 16 << 20         // bytes; 1,000 part URLs with a long session token are 2 MB
)

// API is the service, each call repeated until it is answered. All of its calls may be repeated.
type API struct {
	server   *url.URL
	client   client.ClientInterface
	budget   time.Duration
	retrying func(error) // receives the error after which a call is repeated
}

// Credential tells, for each call anew, the header that says who calls. A token may end while an upload is under way.
type Credential func() (header, value string, err error)

// NewAPI returns the service at server, such as https://import.example.com/prod. The credential is nil where none is asked for.
func NewAPI(server string, credential Credential, transport http.RoundTripper) (*API, error) {
	as := func(_ context.Context, r *http.Request) error {
		r.Header.Set("User-Agent", "signpost-upload")
		if credential == nil {
			return nil
		}
		header, value, err := credential()
		r.Header.Set(header, value)
		return err
	}
	place, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	web := staying(&http.Client{Transport: transport})
	c, err := client.NewClient(server, client.WithHTTPClient(web), client.WithRequestEditorFn(as))
	if err != nil {
		return nil, err
	}
	return &API{server: place, client: c, budget: callBudget, retrying: func(error) {}}, nil
}

// staying returns a client that does not follow redirects: it would send the API key along, and make a GET of what it is to send.
func staying(c *http.Client) *http.Client {
	still := *c
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &still
}

// OnRetry returns a copy of a that calls retrying with the error of a call before it repeats the call.
func (a *API) OnRetry(retrying func(error)) *API {
	c := *a
	c.retrying = retrying
	return &c
}

// Create begins an import. Key makes repetitions find what the first call made; it costs the service another write. Without one, a
// lost answer leaves a job behind that expires.
func (a *API) Create(ctx context.Context, request client.ImportRequest, key string) (job client.Job, err error) {
	return job, a.call(ctx, &job, func(ctx context.Context) (*http.Response, error) {
		params := &client.CreateImportParams{}
		if key != "" {
			params.IdempotencyKey = &key
		}
		return a.client.CreateImport(ctx, params, request)
	})
}

// isID is the form of an import's id. What has another would be another path.
var isID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Read returns an import as it is now.
func (a *API) Read(ctx context.Context, id string) (client.Job, error) {
	job, _, err := a.read(ctx, id, client.GetImportParams{})
	return job, err
}

// read returns an import and its ETag: errUnchanged where that is the one in params.
func (a *API) read(ctx context.Context, id string, params client.GetImportParams) (job client.Job, tag string, err error) {
	if !isID.MatchString(id) {
		return client.Job{}, "", fmt.Errorf("%q is not the id of an import", id)
	}
	err = a.call(ctx, &job, func(ctx context.Context) (*http.Response, error) {
		response, err := a.client.GetImport(ctx, id, &params)
		if err == nil {
			tag = response.Header.Get("ETag")
		}
		return response, err
	})
	return job, tag, err
}

// List returns a page of imports, newest first.
func (a *API) List(ctx context.Context, params client.ListImportsParams) (page client.JobList, err error) {
	return page, a.call(ctx, &page, func(ctx context.Context) (*http.Response, error) { return a.client.ListImports(ctx, &params) })
}

// Delete aborts an import and removes what there is of it.
func (a *API) Delete(ctx context.Context, id string) error {
	return a.call(ctx, nil, func(ctx context.Context) (*http.Response, error) { return a.client.DeleteImport(ctx, id) })
}

// Parts returns all parts that the store holds.
func (a *API) Parts(ctx context.Context, id string) ([]client.Part, error) {
	var all []client.Part
	params := client.ListPartsParams{}
	for {
		var page client.PartList
		err := a.call(ctx, &page, func(ctx context.Context) (*http.Response, error) { return a.client.ListParts(ctx, id, &params) })
		if err != nil {
			return nil, err
		}
		all = append(all, page.Parts...)
		if params.After = page.NextAfter; params.After == nil {
			return all, nil
		}
	}
}

// Sign returns the requests that upload these parts.
func (a *API) Sign(ctx context.Context, id string, parts client.PartsRequest) ([]client.SignedPart, error) {
	var signed client.SignedParts
	err := a.call(ctx, &signed, func(ctx context.Context) (*http.Response, error) { return a.client.SignParts(ctx, id, parts) })
	return signed.Parts, err
}

// Complete assembles the object from its parts. It may still be in progress when this returns: the job's status says. A 500 is final,
// because the store would copy all parts again.
func (a *API) Complete(ctx context.Context, id string, request client.CompleteRequest) (job client.Job, err error) {
	err = a.callWhile(ctx, func(err error) bool {
		var refusal *Refusal
		return temporary(err) && !(errors.As(err, &refusal) && refusal.Status == http.StatusInternalServerError)
	}, &job, func(ctx context.Context) (*http.Response, error) { return a.client.CompleteImport(ctx, id, request) })
	return job, err
}

// call sends until there is an answer that repeating would not change, and decodes it into answer.
func (a *API) call(ctx context.Context, answer any, send func(context.Context) (*http.Response, error)) error {
	return a.callWhile(ctx, temporary, answer, send)
}

// callWhile is call for which retriable reports whether an error may be repeated.
func (a *API) callWhile(ctx context.Context, retriable func(error) bool, answer any, send func(context.Context) (*http.Response, error)) error {
	p := patience{budget: a.budget, retrying: a.retrying}
	for {
		err := once(ctx, answer, send)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil || !retriable(err) {
			return err
		}
		if err := p.wait(ctx, err); err != nil {
			return err
		}
	}
}

func once(ctx context.Context, answer any, send func(context.Context) (*http.Response, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, fmt.Errorf("the service did not answer within %s", callTimeout))
	defer cancel()
	response, err := send(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("the service cannot be reached: %w", plain(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the service's answer was cut short: %w", plain(err))
	}
	if response.StatusCode == http.StatusNotModified {
		return errUnchanged
	}
	if response.StatusCode >= 300 {
		return refusalOf(response, body)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(body, answer); err != nil || !hasIDs(answer) || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		return fmt.Errorf("%w: is there a Signpost service at this address?", errBadAnswer)
	}
	return nil
}

// hasIDs reports whether each import in answer has the id of one. An id becomes part of paths, messages and suggested commands.
func hasIDs(answer any) bool {
	isJob := func(job client.Job) bool { return job.ID != nil && isID.MatchString(*job.ID) }
	switch answer := answer.(type) {
	case *client.Job:
		return isJob(*answer)
	case *client.JobList:
		return !slices.ContainsFunc(answer.Imports, func(job client.Job) bool { return !isJob(job) })
	}
	return true
}

// refusalOf reads a problem document, or what little a gateway says of its own.
func refusalOf(response *http.Response, body []byte) error {
	r := &Refusal{By: theService, Status: response.StatusCode, After: retryafter.Parse(response.Header, maxRetryAfter)}
	var problem client.Problem
	var gateway struct{ Message string }
	if json.Unmarshal(body, &problem) == nil && problem.Code != "" {
		r.Code, r.Detail, r.ID = problem.Code, detailOf(problem), problem.RequestID
	} else if json.Unmarshal(body, &gateway) == nil {
		r.Detail = gateway.Message
	}
	if to, err := response.Location(); err == nil && response.StatusCode < 400 {
		r.Detail = fmt.Sprintf("it is elsewhere, and may be meant to be called at %s://%s%s", to.Scheme, to.Host, to.EscapedPath())
	}
	return r
}
