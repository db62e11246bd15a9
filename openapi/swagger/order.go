package swagger

import (
	"cmp"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"
)

// arrange puts what FromV3 made, which is in alphabetical order, into the order of the document it was made from. There is no
// meant where the document has nothing that corresponds; whole says then how it orders such members elsewhere.
func reorder(made, meant, whole *yaml.Node) {
	made.Style = 0 // that of JSON
	switch made.Kind {
	case yaml.MappingNode:
		sortMembers(made, meant, whole)
		for pair := range slices.Chunk(made.Content, 2) {
			pair[0].Style = 0
			reorder(pair[1], counterpart(meant, pair[0].Value), whole)
		}
	case yaml.SequenceNode:
		for i, item := range made.Content {
			var other *yaml.Node
			if meant != nil && meant.Kind == yaml.SequenceNode && i < len(meant.Content) {
				other = meant.Content[i]
			}
			reorder(item, other, whole)
		}
	}
}

func sortMembers(made, meant, whole *yaml.Node) {
	near, far := map[string]int{}, map[string]int{}
	recordLines(near, meant)
	recordLines(far, whole)
	pairs := slices.Collect(slices.Chunk(made.Content, 2))
	slices.SortStableFunc(pairs, func(x, y []*yaml.Node) int {
		a, b := x[0].Value, y[0].Value
		return cmp.Or(cmp.Compare(line(near, a), line(near, b)), cmp.Compare(line(far, a), line(far, b)))
	})
	made.Content = slices.Concat(pairs...)
}

// note takes down where each key stands: those of the node itself, then the first of each name deeper down.
func recordLines(lines map[string]int, n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind == yaml.MappingNode {
		for pair := range slices.Chunk(n.Content, 2) {
			if _, noted := lines[pair[0].Value]; !noted {
				lines[pair[0].Value] = pair[0].Line
			}
		}
	}
	for _, c := range n.Content {
		recordLines(lines, c)
	}
}

// places and sources tell of members that only Swagger has: beside which one they belong, and what their own members came from.
var (
	places = map[string]string{
		"swagger":             "openapi",
		"definitions":         "schemas",
		"securityDefinitions": "securitySchemes",
		"consumes":            "requestBody",
		"produces":            "responses",
		"examples":            "example",
	}
	sources = map[string][]string{
		"definitions":         {"components", "schemas"},
		"securityDefinitions": {"components", "securitySchemes"},
		"examples":            {"content"},
	}
)

// line is where a member's source stands; what has none is last.
func line(lines map[string]int, key string) int {
	for _, name := range []string{key, places[key]} {
		if found, ok := lines[name]; ok {
			return found
		}
	}
	return math.MaxInt
}

func counterpart(meant *yaml.Node, key string) *yaml.Node {
	if own := member(meant, key); own != nil || sources[key] == nil {
		return own
	}
	for _, name := range sources[key] {
		meant = member(meant, name)
	}
	return meant
}

// member is nil where there is none.
func member(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for pair := range slices.Chunk(n.Content, 2) {
		if pair[0].Value == key {
			return pair[1]
		}
	}
	return nil
}
