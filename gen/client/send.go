package client

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxErrorBody bounds how much of a store's error response is read, in bytes.
const maxErrorBody = 64 << 10

// WithAPIKey sends key with each request to the service, as the header X-Api-Key.
func WithAPIKey(key string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		request.Header.Set("X-Api-Key", key)
		return nil
	})
}

// Send uploads body, which has size bytes, to the store. It does not support mode form. If r is nil, as in the import
// of a multipart upload, it returns an error.
//
// client must not add credentials of the service; http.DefaultClient is suitable. Errors do not contain the signed URL.
func (r *UploadRequest) Send(ctx context.Context, client HttpRequestDoer, body io.Reader, size int64) error {
	if r == nil {
		return errors.New("the import has no upload request: its mode is multipart, or its status is not awaiting_upload")
	}
	if len(r.Fields) != 0 {
		return errors.New("the upload is a form: create the import with mode single or multipart")
	}
	request, err := r.newRequest(ctx, body, size)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
			err = withURL.Err
		}
		if query := "?" + request.URL.RawQuery; query != "?" && strings.Contains(err.Error(), query) {
			err = errors.New(strings.ReplaceAll(err.Error(), query, "")) // of a client that retries
		}
		return fmt.Errorf("upload: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	if response.StatusCode == http.StatusOK {
		return err
	}
	var s3 struct{ Code, Message string }
	_ = xml.Unmarshal(text, &s3) // the error page of a proxy leaves both empty
	return fmt.Errorf("upload: the store returned %s",
		strings.TrimSpace(response.Status+" "+s3.Code+" "+s3.Message))
}

func (r *UploadRequest) newRequest(ctx context.Context, body io.Reader, size int64) (*http.Request, error) {
	if size == 0 {
		body = http.NoBody // net/http sends any other empty body in chunks, which S3 rejects
	}
	request, err := http.NewRequestWithContext(ctx, string(r.Method), r.URL, body)
	if err != nil {
		return nil, errors.New("the signed URL is invalid")
	}
	request.ContentLength = size // net/http ignores the header
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	return request, nil
}

// Send uploads body, which has size bytes and begins at Offset of the file, to the store.
//
// client must not add credentials of the service; http.DefaultClient is suitable. Errors do not contain the signed URL.
func (p SignedPart) Send(ctx context.Context, client HttpRequestDoer, body io.Reader, size int64) error {
	request := UploadRequest{Method: UploadRequestMethod(p.Method), URL: p.URL, Headers: p.Headers}
	if err := request.Send(ctx, client, body, size); err != nil {
		return fmt.Errorf("part %d: %w", p.PartNumber, err)
	}
	return nil
}
