package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

//go:embed ui
var ui embed.FS

// UI configures the web UI.
type UI struct {
	// StoreOrigin is the origin that clients upload to, such as http://127.0.0.1:9000 or
	// https://bucket.s3.eu-west-1.amazonaws.com.
	StoreOrigin string
	// AsksKey is set if callers need an API key or an access token.
	AsksKey bool
	// Local is set if only this machine can reach the service. Then anonymous callers may list imports too.
	Local bool
	// Downloads is set if a completed import has a download_url.
	Downloads bool
	// LocalStore is set if uploads go to the store in this process.
	LocalStore bool
}

// policy returns the Content-Security-Policy of the page: it loads files from this service only, and sends requests to
// this service and the store only.
func (u UI) policy() string {
	return strings.TrimSuffix("default-src 'none'; script-src 'self'; style-src 'self'; worker-src blob:; img-src 'self'; "+
		"form-action 'none'; base-uri 'none'; frame-ancestors 'none'; connect-src 'self' "+u.StoreOrigin, " ")
}

// RegisterUI adds the web UI at / and its files below /page/ and /client/. Their URLs are relative to the page, so that
// a reverse proxy may serve them below a path prefix.
func RegisterUI(e *echo.Echo, u UI) {
	serve(e, "/", u.page)
	registerModules(e)
	names, _ := fs.Glob(ui, "ui/*") // the only possible error is a malformed pattern
	for _, name := range names {
		if name != indexPage {
			serve(e, "/page/"+path.Base(name), func() (file, error) { return readFile(ui, name) })
		}
	}
}

const indexPage = "ui/index.html"

var layout = template.Must(template.ParseFS(ui, indexPage))

// page renders the page for this service.
func (u UI) page() (file, error) {
	var body bytes.Buffer
	if err := layout.Execute(&body, u); err != nil {
		return file{}, fmt.Errorf("render the page: %w", err)
	}
	return newFile(htmlType, u.policy(), body.Bytes()), nil
}
