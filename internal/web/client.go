package web

import (
	"embed"
	"io/fs"
	"path"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/browser"
)

//go:generate go run ./generate

// modules are those of the upload library that the web UI imports. Client.js contains them in one file.
//
//go:embed client/*.js
var modules embed.FS

// Client configures the upload library for pages.
type Client struct {
	// CrossOrigin is set if pages of other origins may load it.
	CrossOrigin bool
}

// RegisterClient adds the upload library at /client.js, and its type declarations at /client.d.ts.
func RegisterClient(e *echo.Echo, c Client) {
	for name, body := range map[string][]byte{"client.js": browser.Module, "client.d.ts": browser.Types} {
		f := newFile(contentTypes[path.Ext(name)], filePolicy, body)
		f.crossOrigin, f.versioned = c.CrossOrigin, true
		serve(e, "/"+name, func() (file, error) { return f, nil })
	}
}

// registerModules adds the modules of the web UI below /client/.
func registerModules(e *echo.Echo) {
	names, _ := fs.Glob(modules, "client/*") // the only possible error is a malformed pattern
	for _, name := range names {
		serve(e, "/"+name, func() (file, error) { return readFile(modules, name) })
	}
}
