package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
	swaggerfiles "github.com/swaggo/files/v2"

	"github.com/signpost-s3/signpost/openapi"
)

var (
	//go:embed reference/page.html
	referencePage string
	//go:embed reference/start.js
	reference embed.FS
)

// referencePolicy lets Swagger UI write style attributes and data: images. Scripts come from this service only.
const referencePolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

// RegisterReference adds the contract at /openapi.yaml and /openapi.json, and the API reference at /docs.
func RegisterReference(e *echo.Echo) {
	serve(e, "/openapi.yaml", func() (file, error) {
		return newFile("application/yaml", filePolicy, openapi.YAML), nil // RFC 9512
	})
	serve(e, "/openapi.json", contractJSON)

	// URLs are relative, because a reverse proxy may add a path prefix. Their base depends on the final slash.
	for at, directory := range map[string]string{"/docs": "docs/", "/docs/": ""} {
		serve(e, at, func() (file, error) {
			return newFile(htmlType, referencePolicy, []byte(strings.ReplaceAll(referencePage, `"docs/`, `"`+directory))), nil
		})
	}
	serve(e, "/docs/start.js", func() (file, error) { return readFile(reference, "reference/start.js") })
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		serve(e, path.Join("/docs", name), func() (file, error) { return readFile(swaggerfiles.FS, name) })
	}
}

func contractJSON() (file, error) {
	contract, err := openapi.Load()
	if err != nil {
		return file{}, fmt.Errorf("load the contract: %w", err)
	}
	body, err := json.MarshalIndent(contract, "", "  ")
	return newFile("application/json", filePolicy, body), err
}
