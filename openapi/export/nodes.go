package export

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"
)

// parse parses a document as nodes, which keep the order of keys and the comments.
func parse(text []byte) (*yaml.Node, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	if len(file.Content) == 0 {
		return nil, errors.New("read the document: it is empty")
	}
	return file.Content[0], nil
}

// encode writes nodes as YAML.
func encode(w io.Writer, root *yaml.Node) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	return errors.Join(encoder.Encode(root), encoder.Close())
}

// fragment returns the nodes of a constant text.
func fragment(text string) *yaml.Node {
	n, err := parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return n
}

// pair is a member of a mapping.
type pair struct{ key, value *yaml.Node }

// members returns the members of a mapping. Other nodes, and nil, have none.
func members(n *yaml.Node) []pair {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var all []pair
	for p := range slices.Chunk(n.Content, 2) {
		all = append(all, pair{p[0], p[1]})
	}
	return all
}

// sequence returns the items of a sequence. Other nodes, and nil, have none.
func sequence(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// member returns the value of key, or nil.
func member(n *yaml.Node, key string) *yaml.Node {
	for _, m := range members(n) {
		if m.key.Value == key {
			return m.value
		}
	}
	return nil
}

// at returns the value that a sequence of keys leads to, or nil.
func at(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		n = member(n, key)
	}
	return n
}

// set sets the value of key in a mapping.
func set(n *yaml.Node, key string, value *yaml.Node) {
	if old := member(n, key); old != nil {
		*old = *value
		return
	}
	n.Content = append(n.Content, text(key), value)
}

// text returns a string as a node.
func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// remove removes a member, if there is one.
func remove(n *yaml.Node, key string) { keep(n, func(name string) bool { return name != key }) }

// keep removes the members of a mapping whose keys are not wanted.
func keep(n *yaml.Node, wanted func(key string) bool) {
	if n == nil {
		return
	}
	var content []*yaml.Node
	for _, m := range members(n) {
		if wanted(m.key.Value) {
			content = append(content, m.key, m.value)
		}
	}
	n.Content = content
}

// operations returns the operations of a document.
func operations(root *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	for _, path := range members(member(root, "paths")) {
		for _, o := range members(path.value) {
			all = append(all, o.value)
		}
	}
	return all
}
