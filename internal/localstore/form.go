package localstore

import (
	"bytes"
	"errors"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

const (
	// maxFields is S3's limit on the fields of a form before its file, in bytes.
	maxFields = 20 << 10
	// maxForm is the maximum length of a form: the largest object and its fields, in bytes.
	maxForm = s3limits.MaxPutSize + maxFields
	// readAhead is how much of the file mime/multipart reads with the fields, in bytes.
	readAhead = 4 << 10
)

// errFieldsTooLong is S3's error.
var errFieldsTooLong = s3err.APIError{
	Code:           "MaxPostPreDataLengthExceeded",
	Description:    "Your POST request fields preceding the upload file were too large.",
	HTTPStatusCode: http.StatusBadRequest,
}

// forms reads POST forms before versitygw does. A page of any origin can send one without a preflight request.
type forms struct {
	root    auth.Account
	origins []string // of pages that may send forms; other clients send no Origin
}

// open reads the fields of a form. It returns the form for versitygw and its maximum length. It does not read the
// file if the signature is invalid; versitygw rejects other errors before it reads the file.
func (f forms) open(r *http.Request, body io.Reader) (form io.Reader, length int64, err error) {
	for _, origin := range r.Header.Values("Origin") {
		if !slices.Contains(f.origins, origin) {
			return nil, 0, s3err.GetAPIError(s3err.ErrAccessDenied)
		}
	}
	switch {
	case r.ContentLength < 0 || r.Header.Get("Content-Length") == "":
		return nil, 0, s3err.GetAPIError(s3err.ErrMissingContentLength)
	case r.ContentLength > maxForm:
		return nil, 0, s3err.GetEntityTooLargeErr(r.ContentLength, maxForm)
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, 0, s3err.GetAPIError(s3err.ErrMalformedPOSTRequest)
	}
	limited := &io.LimitedReader{R: body, N: maxFields + readAhead}
	fields, file, err := readFields(multipart.NewReader(limited, params["boundary"]))
	var known s3err.S3Error
	switch {
	case errors.As(err, &known):
		return nil, 0, known
	case err != nil && limited.N <= 0:
		return nil, 0, errFieldsTooLong
	case err != nil:
		return nil, 0, s3err.GetAPIError(s3err.ErrMalformedPOSTRequest)
	}
	limited.N = math.MaxInt64
	if err := rejectFutureDate(fields.get("x-amz-date")); err != nil {
		return nil, 0, err
	}
	content := &formFile{head: file.Header, part: file}
	content.ranges, content.signed = f.sign(fields)
	form, start, err := join(fields, content, params["boundary"])
	return form, int64(start) + r.ContentLength, err
}

// readFields reads the fields of a form and the header of its file.
func readFields(parts *multipart.Reader) (formFields, *multipart.Part, error) {
	var fields formFields
	for {
		part, err := parts.NextRawPart()
		switch {
		case err == io.EOF:
			return nil, nil, s3err.GetInvalidArgumentErr(s3err.InvalidArgPOSTFileRequired, "0")
		case err != nil:
			return nil, nil, err
		case strings.EqualFold(part.FormName(), "file") || part.FileName() != "":
			return fields, part, nil
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, err
		}
		fields = append(fields, &formField{part.FormName(), string(value)})
	}
}

// join returns a form with these fields and this file, and the length of the part before the file's content. It omits
// what followed the file, as S3 does: versitygw expects the file at the end.
func join(fields formFields, file *formFile, boundary string) (form io.Reader, start int, err error) {
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	if err := w.SetBoundary(boundary); err != nil {
		return nil, 0, s3err.GetAPIError(s3err.ErrMalformedPOSTRequest)
	}
	for _, field := range fields {
		if err := w.WriteField(field.name, field.value); err != nil {
			return nil, 0, err
		}
	}
	if _, err := w.CreatePart(file.head); err != nil {
		return nil, 0, err
	}
	start = frame.Len()
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	before, after := bytes.NewReader(frame.Bytes()[:start]), bytes.NewReader(frame.Bytes()[start:])
	return io.MultiReader(before, file, after), start, nil
}

// formFile is the content of a form's file. Its length is known only at its end, where the policy's
// content-length-range is applied.
type formFile struct {
	head   textproto.MIMEHeader
	part   io.Reader
	signed bool
	ranges []lengthRange
	read   int64
}

func (f *formFile) Read(p []byte) (int, error) {
	if !f.signed {
		return 0, s3err.GetAPIError(s3err.ErrAccessDenied)
	}
	n, err := f.part.Read(p)
	f.read += int64(n)
	for _, r := range f.ranges {
		switch {
		case f.read > r.most:
			return 0, s3err.GetEntityTooLargeErr(f.read, r.most)
		case err == io.EOF && f.read < r.least:
			return 0, s3err.GetEntityTooSmallErr(f.read, r.least)
		}
	}
	if err == io.ErrUnexpectedEOF {
		err = s3err.GetAPIError(s3err.ErrMalformedPOSTRequest)
	}
	return n, err
}

// formFields are the fields of a form in their order. Their names are case-insensitive, as in S3.
type formFields []*formField

type formField struct{ name, value string }

// get returns the value that versitygw uses: the last one.
func (f formFields) get(name string) string {
	for _, field := range slices.Backward(f) {
		if strings.EqualFold(field.name, name) {
			return field.value
		}
	}
	return ""
}

func (f formFields) set(name, value string) {
	for _, field := range f {
		if strings.EqualFold(field.name, name) {
			field.value = value
		}
	}
}
