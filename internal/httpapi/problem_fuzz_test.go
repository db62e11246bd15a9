package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// home is the package's folder. The local store of earlier tests changes the working directory.
var home, _ = os.Getwd()

// failure is a random error of a handler.
type failure struct {
	kind, wrapped byte
	number        int
	text, pointer string
}

// fail returns the error, or panics.
func (f failure) fail() error {
	signed := "https://bucket.example.com/k?X-Amz-Signature=" + strings.Repeat("0", 64) + "&" + f.text
	domain := &imports.Error{
		Kind:   imports.Kind(f.number),
		Code:   imports.CodeFailed,
		Detail: f.text,
		Fields: []imports.Field{{Path: []string{f.pointer}, Detail: f.text}, {Detail: f.pointer}},
	}
	other := &imports.Error{Kind: imports.NotFound, Code: imports.CodeNotFound, Detail: f.text}
	var err error
	switch f.kind % 12 {
	case 0:
		err = domain
	case 1:
		domain.Cause = &url.Error{Op: "Put", URL: signed, Err: errors.New(f.text)}
		err = domain
	case 2:
		err = echo.NewHTTPError(f.number, f.text)
	case 3:
		err = echo.NewHTTPError(f.number, f.text).SetInternal(&url.Error{Op: "Put", URL: signed, Err: other})
	case 4:
		err = &url.Error{Op: f.pointer, URL: signed, Err: errors.New(f.text)}
	case 5:
		err = context.Canceled
	case 6:
		err = errors.New(f.text)
	case 7:
		panic(f.text)
	case 8:
		panic(fmt.Errorf("%s: %w", f.pointer, domain))
	case 9:
		panic(f)
	case 10:
		var none *failure
		return none.fail()
	case 11:
		err = &problem{
			Status: http.StatusBadRequest,
			Code:   "invalid-json",
			Detail: f.text,
			Errors: []api.FieldError{{Parameter: &f.pointer, Detail: f.text}},
		}
	}
	if f.wrapped&1 != 0 {
		err = fmt.Errorf("%s: %w", f.pointer, err)
	}
	if f.wrapped&2 != 0 {
		err = errors.Join(errors.New(signed), err, other)
	}
	if f.wrapped&4 != 0 {
		err = errors.Join(other, err)
	}
	return err
}

// FuzzProblem checks that every error, with any path and id, yields a complete problem document without signed URLs,
// and one log line that cannot be taken for two.
func FuzzProblem(f *testing.F) {
	if testing.Short() {
		f.Skip("has many seeds")
	}
	f.Chdir(home)
	for kind := range byte(12) {
		for wrapped := range byte(8) {
			number := 0
			if kind == 2 || kind == 3 {
				number = http.StatusTeapot
			}
			f.Add(kind, wrapped, number, "two\nlines\r\n\x00\u2028", "/a~1b", "import/x", "mine-1")
			f.Add(kind, wrapped, number, "\u00e9\U0001f600<&>", "", "import/\x00\n\"", "two words")
		}
	}
	for number := range 7 {
		f.Add(byte(0), byte(0), number, "x", "", "", "\xff")
		f.Add(byte(1), byte(0), number, "x", "/", "%", strings.Repeat("a", 129))
	}
	for _, status := range []int{400, 401, 404, 405, 413, 415, 429, 431, 499, 500, 503, 599} {
		f.Add(byte(2), byte(0), status, "x", "", "/", "\r\nX-Forged: 1")
	}
	var log bytes.Buffer
	var now failure
	servers := map[string]*echo.Echo{}
	for name, handler := range map[string]slog.Handler{
		"json": slog.NewJSONHandler(&log, nil), "text": slog.NewTextHandler(&log, nil),
	} {
		e := newEcho(Options{Log: slog.New(handler)})
		e.Any("/*", func(echo.Context) error { return now.fail() })
		servers[name] = e
	}
	f.Fuzz(func(t *testing.T, kind, wrapped byte, number int, text, pointer, path, id string) {
		now, path = failure{kind, wrapped, number, text, pointer}, "/"+path
		for name, s := range servers {
			log.Reset()
			w := httptest.NewRecorder()
			s.ServeHTTP(
				w,
				&http.Request{
					Method:     "POST",
					URL:        &url.URL{Path: path},
					Header:     http.Header{"X-Request-Id": {id}},
					Body:       http.NoBody,
					RemoteAddr: "192.0.2.1:1",
				},
			)
			line := strings.TrimSuffix(log.String(), "\n")
			if strings.Count(log.String(), "\n") != 1 || strings.Contains(line, "\r") ||
				name == "json" && !jsontext.Value(line).IsValid() {
				t.Errorf("%+v at %q: log is %q, want one line of %s", now, path, log.String(), name)
			}
			for header, values := range w.Header() {
				if strings.ContainsAny(header+strings.Join(values, ""), "\r\n\x00") {
					t.Errorf("%+v: header %q: %q", now, header, values)
				}
			}
			p := map[string]any{}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil { // nor is it, if it is not UTF-8
				t.Fatalf("%+v: got %d %q, %v, want a problem document", now, w.Code, w.Body, err)
			}
			instance := (&url.URL{Path: path}).EscapedPath()
			if strings.HasPrefix(instance, "//") { // which as a reference would name a host
				instance = "/." + instance
			}
			want := map[string]any{
				"type": "about:blank", "status": float64(w.Code), "title": http.StatusText(w.Code), "instance": instance,
				"request_id": w.Header().Get("X-Request-Id"),
			}
			for member, value := range want {
				if p[member] != value {
					t.Errorf("%+v: got %s, want %s %q", now, w.Body, member, value)
				}
			}
			if p["code"] == "" || p["detail"] == nil || w.Code < 400 || w.Code > 599 ||
				w.Header().Get("Content-Type") != "application/problem+json" ||
				w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%+v: got %d %v %s, want a problem of a status that says so", now, w.Code, w.Header(), w.Body)
			}
			if kind%12 >= 7 && kind%12 <= 10 && w.Code != http.StatusInternalServerError {
				t.Errorf("%+v: got %d for a panic", now, w.Code)
			}
			if shown := w.Body.String(); strings.Contains(shown, "X-Amz-Signature") &&
				!strings.Contains(text+pointer+path+id, "X-Amz-Signature") {
				t.Errorf("%+v: got %s, which shows a signed URL", now, shown)
			}
		}
	})
}
