package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestFunctionConfig: a function reads the environment as serve does, with the same errors.
func TestFunctionConfig(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want string // parts of the errors; "": no error
	}{
		{"the least", map[string]string{}, ""},
		{"everything", map[string]string{
			"SIGNPOST_PUBLIC_ENDPOINT": "https://s3.example.com", "SIGNPOST_PATH_STYLE": "true", "SIGNPOST_URL_TTL": "90s",
			"SIGNPOST_JOB_TTL":  "2h",
			"SIGNPOST_MAX_SIZE": "5", "SIGNPOST_CORS_ORIGINS": "https://a.example.com,https://b.example.com",
			"SIGNPOST_DOWNLOADS": "1", "SIGNPOST_ALLOW_ANONYMOUS": "true",
		}, ""},
		{"wrong forms", map[string]string{"SIGNPOST_URL_TTL": "1 day", "SIGNPOST_MAX_SIZE": "5 GB",
			"SIGNPOST_DOWNLOADS": "yes", "SIGNPOST_CORS_ORIGINS": "*"},
			`SIGNPOST_URL_TTL="1 day": SIGNPOST_MAX_SIZE="5 GB": SIGNPOST_DOWNLOADS="yes": SIGNPOST_CORS_ORIGINS="*":`},
		{"wrong values", map[string]string{"SIGNPOST_URL_TTL": "200h", "SIGNPOST_JOB_TTL": "1s"},
			`SIGNPOST_URL_TTL="200h": SIGNPOST_JOB_TTL="1s":`},
	} {
		c.env["SIGNPOST_BUCKET"] = "b"
		got, err := ReadFunctionConfig(func(name string) string { return c.env[name] })
		for _, want := range strings.SplitAfter(c.want, ": ") {
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), strings.TrimSpace(want)) {
				t.Errorf("%s: got %v, want errors %s", c.name, err, c.want)
			}
		}
		for name, value := range c.env {
			t.Setenv(name, value)
		}
		var served Config
		var errs Errors
		parser, err := kong.New(&served, errs.Options()...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(nil); err != nil {
			t.Fatal(err)
		}
		got.Listen = served.Listen // a function does not listen
		if c.want == "" && !reflect.DeepEqual(got.Config, served) {
			t.Errorf("%s:\n got %+v\nwant %+v, as serve reads it", c.name, got.Config, served)
		}
		for name := range c.env {
			t.Setenv(name, "") // restore for the next row
		}
	}
	_, err := ReadFunctionConfig(func(name string) string {
		return map[string]string{"SIGNPOST_LAMBDA_EVENTS": "neither"}[name]
	})
	if err == nil || !strings.Contains(err.Error(), `SIGNPOST_BUCKET="": must be the name`) ||
		!strings.Contains(err.Error(), `SIGNPOST_LAMBDA_EVENTS="neither": must be proxy or direct`) {
		t.Errorf("without a bucket, with other events: got %v", err)
	}
}

// TestDirectDeclaresNothing: settings that require a declared size or type conflict with direct events, whose content
// the function does not read.
func TestDirectDeclaresNothing(t *testing.T) {
	for _, variable := range []string{"SIGNPOST_MAX_SIZE", "SIGNPOST_CONTENT_TYPES"} {
		env := map[string]string{"SIGNPOST_BUCKET": "b", "SIGNPOST_LAMBDA_EVENTS": "direct", "SIGNPOST_MAX_SIZE": "",
			"SIGNPOST_CONTENT_TYPES": ""}
		env[variable] = map[string]string{"SIGNPOST_MAX_SIZE": "5", "SIGNPOST_CONTENT_TYPES": "text/csv"}[variable]
		if _, err := ReadFunctionConfig(func(name string) string { return env[name] }); err == nil ||
			!strings.HasPrefix(err.Error(), variable+"=") {
			t.Errorf("%s with direct events: got %v, want an error", variable, err)
		}
	}
}
