package openapi

import (
	"slices"
	"strings"
)

// Target contains the values for the variables of the integrations. An empty value keeps the variable.
type Target struct {
	Partition, Region, Account string // API Gateway replaces these variables at import
	Function                   string // each stage replaces this variable; may end in a colon and an alias or version
}

// Resolve replaces the variables in document by the values of t. It does not escape them for YAML, so callers must
// validate them.
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

// keyMembers are the members that concern the API key; * is any name. The 401 responses stay, because other
// authorizers also send them.
var keyMembers = [][]string{
	{"security"},
	{"paths", "*", "*", "security"},
	{"components", "securitySchemes"},
	{"x-amazon-apigateway-api-key-source"},
	{"x-amazon-apigateway-gateway-responses", "INVALID_API_KEY"},
}

// Anonymous returns the document without the API key, for an API that is protected otherwise. It only removes lines,
// so order, comments and folded text stay, and the Lambda function, which links this package, needs no YAML parser.
// It requires block style.
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
			i++ // the blank line after it, which would separate nothing
		}
	}
	return []byte(strings.Join(kept, ""))
}

func isKeyMember(place []member) bool {
	return slices.ContainsFunc(keyMembers, func(names []string) bool {
		return slices.EqualFunc(place, names, func(m member, name string) bool { return name == "*" || name == m.key })
	})
}

// member is a line of a mapping in block style. Items, comments and blank lines have no key.
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

// end returns the last line of m's value; first is m's own line. Items may have the same indentation as the key.
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

// isCommentedBy reports whether the line before m is m's comment.
func (m member) isCommentedBy(before string) bool {
	at := memberOf(before).indent
	return at == m.indent && strings.HasPrefix(before[at:], "#")
}

// opens reports whether m begins a mapping or a paragraph.
func (m member) opens(before string) bool {
	return isBlank(before) || memberOf(before).indent < m.indent
}

func isBlank(line string) bool { return strings.TrimSpace(line) == "" }
