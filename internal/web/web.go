// Package web serves the web UI at /, the API reference at /docs, and the contract.
//
// The web UI uploads files to the store directly, in parts and with checksums, and resumes interrupted uploads. It
// consists of plain files without a build step, and uses the public API only. The API reference is Swagger UI. Both are
// megabytes that the Lambda function does not link.
package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// file is an embedded or rendered file with the response headers that depend on it.
type file struct {
	contentType, policy, etag string
	body                      []byte
	// crossOrigin is set if pages of other origins may load it; versioned if a URL may name its ETag.
	crossOrigin, versioned bool
}

// filePolicy is the Content-Security-Policy of files that are not a page. A worker obeys the policy of its own file.
const filePolicy = "default-src 'none'; script-src 'self'; frame-ancestors 'none'"

const htmlType = "text/html; charset=utf-8"

// contentTypes maps file extensions. The machine's own table may differ.
var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png",
	".ts":  "text/plain; charset=utf-8",
}

// newFile returns a file whose ETag covers the policy too: a 304 response does not update the policy in a cache.
func newFile(contentType, policy string, body []byte) file {
	sum := sha256.Sum256(append([]byte(policy), body...))
	return file{
		contentType: contentType, policy: policy, body: body,
		etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
	}
}

// readFile returns a file that is not a page.
func readFile(files fs.FS, name string) (file, error) {
	body, err := fs.ReadFile(files, name)
	return newFile(contentTypes[path.Ext(name)], filePolicy, body), err
}

// serve adds GET and HEAD of a file, which is loaded at the first request.
func serve(e *echo.Echo, at string, load func() (file, error)) {
	load = sync.OnceValues(load)
	e.Match([]string{http.MethodGet, http.MethodHead}, at, func(c echo.Context) error {
		f, err := load()
		if err != nil {
			return err
		}
		f.respond(c)
		return nil
	})
}

// respond sends f. Browsers cache it and revalidate each time, so that they use another version of the service at once.
// A URL with the current version, ?v= and the ETag without quotes, always has the same content.
func (f file) respond(c echo.Context) {
	// If one of these fails, net/http answers in plain text.
	for _, field := range []string{"Range", "If-Match", "If-Unmodified-Since"} {
		c.Request().Header.Del(field)
	}
	h := c.Response().Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Security-Policy", f.policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	if f.versioned && `"`+c.QueryParam("v")+`"` == f.etag {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if f.crossOrigin {
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	h.Set("ETag", f.etag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(f.body))
}
