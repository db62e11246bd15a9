package config

import (
	"strings"
	"testing"
)

// TestReadTraces: traces are off without a variable, and an unsupported value is an error that names it.
func TestReadTraces(t *testing.T) {
	const on = "OTEL_TRACES_EXPORTER=otlp "
	for _, c := range []struct {
		env  string
		want bool
		err  string // how the error begins
	}{
		{env: ""},
		{env: "OTEL_SERVICE_NAME=uploads OTEL_TRACES_SAMPLER=always_on"},
		{env: "OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"},
		{env: "OTEL_SDK_DISABLED=TRUE OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"},
		{env: "OTEL_SDK_DISABLED=true OTEL_EXPORTER_OTLP_PROTOCOL=grpc " + on},
		{env: on, want: true},
		{env: "OTEL_SDK_DISABLED=false " + on, want: true},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", want: true},
		{env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector.example.com/v1/traces", want: true},
		{env: on + "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json", want: true},
		{env: on + "OTEL_PROPAGATORS=baggage,tracecontext OTEL_RESOURCE_ATTRIBUTES=a=b,c=", want: true},
		{env: on + "OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.25", want: true},
		{env: on + "OTEL_TRACES_SAMPLER=ALWAYS_ON OTEL_TRACES_SAMPLER_ARG=unused", want: true},

		{env: "OTEL_TRACES_EXPORTER=zipkin", want: true, err: `OTEL_TRACES_EXPORTER="zipkin": must be otlp or none`},
		{env: "OTEL_TRACES_EXPORTER=otlp,console", want: true, err: `OTEL_TRACES_EXPORTER="otlp,console": must be`},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318", want: true,
			err: `OTEL_EXPORTER_OTLP_ENDPOINT="localhost:4318": must be a URL such as http://localhost:4318`},
		{env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://", want: true, err: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://":`},
		{env: on + "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", want: true,
			err: `OTEL_EXPORTER_OTLP_PROTOCOL="grpc": must be http/protobuf or http/json`},
		{env: on + "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", want: true, err: `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="grpc":`},
		{env: on + "OTEL_PROPAGATORS=b3", want: true, err: `OTEL_PROPAGATORS="b3": must include tracecontext`},
		{env: on + "OTEL_RESOURCE_ATTRIBUTES=a=b,c", want: true, err: `OTEL_RESOURCE_ATTRIBUTES="a=b,c": must be NAME=VALUE`},
		{env: on + "OTEL_TRACES_SAMPLER=rate", want: true, err: `OTEL_TRACES_SAMPLER="rate": must be one of always_on,`},
		{env: on + "OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=1.1", want: true,
			err: `OTEL_TRACES_SAMPLER_ARG="1.1": must be a number from 0 to 1`},
		{env: on + "OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=NaN", want: true,
			err: `OTEL_TRACES_SAMPLER_ARG="NaN": must be a number`},
	} {
		env := map[string]string{}
		for pair := range strings.FieldsSeq(c.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		var errs Errors
		got := errs.ReadTraces(func(name string) string { return env[name] })
		text := ""
		if err := errs.Err(); err != nil {
			text = err.Error()
		}
		if got != c.want || !strings.HasPrefix(text, c.err) || (c.err == "") != (text == "") {
			t.Errorf("%s: got %v, %q, want %v, %q", c.env, got, text, c.want, c.err)
		}
	}
}
