package export

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

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
// because an encoder changes blank lines and the line breaks of folded text. It requires block style.
func Anonymous(document []byte) ([]byte, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(document, &file); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	lines := strings.SplitAfter(string(document), "\n")
	for _, root := range file.Content { // none in an empty document
		clearKeyMembers(lines, root, nil, len(lines))
	}
	return []byte(strings.Join(lines, "")), nil
}

// clearKeyMembers empties the lines of the members of n that concern the API key. path is that of n, and end the index
// of the line after it.
func clearKeyMembers(lines []string, n *yaml.Node, path []string, end int) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		key, next := n.Content[i], end
		if i+2 < len(n.Content) {
			next = firstLine(n.Content[i+2])
		}
		member := append(slices.Clone(path), key.Value)
		if !isKeyMember(member) {
			clearKeyMembers(lines, n.Content[i+1], member, next)
			continue
		}
		first := firstLine(key)
		separated := i == 0 || isBlank(lines[first-1])
		for ; !separated && next > first && isBlank(lines[next-1]); next-- { // the blank line still separates others
		}
		clear(lines[first:next])
	}
}

func isKeyMember(path []string) bool {
	return slices.ContainsFunc(keyMembers, func(names []string) bool {
		return slices.EqualFunc(path, names, func(key, name string) bool { return name == "*" || name == key })
	})
}

// firstLine returns the index of the line of key, or of the comment above it.
func firstLine(key *yaml.Node) int {
	if key.HeadComment == "" {
		return key.Line - 1
	}
	return key.Line - 2 - strings.Count(key.HeadComment, "\n")
}

func isBlank(line string) bool { return strings.TrimSpace(line) == "" }
