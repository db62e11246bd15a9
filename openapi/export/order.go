package export

import (
	"cmp"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"
)

// reorder sorts made, which FromV3 returned in alphabetical order, like the document meant. If meant has no
// counterpart it is nil, and members are sorted as elsewhere in whole.
func reorder(made, meant, whole *yaml.Node) {
	made.Style = 0 // FromV3's is JSON
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

// recordLines records the line of each key: those of the node itself, then the first of each name at deeper levels.
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

// places and sources are for members that only Swagger has: the neighbor of a member, and the source of its members.
var (
	places = map[string]string{
		"swagger":             "openapi",
		"basePath":            "servers",
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

// line returns the line of a member's source. Members without a source are last.
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
