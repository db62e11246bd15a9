package localstore

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// formDesk receives POST form uploads before versitygw does.
//
// fasthttp has read the form by then (files beyond 16 MB into a temporary file) and versitygw would write it anew,
// into memory, but reckon with the length of the form as it came. So content-length-range would be judged by a length
// that is off by any difference between the two writings. The desk writes the form itself, with its true length.
type formDesk struct{ root auth.Account }

func (d formDesk) handle(ctx fiber.Ctx) error {
	mediaType, params, err := mime.ParseMediaType(ctx.Get("Content-Type"))
	if ctx.Method() != fiber.MethodPost || err != nil || mediaType != fiber.MIMEMultipartForm {
		return nil
	}
	if ctx.Request().BodyStream() != nil {
		// Not read by fasthttp, so not seen by the checks below: a Content-Encoding, which S3 has no use for either.
		return s3err.GetAPIError(s3err.ErrInvalidRequest)
	}
	parsed, err := ctx.Request().MultipartForm()
	if err != nil {
		return s3err.GetAPIError(s3err.ErrMalformedPOSTRequest)
	}
	fields := lowerNames(parsed.Value)
	if err := refuseFuture(fields.first("x-amz-date")); err != nil {
		return err
	}
	d.renew(fields)
	for name, files := range parsed.File {
		if strings.EqualFold(name, "file") {
			return resend(ctx, fields, files[0], params["boundary"])
		}
	}
	return nil // versitygw says that there is no file
}

// resend makes the form the request's body again, fields first, without a copy of the file.
func resend(ctx fiber.Ctx, fields formFields, file *multipart.FileHeader, boundary string) error {
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	if err := w.SetBoundary(boundary); err != nil {
		return s3err.GetAPIError(s3err.ErrMalformedPOSTRequest)
	}
	for name, values := range fields {
		for _, value := range values {
			if err := w.WriteField(name, value); err != nil {
				return err
			}
		}
	}
	if _, err := w.CreatePart(file.Header); err != nil {
		return err
	}
	start := frame.Len()
	if err := w.Close(); err != nil {
		return err
	}
	content, err := file.Open()
	if err != nil {
		return err
	}
	body := io.MultiReader(bytes.NewReader(frame.Bytes()[:start]), content, bytes.NewReader(frame.Bytes()[start:]))
	ctx.Request().SetBodyStream(formBody{body, content}, frame.Len()+int(file.Size))
	return nil
}

// formBody closes the file, and with it removes the temporary one, when the request is done.
type formBody struct {
	io.Reader
	io.Closer
}

// formFields are a form's fields under lower-case names, as S3 compares them.
type formFields map[string][]string

func lowerNames(values map[string][]string) formFields {
	fields := formFields{}
	for name, v := range values {
		name = strings.ToLower(name)
		fields[name] = append(fields[name], v...)
	}
	return fields
}

func (f formFields) first(name string) string {
	if len(f[name]) == 0 {
		return ""
	}
	return f[name][0]
}
