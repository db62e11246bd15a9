// Package docs serves the contract and a page to read and try it. It is apart from the API because it is megabytes, which a
// Lambda function need not load.
package docs

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	swaggerfiles "github.com/swaggo/files/v2"

	"github.com/signpost-s3/signpost/openapi"
)

var (
	//go:embed page/page.html
	html string
	//go:embed page/start.js
	script embed.FS
)

// Register adds the contract, as YAML and as JSON, and the page.
func Register(e *echo.Echo) {
	asJSON := sync.OnceValues(func() ([]byte, error) {
		contract, err := openapi.Load()
		if err != nil {
			return nil, fmt.Errorf("load the contract: %w", err)
		}
		return json.MarshalIndent(contract, "", "  ")
	})
	serve := func(path string, handler echo.HandlerFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, handler)
	}
	serve("/openapi.yaml", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/yaml", openapi.YAML) // RFC 9512
	})
	serve("/openapi.json", func(c echo.Context) error {
		body, err := asJSON()
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "application/json", body)
	})

	// URLs are relative, because a reverse proxy may add a path prefix. What they are relative to depends on the slash.
	for path, directory := range map[string]string{"/docs": "docs/", "/docs/": ""} {
		html := strings.ReplaceAll(html, `"docs/`, `"`+directory)
		serve(path, func(c echo.Context) error {
			// Swagger UI writes style attributes and data: images; scripts come from this server alone.
			c.Response().Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'")
			withoutConditions(c)
			http.ServeContent(c.Response(), c.Request(), "page.html", time.Time{}, strings.NewReader(html))
			return nil
		})
	}
	serve("/docs/start.js", func(c echo.Context) error {
		return whole(c, script, "page/start.js")
	})
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		serve("/docs/"+name, func(c echo.Context) error {
			return whole(c, swaggerfiles.FS, name)
		})
	}
}

// whole answers with a file.
func whole(c echo.Context, files fs.FS, name string) error {
	withoutConditions(c)
	http.ServeFileFS(c.Response(), c.Request(), files, name)
	return nil
}

// withoutConditions removes optional request headers that net/http would answer in plain text if they fail.
func withoutConditions(c echo.Context) {
	for _, field := range []string{"Range", "If-Match", "If-Unmodified-Since"} {
		c.Request().Header.Del(field)
	}
}
