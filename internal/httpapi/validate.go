package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/openapi"
)

// validate validates requests against the OpenAPI document before a handler runs. It uses the operation of Echo's
// route, reads the body once, and passes on the text that it validated.
//
// Loading the document takes longer than the start of a Lambda function. So the first request loads it that has
// something to validate; an untracked import has nothing.
func validate(load func() (*openapi3.T, error)) check {
	contract := sync.OnceValues(load)
	return func(x *exchange) error {
		if x.operation == nil || !needsValidation(x) {
			return nil
		}
		contract, err := contract()
		if err != nil {
			return fmt.Errorf("load the contract: %w", err)
		}
		operation := contract.Paths.Value(x.operation.Path).GetOperation(x.operation.Method)
		if err := checkParameters(x, operation.Parameters); err != nil {
			return err
		}
		if operation.RequestBody == nil {
			return nil
		}
		x.body, err = validBody(x.Request(), operation.RequestBody.Value)
		return err
	}
}

// needsValidation reports whether the request has a body, query, path parameter or header that must be validated. All
// operations that require a body have a path parameter.
func needsValidation(x *exchange) bool {
	r := x.Request()
	return r.ContentLength != 0 || r.URL.RawQuery != "" || len(x.ParamNames()) > 0 ||
		slices.ContainsFunc(openapi.HeaderParameters, func(name string) bool { return r.Header[name] != nil })
}

// onlyOnce is the detail of a parameter, header or member that is repeated.
const onlyOnce = "must appear only once"

// checkParameters validates path, query and header parameters. An invalid path parameter cannot be an id, so it is a
// 404.
func checkParameters(x *exchange, parameters openapi3.Parameters) error {
	query, err := url.ParseQuery(x.Request().URL.RawQuery) // Echo ignores what it cannot parse
	if err != nil {
		return newProblem(http.StatusBadRequest, imports.CodeInvalidRequest,
			"The query is invalid: it has a % without two hexadecimal digits, or a semicolon. Encode % as %25 and ; as %3B.")
	}
	var fields []api.FieldError
	for _, ref := range parameters {
		p := ref.Value
		var values []string
		switch p.In {
		case openapi3.ParameterInPath:
			if p.Schema.Value.VisitJSON(x.Param(p.Name)) != nil {
				return newProblem(http.StatusNotFound, imports.CodeNotFound, imports.NotFoundDetail)
			}
		case openapi3.ParameterInQuery:
			values = query[p.Name]
		case openapi3.ParameterInHeader:
			values = x.Request().Header.Values(p.Name)
		}
		switch {
		case len(values) > 1:
			fields = append(fields, api.FieldError{Parameter: &p.Name, Detail: onlyOnce})
		case len(values) == 1:
			for _, f := range schemaErrors(p.Schema.Value, parameterValue(p.Schema.Value, values[0])) {
				fields = append(fields, api.FieldError{Parameter: &p.Name, Detail: f.Detail})
			}
		}
	}
	return invalidProblem(fields)
}

// parameterValue converts text to a number if the schema requires an integer and text is one in plain digits.
func parameterValue(schema *openapi3.Schema, text string) any {
	if schema.Type.Is("integer") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && text == strconv.FormatInt(n, 10) {
			return n
		}
	}
	return text
}

// validBody reads and validates the body. It returns nil if there is none: an empty body is no body, also if it is
// chunked.
func validBody(r *http.Request, required *openapi3.RequestBody) ([]byte, error) {
	body, err := readBody(r)
	switch {
	case err != nil:
		return nil, err
	case len(body) == 0 && required.Required:
		return nil, newProblem(http.StatusBadRequest, "body-missing",
			"This operation requires a JSON body. Send one with Content-Type: application/json.")
	case len(body) == 0:
		return nil, nil
	}
	if err := checkMediaType(r.Header); err != nil {
		return nil, err
	}
	parsed, err := parseJSON(body)
	if err != nil {
		return nil, err
	}
	return body, invalidProblem(schemaErrors(required.Content["application/json"].Schema.Value, parsed))
}

// decodeBody decodes a validated body into target.
func (x *exchange) decodeBody(target any) error { return json.Unmarshal(x.body, target) }

// maxBody limits request bodies, in bytes. The largest legitimate body, 1,000 part checksums, is under 96 kB.
const maxBody = 128 << 10

// readBody reads a body up to maxBody.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, newProblem(http.StatusRequestTimeout, "request-timeout",
			"The request body did not arrive within 30 s. Send it again, without pauses.")
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, "body-incomplete",
			"The request body ended early, or its framing is invalid. Send it again; if this repeats, check proxies.")
	case len(body) > maxBody:
		return nil, bodyTooLargeProblem()
	}
	return body, nil
}

// uploadHint explains uploads to clients that sent a file to this API.
const uploadHint = "Upload files and parts to their signed URLs, such as upload_url in the response of POST /import: " +
	"curl --upload-file FILE UPLOAD_URL."

func bodyTooLargeProblem() error {
	return newProblem(http.StatusRequestEntityTooLarge, "body-too-large",
		"The request body is larger than 128 KiB. "+uploadHint)
}

// checkMediaType rejects everything but plain JSON in UTF-8.
func checkMediaType(h http.Header) error {
	unsupported := func(code, detail string) error {
		return newProblem(http.StatusUnsupportedMediaType, code, detail)
	}
	encoding := strings.Join(h.Values("Content-Encoding"), ",")
	if encoding != "" && !strings.EqualFold(encoding, "identity") {
		p := newProblem(http.StatusUnsupportedMediaType, "unsupported-content-encoding",
			"Content-Encoding is not supported. Send the body uncompressed, without this header.")
		p.Header = [2]string{"Accept-Encoding", "identity"} // RFC 9110, section 12.5.3
		return p
	}
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case len(h.Values("Content-Type")) == 0:
		return unsupported("unsupported-media-type", "The body has no Content-Type. "+
			"Send Content-Type: application/json, or no body. "+uploadHint)
	case err != nil || mediaType != "application/json" || len(h.Values("Content-Type")) > 1:
		return unsupported("unsupported-media-type",
			"The body must be JSON. Send Content-Type: application/json, or no body. "+uploadHint)
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return unsupported("unsupported-charset",
			"JSON must be in UTF-8 (RFC 8259). Encode the body in UTF-8, and send Content-Type: application/json.")
	}
	return nil
}

// invalidProblem returns the problem of an invalid request, or nil without field errors.
func invalidProblem(fields []api.FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	p := newProblem(http.StatusBadRequest, imports.CodeInvalidRequest, imports.InvalidDetail)
	p.Errors = fields
	return p
}
