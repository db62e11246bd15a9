package httpapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	swaggerfiles "github.com/swaggo/files/v2"

	"github.com/signpost-s3/signpost/openapi"
)

//go:embed docs
var docsPage embed.FS

// documents serves the contract, as YAML, as JSON, and as a page to read and try it.
type documents struct{ asJSON []byte }

func newDocuments(contract *openapi3.T) (*documents, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(contract); err != nil {
		return nil, fmt.Errorf("contract as JSON: %w", err)
	}
	return &documents{asJSON: body.Bytes()}, nil
}

func (d *documents) register(e *echo.Echo) {
	blob := func(contentType string, body []byte) echo.HandlerFunc {
		return func(c echo.Context) error { return c.Blob(http.StatusOK, contentType, body) }
	}
	serve := func(path string, handler echo.HandlerFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, handler)
	}
	serve("/openapi.yaml", blob("application/yaml", openapi.YAML)) // RFC 9512
	serve("/openapi.json", blob("application/json", d.asJSON))

	page := http.FileServerFS(docsPage)
	serve("/docs", func(c echo.Context) error {
		// Swagger UI writes style attributes and data: images; scripts come from this server alone.
		c.Response().Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'")
		http.ServeFileFS(c.Response(), c.Request(), docsPage, "docs/page.html")
		return nil
	})
	serve("/docs/start.js", echo.WrapHandler(page))
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		serve("/docs/"+name, func(c echo.Context) error {
			http.ServeFileFS(c.Response(), c.Request(), swaggerfiles.FS, name)
			return nil
		})
	}
}
