package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/gen/api"
)

// maxFieldErrors limits the errors in a response: a body of 128 KiB can have 60,000, which would make a response of 4
// MB.
const maxFieldErrors = 100

// schemaErrors validates value against schema. Kin-openapi validates; its messages are meant for the authors of
// schemas, so they are replaced here.
func schemaErrors(schema *openapi3.Schema, value any) []api.FieldError {
	err := schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails(), openapi3.VisitAsRequest())
	if err == nil {
		return fractionErrors(schema, value, "")
	}
	var fields []api.FieldError
	all := flatten(err)
	for i, e := range all {
		if i == maxFieldErrors {
			return append(fields, unlisted(len(all)-i))
		}
		var pointer string
		var schemaErr *openapi3.SchemaError
		if !errors.As(e, &schemaErr) {
			fields = append(fields, api.FieldError{Pointer: &pointer, Detail: "is invalid"})
			continue
		}
		steps := schemaErr.JSONPointer()
		if schemaErr.SchemaField == "properties" { // reported for the parent; the reason names the member
			var unknown string
			_, _ = fmt.Sscanf(schemaErr.Reason, "property %q is unsupported", &unknown)
			steps = append(steps, unknown)
		}
		pointer = jsonPointer(steps...)
		if n := len(fields); n > 0 && *fields[n-1].Pointer == pointer {
			continue // such as an empty string that also violates a pattern
		}
		fields = append(fields, api.FieldError{Pointer: &pointer, Detail: describeSchemaError(schemaErr)})
	}
	return fields
}

// unlisted returns the last error of a list that is cut at maxFieldErrors.
func unlisted(count int) api.FieldError {
	return api.FieldError{Detail: fmt.Sprintf("errors that are not listed: %d", count)}
}

// jsonPointer returns the JSON Pointer of the member to which steps lead.
func jsonPointer(steps ...string) string {
	var p jsontext.Pointer
	for _, step := range steps {
		p = p.AppendToken(step)
	}
	return string(p)
}

func flatten(err error) []error {
	if many, ok := err.(openapi3.MultiError); ok {
		var all []error
		for _, e := range many {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

// describeSchemaError returns what the value must be, by the keyword that it violates.
func describeSchemaError(f *openapi3.SchemaError) string {
	s := f.Schema
	switch f.SchemaField {
	case "type", "nullable":
		return "must be " + typeNames[strings.Join(s.Type.Slice(), "")]
	case "properties":
		known := strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")
		return "is not a member of this request; its members are " + known
	case "required":
		return "is missing"
	case "enum":
		return "must be one of " + strings.ReplaceAll(strings.Trim(fmt.Sprint(s.Enum), "[]"), " ", ", ")
	case "minimum", "maximum", "format": // int32 or int64; all integers of this document have both limits
		return fmt.Sprintf("must be from %d to %d", int64(*s.Min), int64(*s.Max)) + unit(s)
	case "minLength":
		if s.MinLength == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters", s.MinLength)
	case "maxLength":
		if strings.Contains(s.Description, "base64") { // a client may have sent hexadecimal digits
			return fmt.Sprintf("must have at most %d characters, in base64", *s.MaxLength)
		}
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case "minItems":
		if s.MinItems == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d items", s.MinItems)
	case "maxItems":
		return fmt.Sprintf("must have at most %d items", *s.MaxItems)
	case "maxProperties":
		return fmt.Sprintf("must have at most %d members", *s.MaxProps)
	case "pattern":
		// The first sentence of such a schema's description states the form: "A media type, such as `text/csv`."
		form, _, _ := strings.Cut(s.Description, ". ")
		if form != "" {
			return "must be " + strings.ToLower(form[:1]) + strings.TrimSuffix(form[1:], ".")
		}
	}
	return "is invalid"
}

// unit returns the unit of a number, which its schema's description names.
func unit(s *openapi3.Schema) string {
	for _, unit := range []string{" bytes", " seconds"} {
		if strings.Contains(s.Description, " in"+unit) {
			return unit
		}
	}
	return ""
}

// plainInteger is what an integer must be.
const plainInteger = "an integer in plain digits, without quotes, fraction or exponent"

var typeNames = map[string]string{
	"integer": plainInteger, "object": "an object", "array": "an array", "boolean": "true or false", "string": "a string",
}

// fractionErrors reports integers written as 1.0 or 1e3. They are integers by JSON Schema, but not for every JSON
// reader, so the API requires plain digits. ParseJSON returns only those, and numbers that exceed int64, as
// json.Number.
func fractionErrors(schema *openapi3.Schema, value any, pointer string) []api.FieldError {
	var fields []api.FieldError
	switch value := value.(type) {
	case json.Number:
		if schema.Type.Is("integer") {
			fields = append(fields, api.FieldError{
				Pointer: &pointer, Detail: "must be " + plainInteger,
			})
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if member := schema.Properties[name]; member != nil {
				fields = append(fields, fractionErrors(member.Value, value[name], pointer+jsonPointer(name))...)
			}
		}
	case []any:
		for i, item := range value {
			fields = append(fields, fractionErrors(schema.Items.Value, item, pointer+"/"+strconv.Itoa(i))...)
		}
	}
	return fields
}
