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

// validator holds requests to the contract before any handler sees them. It takes the operation from the route Echo has found,
// reads the body once, and hands on the text that was judged, so that nothing can be read in two ways.
//
// The contract takes longer to read than a function takes to start, so that is left to the first request that carries something
// to be judged. A bare import carries nothing.
type validator struct {
	operations func() (map[route]*openapi3.Operation, error)
}

// route is a method and Echo's path.
type route struct{ method, path string }

// echoPath is a path of the contract as Echo writes it.
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
		if operation == nil { // no part of the contract: health, documents, or nothing at all
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

// carries reports whether there is anything in the request that the contract could judge. All its required bodies are of
// operations with a path parameter.
func needsValidation(c echo.Context) bool {
	r := c.Request()
	return r.ContentLength != 0 || r.URL.RawQuery != "" || len(c.ParamNames()) > 0 ||
		slices.ContainsFunc(openapi.HeaderParameters, func(name string) bool { return r.Header[name] != nil })
}

// checkParameters judges path, query and header parameters. A path that cannot be the name of anything names nothing: 404.
func checkParameters(c echo.Context, parameters openapi3.Parameters) error {
	query, err := url.ParseQuery(c.Request().URL.RawQuery) // Echo would leave out what it cannot read
	if err != nil {
		return &problem{Status: http.StatusBadRequest, Code: imports.CodeInvalidRequest, Detail: "The query cannot be read: it has a % that begins no escape, or a semicolon. Encode them as %25 and %3B."}
	}
	var faults []api.FieldError
	for _, ref := range parameters {
		p := ref.Value
		var values []string
		switch p.In {
		case openapi3.ParameterInPath:
			if len(schemaErrors(p.Schema.Value, c.Param(p.Name))) > 0 {
				return &problem{Status: http.StatusNotFound, Code: imports.CodeNotFound, Detail: imports.NotFoundDetail}
			}
		case openapi3.ParameterInQuery:
			values = query[p.Name]
		case openapi3.ParameterInHeader:
			values = c.Request().Header.Values(p.Name)
		}
		switch {
		case len(values) > 1:
			faults = append(faults, api.FieldError{Parameter: &p.Name, Detail: "must be given once"})
		case len(values) == 1:
			for _, f := range schemaErrors(p.Schema.Value, parameterValue(p.Schema.Value, values[0])) {
				faults = append(faults, api.FieldError{Parameter: &p.Name, Detail: f.Detail})
			}
		}
	}
	return invalidProblem(faults)
}

// parameterValue is what text stands for: a number where the schema asks for one and text is one in plain digits.
func parameterValue(schema *openapi3.Schema, text string) any {
	if schema.Type.Is("integer") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && text == strconv.FormatInt(n, 10) {
			return n
		}
	}
	return text
}

// withBody reads and judges the body, and lets next have it by way of validatedBinder. No body, however it is framed, is none.
func withBody(c echo.Context, body *openapi3.RequestBody, next echo.HandlerFunc) error {
	if c.Request().ContentLength == 0 && !body.Required { // a length that is not told is -1
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
		return &problem{Status: http.StatusBadRequest, Code: "body-missing", Detail: "The request needs a JSON body."}
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

// unreadable says why a body did not arrive.
func bodyReadProblem(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &problem{Status: http.StatusRequestTimeout, Code: "request-timeout", Detail: "The request did not arrive whole within the 30 s it has. Send it without pauses."}
	}
	return &problem{Status: http.StatusBadRequest, Code: "body-incomplete", Detail: "The request body ended early, or is badly framed."}
}

// sendFile says how to upload a file, to clients that sent the file itself.
const uploadHint = "To upload a file, call POST /import without a body. Then send the file itself, not a form, to the upload_url of the " +
	"response: curl --upload-file FILE UPLOAD_URL."

func bodyTooLargeProblem() error {
	return &problem{Status: http.StatusRequestEntityTooLarge, Code: "body-too-large", Detail: "The request body is larger than 128 KiB. " + uploadHint}
}

// checkMediaType refuses what is not plain JSON in UTF-8.
func checkMediaType(h http.Header) error {
	unsupported := func(code, detail string) error {
		return &problem{Status: http.StatusUnsupportedMediaType, Code: code, Detail: detail}
	}
	if encoding := strings.Join(h.Values("Content-Encoding"), ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		p := &problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported-content-encoding", Detail: "The body is compressed. Send it as it is, without Content-Encoding."}
		p.Header = [2]string{"Accept-Encoding", "identity"} // RFC 9110, section 12.5.3
		return p
	}
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case len(h.Values("Content-Type")) == 0:
		return unsupported("unsupported-media-type", "The request has a body but no Content-Type. Send Content-Type: application/json, or no body. "+uploadHint)
	case err != nil || mediaType != "application/json" || len(h.Values("Content-Type")) > 1:
		return unsupported("unsupported-media-type", "The body must be JSON. Send Content-Type: application/json, or no body. "+uploadHint)
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return unsupported("unsupported-charset", "JSON is always in UTF-8 (RFC 8259). Send Content-Type: application/json.")
	}
	return nil
}

// invalid is the problem of a request with faults, or nil without.
func invalidProblem(faults []api.FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	return &problem{Status: http.StatusBadRequest, Code: imports.CodeInvalidRequest, Detail: imports.InvalidDetail, Errors: faults}
}

// validatedBody is a body that has been read and found to be as the contract wants it.
type validatedBody struct {
	io.ReadCloser
	content []byte
}

// validatedBinder gives the generated code the text that was judged, and no other. It has one meaning, because parseJSON refuses
// all that two readers could take differently. Without a body it says io.EOF, upon which the generated code leaves Body nil.
type validatedBinder struct{}

func (validatedBinder) Bind(target any, c echo.Context) error {
	body, ok := c.Request().Body.(validatedBody)
	if !ok {
		return io.EOF
	}
	return json.Unmarshal(body.content, target)
}

// buffers holds memory for bodies, of requests and of answers. What takeBuffer takes is put back when it is done with.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer {
	buffer := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	return buffer
}
