package httpapi

import (
	"bytes"
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
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/openapi"
)

// validator validates requests against the OpenAPI document before a handler runs. It uses the operation of Echo's
// route, reads the body once, and passes on the text that it validated, so that no part is interpreted twice.
//
// Loading the document takes longer than the start of a Lambda function. So the first request loads it that has
// something to validate; an untracked import has nothing.
type validator struct {
	operations func() (map[route]*openapi3.Operation, error)
}

// route is a method and a path in Echo's notation.
type route struct{ method, path string }

// echoPath converts a path of the OpenAPI document to Echo's notation.
func echoPath(path string) string { return strings.NewReplacer("{", ":", "}", "").Replace(path) }

func newValidator(load func() (*openapi3.T, error)) *validator {
	return &validator{sync.OnceValues(func() (map[route]*openapi3.Operation, error) {
		contract, err := load()
		if err != nil {
			return nil, fmt.Errorf("load the contract: %w", err)
		}
		operations := map[route]*openapi3.Operation{}
		for path, item := range contract.Paths.Map() {
			for method, operation := range item.Operations() {
				operations[route{method, echoPath(path)}] = operation
			}
		}
		return operations, nil
	})}
}

func (v *validator) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !needsValidation(c) {
			return next(c)
		}
		operations, err := v.operations()
		if err != nil {
			return err
		}
		operation := operations[route{c.Request().Method, c.Path()}]
		if operation == nil { // not in the OpenAPI document: health, documents, unknown paths
			return next(c)
		}
		if err := checkParameters(c, operation.Parameters); err != nil {
			return err
		}
		if operation.RequestBody == nil {
			return next(c)
		}
		return withBody(c, operation.RequestBody.Value, next)
	}
}

// needsValidation reports whether the request has a body, query, path parameter or header that must be validated. All
// operations that require a body have a path parameter.
func needsValidation(c echo.Context) bool {
	r := c.Request()
	return r.ContentLength != 0 || r.URL.RawQuery != "" || len(c.ParamNames()) > 0 ||
		slices.ContainsFunc(openapi.HeaderParameters, func(name string) bool { return r.Header[name] != nil })
}

// checkParameters validates path, query and header parameters. An invalid path parameter cannot be an id, so it is a
// 404.
func checkParameters(c echo.Context, parameters openapi3.Parameters) error {
	query, err := url.ParseQuery(c.Request().URL.RawQuery) // Echo ignores what it cannot parse
	if err != nil {
		return newProblem(http.StatusBadRequest, imports.CodeInvalidRequest,
			"The query cannot be read: it has a % that begins no escape, or a semicolon. Encode them as %25 and %3B.")
	}
	var fields []api.FieldError
	for _, ref := range parameters {
		p := ref.Value
		var values []string
		switch p.In {
		case openapi3.ParameterInPath:
			if len(schemaErrors(p.Schema.Value, c.Param(p.Name))) > 0 {
				return newProblem(http.StatusNotFound, imports.CodeNotFound, imports.NotFoundDetail)
			}
		case openapi3.ParameterInQuery:
			values = query[p.Name]
		case openapi3.ParameterInHeader:
			values = c.Request().Header.Values(p.Name)
		}
		switch {
		case len(values) > 1:
			fields = append(fields, api.FieldError{Parameter: &p.Name, Detail: "must be given once"})
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

// withBody reads and validates the body, which next receives by validatedBinder. An empty body is no body, also if it
// is chunked.
func withBody(c echo.Context, body *openapi3.RequestBody, next echo.HandlerFunc) error {
	if c.Request().ContentLength == 0 && !body.Required { // -1: unknown length
		return next(c)
	}
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	if _, err := buffer.ReadFrom(io.LimitReader(c.Request().Body, maxBody+1)); err != nil {
		return bodyReadProblem(err)
	}
	if buffer.Len() > maxBody {
		return bodyTooLargeProblem()
	}
	if buffer.Len() == 0 && body.Required {
		return newProblem(http.StatusBadRequest, "body-missing", "The request needs a JSON body.")
	}
	if buffer.Len() == 0 {
		return next(c)
	}
	if err := checkMediaType(c.Request().Header); err != nil {
		return err
	}
	parsed, err := parseJSON(buffer.Bytes())
	if err != nil {
		return err
	}
	if err := invalidProblem(schemaErrors(body.Content["application/json"].Schema.Value, parsed)); err != nil {
		return err
	}
	c.Request().Body = validatedBody{c.Request().Body, buffer.Bytes()}
	return next(c)
}

// bodyReadProblem converts an error of reading a body.
func bodyReadProblem(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return newProblem(http.StatusRequestTimeout, "request-timeout",
			"The request did not arrive whole within the 30 s it has. Send it without pauses.")
	}
	return newProblem(http.StatusBadRequest, "body-incomplete", "The request body ended early, or is badly framed.")
}

// uploadHint explains uploads to clients that sent a file to this API.
const uploadHint = "To upload a file, call POST /import without a body. " +
	"Then send the file itself, not a form, to the upload_url of the " +
	"response: curl --upload-file FILE UPLOAD_URL."

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
			"The body is compressed. Send it as it is, without Content-Encoding.")
		p.Header = [2]string{"Accept-Encoding", "identity"} // RFC 9110, section 12.5.3
		return p
	}
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case len(h.Values("Content-Type")) == 0:
		return unsupported("unsupported-media-type", "The request has a body but no Content-Type. "+
			"Send Content-Type: application/json, or no body. "+uploadHint)
	case err != nil || mediaType != "application/json" || len(h.Values("Content-Type")) > 1:
		return unsupported("unsupported-media-type",
			"The body must be JSON. Send Content-Type: application/json, or no body. "+uploadHint)
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return unsupported("unsupported-charset",
			"JSON is always in UTF-8 (RFC 8259). Send Content-Type: application/json.")
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

// validatedBody is a body that has been read and validated.
type validatedBody struct {
	io.ReadCloser
	content []byte
}

// validatedBinder passes the validated text to the generated code. Without a body it returns io.EOF, so that the
// generated code leaves Body nil.
type validatedBinder struct{}

func (validatedBinder) Bind(target any, c echo.Context) error {
	body, ok := c.Request().Body.(validatedBody)
	if !ok {
		return io.EOF
	}
	return json.Unmarshal(body.content, target)
}

// buffers pools buffers for request and response bodies. Callers of takeBuffer put the buffer back.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer {
	buffer := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	return buffer
}
