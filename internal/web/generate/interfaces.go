package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// interfaces returns the declarations of these schemas and of those that they refer to.
func interfaces(contract *openapi3.T, names ...string) (string, error) {
	var text strings.Builder
	for i := 0; i < len(names); i++ { // names grows
		schema := contract.Components.Schemas[names[i]]
		if schema == nil {
			return "", fmt.Errorf("the contract has no schema %s", names[i])
		}
		keyword, assign, end := "interface", "", "\n"
		if len(schema.Value.Enum) > 0 {
			keyword, assign, end = "type", "= ", ";\n"
		}
		definition, err := typeOf(&openapi3.SchemaRef{Value: schema.Value}, "", &names)
		if err != nil {
			return "", fmt.Errorf("schema %s: %w", names[i], err)
		}
		comment(&text, "", schema.Value.Description)
		fmt.Fprintf(&text, "export %s %s %s%s%s", keyword, names[i], assign, definition, end)
	}
	return text.String(), nil
}

// typeOf returns the type of a schema. It adds the schemas that it refers to.
func typeOf(ref *openapi3.SchemaRef, indent string, names *[]string) (string, error) {
	if ref.Ref != "" {
		name := path.Base(ref.Ref)
		if !slices.Contains(*names, name) {
			*names = append(*names, name)
		}
		return name, nil
	}
	schema := ref.Value
	switch {
	case len(schema.Enum) > 0:
		var values []string
		for _, value := range schema.Enum {
			values = append(values, strconv.Quote(fmt.Sprint(value)))
		}
		return strings.Join(values, " | "), nil
	case len(schema.AllOf) == 1:
		return typeOf(schema.AllOf[0], indent, names)
	case schema.Type.Is("string"), schema.Type.Is("boolean"):
		return schema.Type.Slice()[0], nil
	case schema.Type.Is("integer"), schema.Type.Is("number"):
		return "number", nil
	case schema.Type.Is("array"):
		item, err := typeOf(schema.Items, indent, names)
		return item + "[]", err
	case schema.Type.Is("object") && schema.AdditionalProperties.Schema != nil:
		value, err := typeOf(schema.AdditionalProperties.Schema, indent, names)
		return "Record<string, " + value + ">", err
	case schema.Type.Is("object"):
		return objectOf(schema, indent, names)
	}
	return "", fmt.Errorf("type %v is not supported", schema.Type)
}

func objectOf(schema *openapi3.Schema, indent string, names *[]string) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property, optional := schema.Properties[name], "?"
		if slices.Contains(schema.Required, name) {
			optional = ""
		}
		definition, err := typeOf(property, indent+"  ", names)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		comment(&text, indent+"  ", property.Value.Description)
		fmt.Fprintf(&text, "%s  %s%s: %s;\n", indent, name, optional, definition)
	}
	return "{\n" + text.String() + indent + "}", nil
}

// comment writes the first sentence of a description.
func comment(text *strings.Builder, indent, description string) {
	first, _, _ := strings.Cut(strings.Join(strings.Fields(description), " "), ". ")
	if indent == "" {
		text.WriteString("\n")
	}
	if first != "" {
		fmt.Fprintf(text, "%s/** %s. */\n", indent, strings.TrimSuffix(first, "."))
	}
}
