package upload

import (
	"cmp"
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
	"github.com/signpost-s3/signpost/internal/terminal"
)

const (
	// callTimeout is longer than API Gateway's timeout of 29 s.
	callTimeout = 40 * time.Second
	// callBudget limits one call with its retries.
	callBudget = 5 * time.Minute
	// maxResponseBody is in bytes. 1,000 part URLs with a long session token are 2 MB.
	maxResponseBody = 16 << 20
)

// API is a client of the service that retries calls. All calls are idempotent.
type API struct {
	server *url.URL
	client client.ClientInterface
	retrier
}

// Credential returns the authentication header. It is called for each request, because a token may expire during an
// upload.
type Credential func() (header, value string, err error)

// NewAPI returns a client of the service at server, such as https://import.example.com/prod. With a nil credential,
// calls are anonymous.
func NewAPI(server string, credential Credential, transport http.RoundTripper) (*API, error) {
	authenticate := func(_ context.Context, r *http.Request) error {
		r.Header.Set("User-Agent", "signpost-upload")
		if credential == nil {
			return nil
		}
		header, value, err := credential()
		r.Header.Set(header, value)
		return err
	}
	base, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	httpClient := withoutRedirects(&http.Client{Transport: transport})
	c, err := client.NewClient(server, client.WithHTTPClient(httpClient), client.WithRequestEditorFn(authenticate))
	if err != nil {
		return nil, err
	}
	return &API{server: base, client: c, retrier: retrier{
		baseDelay: baseDelay, budget: callBudget,
		onRetry: func(error) {}, retryable: func(err error, _ int) bool { return isTemporary(err) },
	}}, nil
}

// withoutRedirects returns a copy of c that does not follow redirects. A redirected request would carry the API key to
// another host, and net/http would turn PUT into GET.
func withoutRedirects(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// OnRetry returns a copy of a that calls onRetry with the error of a call before it retries the call.
func (a *API) OnRetry(onRetry func(error)) *API {
	c := *a
	c.onRetry = onRetry
	return &c
}

// Create creates an import. The idempotency key makes retries return the first import; it costs the service another
// write. With an empty key, a lost response leaves an import behind, which expires.
func (a *API) Create(ctx context.Context, request client.ImportRequest, key string) (client.Import, error) {
	params := &client.CreateImportParams{}
	if key != "" {
		params.IdempotencyKey = &key
	}
	return call[client.Import](ctx, a.retrier, func(ctx context.Context) (*http.Response, error) {
		return a.client.CreateImport(ctx, params, request)
	})
}

// importID matches the id of an import. Other text could change the path of a request.
var importID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Read returns an import.
func (a *API) Read(ctx context.Context, id string) (client.Import, error) {
	job, _, err := a.read(ctx, id, client.GetImportParams{})
	return job, err
}

// read returns an import and its ETag, or errNotModified if params.IfNoneMatch is its ETag.
func (a *API) read(
	ctx context.Context, id string, params client.GetImportParams,
) (job client.Import, etag string, err error) {
	if !importID.MatchString(id) {
		return client.Import{}, "", fmt.Errorf("%w: %q", ErrInvalidID, id)
	}
	job, err = call[client.Import](ctx, a.retrier, func(ctx context.Context) (*http.Response, error) {
		response, err := a.client.GetImport(ctx, id, &params)
		if err == nil {
			etag = response.Header.Get("ETag")
		}
		return response, err
	})
	return job, etag, err
}

// List returns a page of imports, newest first.
func (a *API) List(ctx context.Context, params client.ListImportsParams) (client.ImportList, error) {
	return call[client.ImportList](ctx, a.retrier, func(ctx context.Context) (*http.Response, error) {
		return a.client.ListImports(ctx, &params)
	})
}

// Delete aborts an import, or deletes a completed one with its object.
func (a *API) Delete(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, a.retrier, func(ctx context.Context) (*http.Response, error) {
		return a.client.DeleteImport(ctx, id)
	})
	return err
}

