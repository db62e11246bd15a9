package openapi

import (
	"slices"
	"strings"
)

// A Target is what a copy of the document is imported for. What is empty stays a variable.
type Target struct {
	Partition, Region, Account string // as variables, API Gateway fills them in at import
	Function                   string // as a variable, each stage names its own; an alias or version may follow after a colon
}

// Resolve is the document with the target's values for the variables of its integrations. The values go into YAML as they are:
// whoever has them from outside checks them first.
func Resolve(document []byte, t Target) []byte {
	var values []string
	for variable, value := range map[string]string{
		"${AWS::Partition}":          t.Partition,
		"${AWS::Region}":             t.Region,
		"${AWS::AccountId}":          t.Account,
		"${stageVariables.function}": t.Function,
	} {
		if value != "" {
			values = append(values, variable, value)
		}
	}
	return []byte(strings.NewReplacer(values...).Replace(string(document)))
}

// keyed are the members that concern the API key; * is any one name. The 401 of an operation is none of them: whatever else
// protects the API answers that too.
var keyMembers = [][]string{
	{"security"},
	{"paths", "*", "*", "security"},
	{"components", "securitySchemes"},
	{"x-amazon-apigateway-api-key-source"},
	{"x-amazon-apigateway-gateway-responses", "INVALID_API_KEY"},
}

// Anonymous is the document without the API key, for an API that is protected otherwise. It takes lines away and writes none
// anew, so order, comments and folded text stay, and the Lambda, which links this package, gets no parser for it. It relies on
// block style, which the document has.
func Anonymous(document []byte) []byte {
	lines := slices.Collect(strings.Lines(string(document)))
	var kept []string
	var place []member
	for i := 0; i < len(lines); i++ {
		m := memberOf(lines[i])
		if m.key != "" {
			place = append(slices.DeleteFunc(place, func(p member) bool { return p.indent >= m.indent }), m)
		}
		if m.key == "" || !isKeyMember(place) {
			kept = append(kept, lines[i])
			continue
		}
		for len(kept) > 0 && m.isCommentedBy(kept[len(kept)-1]) {
			kept = kept[:len(kept)-1]
		}
		i = m.end(lines, i)
		if i+1 < len(lines) && isBlank(lines[i+1]) && (len(kept) == 0 || m.opens(kept[len(kept)-1])) {
			i++ // with nothing before it to set apart
		}
	}
	return []byte(strings.Join(kept, ""))
}

func isKeyMember(place []member) bool {
	return slices.ContainsFunc(keyMembers, func(names []string) bool {
		return slices.EqualFunc(place, names, func(m member, name string) bool { return name == "*" || name == m.key })
	})
}

// A member is a line of a mapping in block style. Items, comments and blank lines have no key.
type member struct {
	indent int
	key    string
}

func memberOf(line string) member {
	text := strings.TrimLeft(line, " ")
	m := member{indent: len(line) - len(text)}
	if key, _, found := strings.Cut(text, ":"); found && !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, "-") {
		m.key = key
	}
	return m
}

// end is the last line of m's value, m's own being the first. Items may stand as far left as the key.
func (m member) end(lines []string, first int) int {
	last := first
	for i, line := range lines[first+1:] {
		at := memberOf(line).indent
		switch {
		case isBlank(line):
		case at > m.indent, at == m.indent && strings.HasPrefix(line[at:], "-"):
			last = first + 1 + i
		default:
			return last
		}
	}
	return last
}

// isCommentedBy tells whether the line before m is a comment of m's.
func (m member) isCommentedBy(before string) bool {
	at := memberOf(before).indent
	return at == m.indent && strings.HasPrefix(before[at:], "#")
}

// opens tells whether m begins a mapping or a paragraph.
func (m member) opens(before string) bool {
	return isBlank(before) || memberOf(before).indent < m.indent
}

func isBlank(line string) bool { return strings.TrimSpace(line) == "" }
