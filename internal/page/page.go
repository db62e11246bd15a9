// Package page serves the page from which people upload: drop files, and they are sent straight to the store, in parts, checked, and
// gone on with after whatever happens. The page is plain files below web, with no build step; it knows the service by its API alone.
// Whether it is served, and that the store lets it upload, is up to whoever registers it.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

//go:embed web
var web embed.FS

// Options is what the page is told of its service.
type Options struct {
	StoreOrigin string // that clients upload to, such as http://127.0.0.1:9000 or https://bucket.s3.eu-west-1.amazonaws.com
	AsksKey     bool   // callers need an API key or a token
	Local       bool   // served to this machine alone; then callers nobody knows may list imports too
	Downloads   bool   // readers of a completed import are given a download_url
}

// filePolicy is for files that are not the page. The worker is one: what it loads, its own policy judges.
const filePolicy = "default-src 'none'; script-src 'self'; frame-ancestors 'none'"

// policy lets the page load what is served beside it, and speak to this service and to the store alone.
func (o Options) policy() string {
	return strings.TrimSuffix("default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; img-src 'self'; form-action 'none'; "+
		"base-uri 'none'; frame-ancestors 'none'; connect-src 'self' "+o.StoreOrigin, " ")
}

// Register adds the page at / and its files below /page/. Their URLs are relative to the page, so that a reverse proxy may serve them
// below a path prefix.
func Register(e *echo.Echo, o Options) {
	serve := func(at string, load func() (file, error)) {
		e.Match([]string{http.MethodGet, http.MethodHead}, at, func(c echo.Context) error {
			f, err := load()
			if err != nil {
				return err
			}
			f.answer(c)
			return nil
		})
	}
	serve("/", sync.OnceValues(o.page))
	names, _ := fs.Glob(web, "web/*") // whose only error is of the pattern
	for _, name := range names {
		if kind, served := types[path.Ext(name)]; served { // all but the page, which is a template
			serve("/page/"+path.Base(name), sync.OnceValues(func() (file, error) {
				body, err := web.ReadFile(name)
				return newFile(kind, filePolicy, body), err
			}))
		}
	}
}

// types are those of the page's files. The machine's own list of types may have others.
var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

var layout = template.Must(template.ParseFS(web, "web/index.html"))

// page renders the one for this service.
func (o Options) page() (file, error) {
	var body bytes.Buffer
	if err := layout.Execute(&body, o); err != nil {
		return file{}, fmt.Errorf("render the page: %w", err)
	}
	return newFile("text/html; charset=utf-8", o.policy(), body.Bytes()), nil
}

// file is one that is served.
type file struct {
	contentType, policy, etag string
	body                      []byte
}

func newFile(contentType, policy string, body []byte) file {
	sum := sha256.Sum256(append([]byte(policy), body...)) // of the policy too, for a 304 changes nothing of it in a cache
	return file{contentType, policy, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, body}
}

// answer sends f. Browsers keep it, and ask each time whether it is still the same, so that another binary is seen at once.
func (f file) answer(c echo.Context) {
	for _, field := range []string{"Range", "If-Match", "If-Unmodified-Since"} { // which net/http would refuse in plain text
		c.Request().Header.Del(field)
	}
	h := c.Response().Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Security-Policy", f.policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(f.body))
}