// Parts returns all uploaded parts.
func (a *API) Parts(ctx context.Context, id string) ([]client.Part, error) {
	var all []client.Part
	params := client.ListPartsParams{}
	for {
		page, err := call[client.PartList](ctx, a.retrier, func(ctx context.Context) (*http.Response, error) {
			return a.client.ListParts(ctx, id, &params)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Parts...)
		if page.NextAfter == 0 {
			return all, nil
		}
		params.After = &page.NextAfter
	}
}

// Sign returns the signed requests that upload these parts.
func (a *API) Sign(ctx context.Context, id string, parts client.PartsRequest) ([]client.SignedPart, error) {
	signed, err := call[client.SignedParts](ctx, a.retrier, func(ctx context.Context) (*http.Response, error) {
		return a.client.SignParts(ctx, id, parts)
	})
	return signed.Parts, err
}

// Complete starts to assemble the object from its parts. The returned status tells whether that is in progress. A
// 500 is not retried, because the store would copy all parts again.
func (a *API) Complete(ctx context.Context, id string, request client.CompleteRequest) (client.Import, error) {
	r := a.retrier
	r.retryable = func(err error, _ int) bool {
		var e *ResponseError
		return isTemporary(err) && !(errors.As(err, &e) && e.Status == http.StatusInternalServerError)
	}
	return call[client.Import](ctx, r, func(ctx context.Context) (*http.Response, error) {
		return a.client.CompleteImport(ctx, id, request)
	})
}

// call sends a request until it succeeds or fails permanently, and decodes the response.
func call[T any](
	ctx context.Context, r retrier, send func(context.Context) (*http.Response, error),
) (result T, err error) {
	_, err = r.do(ctx, func() error {
		cause := fmt.Errorf("the service did not respond within %s", callTimeout)
		ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, cause)
		defer cancel()
		response, err := send(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("the service cannot be reached: %w", Cause(err))
		}
		defer response.Body.Close()
		return decode(response, &result)
	})
	return result, err
}

// decode reads a response into result, or returns its error.
func decode(response *http.Response, result any) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponseBody))
	switch {
	case err != nil:
		return fmt.Errorf("read the service's response: %w", Cause(err))
	case response.StatusCode == http.StatusNotModified:
		return errNotModified
	case response.StatusCode >= 300:
		return responseError(response, body)
	case response.StatusCode == http.StatusNoContent:
		return nil
	}
	isJSON := strings.HasPrefix(response.Header.Get("Content-Type"), "application/json")
	if err := json.Unmarshal(body, result); err != nil || !hasIDs(result) || !isJSON {
		return cmp.Or(otherServer(response.StatusCode, body), ErrInvalidResponse)
	}
	return nil
}

// otherServer returns an ErrInvalidResponse that says what responded instead of the service, or nil if that is unknown.
func otherServer(status int, body []byte) error {
	text := strings.ToLower(string(body[:min(len(body), 1024)]))
	what := ""
	switch code := StoreError(status, body).Code; {
	case code != "":
		what = "an S3 store returned " + terminal.Line(code) + "; the service has another host or port"
	case strings.Contains(text, "http request") && strings.Contains(text, "https"): // of net/http and nginx
		what = "this port requires TLS; begin the URL with https://"
	case strings.Contains(text, "<html") || strings.Contains(text, "<!doctype html"):
		what = fmt.Sprintf("it is a web page with status %d, such as the login page of a network", status)
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", ErrInvalidResponse, what)
}

// hasIDs reports whether each import in result has a valid id. Ids become part of paths, messages and suggested
// commands.
func hasIDs(result any) bool {
	isJob := func(job client.Import) bool { return job.ID != "" && importID.MatchString(job.ID) }
	switch result := result.(type) {
	case *client.Import:
		return isJob(*result)
	case *client.ImportList:
		return !slices.ContainsFunc(result.Imports, func(job client.Import) bool { return !isJob(job) })
	}
	return true
}

// responseError reads a problem document, or the JSON message of an API gateway.
func responseError(response *http.Response, body []byte) error {
	delay := retryafter.Parse(response.Header, maxRetryAfter)
	r := &ResponseError{Source: FromService, Status: response.StatusCode, RetryAfter: delay}
	var problem client.Problem
	var gateway struct{ Message string }
	if json.Unmarshal(body, &problem) == nil && problem.Code != "" {
		r.Code, r.Detail, r.RequestID = problem.Code, problemDetail(problem), problem.RequestID
	} else if json.Unmarshal(body, &gateway) == nil {
		r.Detail = gateway.Message
	}
	if to, err := response.Location(); err == nil && response.StatusCode < 400 {
		r.Detail = fmt.Sprintf("redirected; the service may be at %s://%s%s", to.Scheme, to.Host, to.EscapedPath())
	} else if other := otherServer(r.Status, body); other != nil && r.Code == "" && !isTemporary(r) {
		return other
	}
	return r
}
