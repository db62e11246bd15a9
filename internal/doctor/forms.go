package doctor

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"mime/multipart"
	"slices"
	"strings"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// forms checks that the store accepts a POST form within its policy, and no other.
func (d *doctor) forms(ctx context.Context) Finding {
	if d.signedURLsFail {
		return skip("signed URLs do not work")
	}
	body := []byte("signpost doctor")
	u, size := d.upload(), int64(len("signpost doctor"))
	u.Size = &size
	form, err := d.store.SignForm(ctx, u)
	if err != nil {
		return failedCall("signing a form", err, "s3:PutObject on imports/*")
	}
	const remedy = "create no imports of mode form on this store"
	switch got, err := d.sendForm(ctx, form, body); {
	case err != nil:
		return warn("sending a form: "+Cause(err), remedy)
	case !got.ok():
		return warn(fmt.Sprintf("a form is rejected: %s", got), remedy)
	}
	if o, err := d.store.Head(ctx, u.Key); err != nil || o.Size != size {
		return warn("a form is accepted, but its object is not in the bucket", remedy)
	}
	var faults []string
	if got, err := d.sendForm(ctx, form, append(body, '!')); err == nil && got.ok() {
		faults = append(faults, "a form with more bytes than its policy permits is accepted")
	}
	form.Fields = maps.Clone(form.Fields)
	form.Fields["key"] = d.scratch.object()
	if got, err := d.sendForm(ctx, form, body); err == nil && got.ok() {
		faults = append(faults, "a form with another key than its policy permits is accepted")
	}
	if len(faults) > 0 {
		return fail(strings.Join(faults, "; "), "use a store that enforces the policies of forms")
	}
	return pass("accepted within their policy, and refused outside it")
}

// sendForm sends form with body as its file.
func (d *doctor) sendForm(ctx context.Context, form bucket.SignedRequest, body []byte) (answer, error) {
	var content bytes.Buffer
	w := multipart.NewWriter(&content)
	for _, name := range slices.Sorted(maps.Keys(form.Fields)) {
		if err := w.WriteField(name, form.Fields[name]); err != nil {
			return answer{}, err
		}
	}
	file, err := w.CreateFormFile("file", "doctor")
	if err != nil {
		return answer{}, err
	}
	file.Write(body) // to memory
	if err := w.Close(); err != nil {
		return answer{}, err
	}
	headers := []sigv4.Header{{Name: "Content-Type", Value: w.FormDataContentType()}}
	return d.request(ctx, form.Method, form.URL.Reveal(), headers, content.Bytes())
}
