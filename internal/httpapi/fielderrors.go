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

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// maxFaults bounds how many faults an answer lists: a body of 128 KiB can have 60,000, which would make one of 4 MB.
const maxFieldErrors = 100

// faultsOf judges value by schema and says in our words what is wrong. Kin-openapi is the judge; its messages, made for the
// author of a schema, go no further than here.
func schemaErrors(schema *openapi3.Schema, value any) []api.FieldError {
	err := schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails(), openapi3.VisitAsRequest())
	switch {
	case err == nil && !hasFraction(value):
		return nil
	case err == nil:
		return fractionErrors(schema, value, "")
	}
	var faults []api.FieldError
	all := flatten(err)
	for i, e := range all {
		if i == maxFieldErrors {
			return append(faults, api.FieldError{Detail: fmt.Sprintf("and %d more", len(all)-i)})
		}
		var pointer string
		var fault *openapi3.SchemaError
		if !errors.As(e, &fault) {
			faults = append(faults, api.FieldError{Pointer: &pointer, Detail: "is not as it should be"})
			continue
		}
		steps := fault.JSONPointer()
		if fault.SchemaField == "properties" { // found in the parent, about the member
			steps = append(steps, unknownMember(fault))
		}
		pointer = imports.Pointer(steps...)
		faults = append(faults, api.FieldError{Pointer: &pointer, Detail: describeSchemaError(fault)})
	}
	return faults
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

// wordsForFault says what the value must be, by the rule it breaks.
func describeSchemaError(f *openapi3.SchemaError) string {
	s := f.Schema
	switch f.SchemaField {
	case "type", "nullable":
		return "must be " + typeName(s)
	case "format": // int32 or int64; the contract has no other that is judged
		return "must fit in " + strings.TrimPrefix(s.Format, "int") + " bits"
	case "properties":
		return "is not a member of this request; known are " + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")
	case "required":
		return "is missing"
	case "enum":
		return "must be one of " + strings.Trim(fmt.Sprint(s.Enum), "[]")
	case "minimum":
		return "must be at least " + formatNumber(*s.Min)
	case "maximum":
		return "must be at most " + formatNumber(*s.Max)
	case "minLength":
		return fmt.Sprintf("must have at least %d characters", s.MinLength)
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case "minItems":
		return fmt.Sprintf("must have at least %d items", s.MinItems)
	case "maxItems":
		return fmt.Sprintf("must have at most %d items", *s.MaxItems)
	case "maxProperties":
		return fmt.Sprintf("must have at most %d members", *s.MaxProps)
	case "pattern":
		// The first sentence of such a schema's description states its form.
		form, _, _ := strings.Cut(s.Description, ". ")
		return "is not of the required form: " + strings.TrimSuffix(form, ".")
	}
	return "is not as it should be"
}

func typeName(s *openapi3.Schema) string {
	switch {
	case s.Type.Is("integer"):
		return "an integer"
	case s.Type.Is("object"):
		return "an object"
	case s.Type.Is("array"):
		return "an array"
	case s.Type.Is("boolean"):
		return "true or false"
	}
	return "a " + strings.Join(s.Type.Slice(), " or ")
}

func formatNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// unknownMember is the name that an object of closed schema should not have. Kin-openapi gives it in the reason alone, quoted.
func unknownMember(f *openapi3.SchemaError) string {
	quoted := strings.TrimSuffix(strings.TrimPrefix(f.Reason, "property "), " is unsupported")
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return quoted
	}
	return name
}

// hasFraction reports whether there is a number in value that parseJSON left as it was written.
func hasFraction(value any) bool {
	switch value := value.(type) {
	case json.Number:
		return true
	case map[string]any:
		for _, member := range value {
			if hasFraction(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, hasFraction)
	}
	return false
}

// fractions finds integers written as 1.0 or 1e3. JSON Schema calls them integers; not every reader does, so a request spells
// them plainly. ParseJSON leaves just those, and numbers past int64, as a json.Number.
func fractionErrors(schema *openapi3.Schema, value any, pointer string) []api.FieldError {
	var faults []api.FieldError
	switch value := value.(type) {
	case json.Number:
		if schema.Type.Is("integer") {
			faults = append(faults, api.FieldError{Pointer: &pointer, Detail: "must be an integer in plain digits, without fraction or exponent"})
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if member := schema.Properties[name]; member != nil {
				faults = append(faults, fractionErrors(member.Value, value[name], pointer+imports.Pointer(name))...)
			}
		}
	case []any:
		for i, item := range value {
			faults = append(faults, fractionErrors(schema.Items.Value, item, pointer+"/"+strconv.Itoa(i))...)
		}
	}
	return faults
}
