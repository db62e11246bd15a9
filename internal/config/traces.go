package config

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The variables of OpenTelemetry that turn traces on.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
const (
	tracesExporter  = "OTEL_TRACES_EXPORTER"
	otlpEndpoint    = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpoint  = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	otlpProtocol    = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocol  = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	tracesSampler   = "OTEL_TRACES_SAMPLER"
	samplerArgument = "OTEL_TRACES_SAMPLER_ARG"
)

// samplers are the samplers of the OpenTelemetry SDK.
var samplers = []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
	"parentbased_traceidratio"}

// ReadTraces reports whether the variables of OpenTelemetry turn traces on, and notes which of them the service does
// not support. The OpenTelemetry SDK reads them itself, but replaces invalid values by its defaults.
func (e *Errors) ReadTraces(getenv func(string) string) bool {
	exporter := getenv(tracesExporter)
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none":
		return false
	case cmp.Or(exporter, getenv(otlpEndpoint), getenv(tracesEndpoint)) == "":
		return false
	case exporter != "" && exporter != "otlp":
		e.add(tracesExporter, exporter, "must be otlp or none")
	}
	e.checkExport(getenv)
	e.checkSampler(getenv)
	propagators := getenv("OTEL_PROPAGATORS")
	if propagators != "" && !slices.Contains(list(propagators), "tracecontext") {
		e.add("OTEL_PROPAGATORS", propagators, "must include tracecontext: the service supports no other")
	}
	attributes := getenv("OTEL_RESOURCE_ATTRIBUTES")
	unpaired := func(s string) bool { return !strings.Contains(s, "=") }
	if attributes != "" && slices.ContainsFunc(list(attributes), unpaired) {
		e.add("OTEL_RESOURCE_ATTRIBUTES", attributes, "must be NAME=VALUE pairs separated by commas")
	}
	return true
}

func (e *Errors) checkExport(getenv func(string) string) {
	for _, name := range []string{otlpEndpoint, tracesEndpoint} {
		if value := getenv(name); value != "" && !isCollector(value) {
			e.add(name, value, "must be a URL such as http://localhost:4318")
		}
	}
	for _, name := range []string{otlpProtocol, tracesProtocol} {
		if value := getenv(name); value != "" && value != "http/protobuf" && value != "http/json" {
			e.add(name, value, "must be http/protobuf or http/json: use the collector's port for HTTP, in most cases 4318")
		}
	}
}

func isCollector(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (e *Errors) checkSampler(getenv func(string) string) {
	sampler := strings.ToLower(strings.TrimSpace(getenv(tracesSampler))) // as the SDK reads it
	if sampler != "" && !slices.Contains(samplers, sampler) {
		e.add(tracesSampler, sampler, "must be one of "+strings.Join(samplers, ", "))
	}
	argument := strings.TrimSpace(getenv(samplerArgument))
	ratio, err := strconv.ParseFloat(argument, 64)
	if argument != "" && strings.HasSuffix(sampler, "traceidratio") && (err != nil || !(ratio >= 0 && ratio <= 1)) {
		e.add(samplerArgument, argument, "must be a number from 0 to 1, such as 0.1")
	}
}

// list returns the elements of a list separated by commas.
func list(s string) []string {
	elements := strings.Split(s, ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
	}
	return elements
}
