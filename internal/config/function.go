package config

import "reflect"

// FunctionConfig is Config as a Lambda function reads it, from the environment alone.
type FunctionConfig struct {
	Config
	Events string `env:"SIGNPOST_LAMBDA_EVENTS" default:"proxy" help:"Events of a Lambda function: proxy events, or with direct any payload, which it answers with an upload_url."`
}

// ReadFunctionConfig reads the variables that Config's tags name. An empty variable counts as not set. Kong would read
// them too, but it calls methods by name, so that the linker keeps every method of the AWS SDK: a binary of 19 MB
// instead of 12.
func ReadFunctionConfig(getenv func(string) string) (FunctionConfig, error) {
	var c FunctionConfig
	var errs Errors
	for _, field := range reflect.VisibleFields(reflect.TypeOf(c)) {
		variable := field.Tag.Get("env")
		text := getenv(variable)
		if text == "" {
			text = field.Tag.Get("default")
		}
		if variable == "" || text == "" {
			continue
		}
		if broken := parse(reflect.ValueOf(&c).Elem().FieldByIndex(field.Index), text); broken != "" {
			errs.add(variable, text, broken)
		}
	}
	c.Listen = "127.0.0.1:0" // nothing listens
	check := checker{&c.Config, &errs}
	if c.Bucket == "" {
		check.report(&c.Bucket, "must be the name of a bucket")
	}
	if c.Events != "proxy" && c.Events != "direct" {
		check.add("SIGNPOST_LAMBDA_EVENTS", c.Events, "must be proxy or direct")
	}
	const directRule = "must not be set with SIGNPOST_LAMBDA_EVENTS=direct, whose imports are untracked"
	if c.Events == "direct" && c.MaxSize > 0 {
		check.report(&c.MaxSize, directRule)
	}
	if c.Events == "direct" && len(c.ContentTypes) > 0 {
		check.report(&c.ContentTypes, directRule)
	}
	for _, field := range []any{&c.APIKeysFile, &c.OIDCIssuer, &c.RateLimit} {
		if getenv(c.Name(field)) != "" {
			check.report(field, "must not be set in a Lambda function: "+
				"the service that invokes it authenticates callers and limits requests")
		}
	}
	return c, errs.Check(c.Config)
}
