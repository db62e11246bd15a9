package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"path"

	"github.com/labstack/echo/v4"
	swaggerfiles "github.com/swaggo/files/v2"

	"github.com/signpost-s3/signpost/openapi"
	"github.com/signpost-s3/signpost/openapi/export"
)

//go:embed reference
var reference embed.FS

var referencePage = template.Must(template.ParseFS(reference, "reference/page.html"))

// Reference configures the API reference.
type Reference struct {
	// Keys is set if the service accepts API keys or access tokens.
	Keys bool
	// UI is set if the service serves the web UI.
	UI bool
}

// referencePolicy lets the style sheet of Swagger UI contain images. Scripts and styles come from this service only.
const referencePolicy = "default-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; " +
	"frame-ancestors 'none'"

// RegisterReference adds the contract at /openapi.yaml, as JSON for this service at /openapi.json, and the API
// reference at /docs.
func RegisterReference(e *echo.Echo, r Reference) {
	serve(e, "/openapi.yaml", func() (file, error) {
		return newFile("application/yaml", filePolicy, openapi.YAML), nil // RFC 9512
	})
	serve(e, "/openapi.json", r.contract)

	// URLs are relative, because a reverse proxy may add a path prefix. Their base depends on the final slash.
	serve(e, "/docs", func() (file, error) { return r.page("docs/", ".") })
	serve(e, "/docs/", func() (file, error) { return r.page("", "..") })
	for _, name := range []string{"start.js", "style.css"} {
		serve(e, path.Join("/docs", name), func() (file, error) { return readFile(reference, "reference/"+name) })
	}
	serve(e, "/docs/colors.css", func() (file, error) { return readFile(ui, "ui/colors.css") })
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		serve(e, path.Join("/docs", name), func() (file, error) { return readFile(swaggerfiles.FS, name) })
	}
}

// page renders the page, with the relative URLs of its files and of the service.
func (r Reference) page(directory, home string) (file, error) {
	var body bytes.Buffer
	err := referencePage.Execute(&body, struct {
		Reference
		Directory, Home string
	}{r, directory, home})
	if err != nil {
		return file{}, fmt.Errorf("render the API reference: %w", err)
	}
	return newFile(htmlType, referencePolicy, body.Bytes()), nil
}

func (r Reference) contract() (file, error) {
	var body bytes.Buffer
	err := export.WriteReference(&body, r.Keys)
	return newFile("application/json", filePolicy, body.Bytes()), err
}
