package openapi_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-s3/signpost/openapi"
)

// document is the parsed text of the OpenAPI document. The rules read YAML nodes, because openapi3.T does not
// preserve whether a status was quoted, a value was a reference, or a keyword had its zero value.
type document struct {
	place             // the root
	text     []byte   // the text for API Gateway
	excluded []string // tags that oapi-codegen excludes from the server
}

func parse(t *testing.T, text []byte) document {
	t.Helper()
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("server.cfg.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var server struct {
		Output struct {
			Exclude []string `yaml:"exclude-tags"`
		} `yaml:"output-options"`
	}
	if err := yaml.Unmarshal(config, &server); err != nil {
		t.Fatal(err)
	}
	return document{place{node: file.Content[0]}, text, server.Output.Exclude}
}

// apply edits the document, writes it and parses it again.
func apply(t *testing.T, e edit) document {
	t.Helper()
	d := parse(t, openapi.YAML)
	keys := strings.Fields(e.at)
	if e.yaml == "" {
		remove(t, d.at(keys[:len(keys)-1]...), keys[len(keys)-1])
	} else {
		var value yaml.Node
		if err := yaml.Unmarshal([]byte(e.yaml), &value); err != nil {
			t.Fatalf("%s: %v\n%s", e.at, err, e.yaml)
		}
		put(d.node, keys, value.Content[0])
	}
	var text bytes.Buffer
	if err := yaml.NewEncoder(&text).Encode(d.node); err != nil {
		t.Fatal(err)
	}
	return parse(t, text.Bytes())
}

func remove(t *testing.T, from place, key string) {
	t.Helper()
	if from.at(key).absent() {
		t.Fatalf("%s has no %s to take away", from, key)
	}
	i := slices.IndexFunc(from.node.Content, func(n *yaml.Node) bool { return n.Value == key })
	from.node.Content = slices.Delete(from.node.Content, i, i+2)
}

// put sets a value below a mapping, and creates missing mappings.
func put(into *yaml.Node, keys []string, value *yaml.Node) {
	if len(keys) == 0 {
		*into = *value
		return
	}
	child := place{node: into}.at(keys[0]).node
	if child == nil {
		child = &yaml.Node{Kind: yaml.MappingNode}
		into.Content = append(into.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: keys[0]}, child)
	}
	put(child, keys[1:], value)
}

// place is a value of the document with the keys that lead to it. A missing place has no node.
type place struct {
	keys []string
	name *yaml.Node // the last key; nil for the root and for items
	node *yaml.Node
}

func (p place) String() string { return strings.Join(p.keys, ".") }
func (p place) absent() bool   { return p.node == nil }

// up returns the key n levels up: 0 is the place's own.
func (p place) up(levels int) string {
	if i := len(p.keys) - 1 - levels; i >= 0 {
		return p.keys[i]
	}
	return ""
}

// text returns the scalar, or "".
func (p place) text() string {
	if p.absent() || p.node.Kind != yaml.ScalarNode {
		return ""
	}
	return p.node.Value
}

func (p place) child(key string, name, node *yaml.Node) place {
	return place{append(slices.Clone(p.keys), key), name, node}
}

// children returns the values of a mapping or the items of a sequence.
func (p place) children() []place {
	var all []place
	switch {
	case p.absent():
	case p.node.Kind == yaml.MappingNode:
		for pair := range slices.Chunk(p.node.Content, 2) {
			all = append(all, p.child(pair[0].Value, pair[0], pair[1]))
		}
	case p.node.Kind == yaml.SequenceNode:
		for i, n := range p.node.Content {
			all = append(all, p.child(strconv.Itoa(i), nil, n))
		}
	}
	return all
}

func (p place) at(keys ...string) place {
	for _, key := range keys {
		next := p.child(key, nil, nil)
		for _, c := range p.children() {
			if c.up(0) == key {
				next = c
			}
		}
		p = next
	}
	return p
}

// below returns the values of a key.
func below(places []place, key string) []place {
	var all []place
	for _, p := range places {
		if v := p.at(key); !v.absent() {
			all = append(all, v)
		}
	}
	return all
}

// everything returns the place and all below it, including data and extensions.
func (p place) everything() []place {
	all := []place{p}
	for _, c := range p.children() {
		all = append(all, c.everything()...)
	}
	return all
}

// each returns a check of the places of one kind. fault returns what is wrong with a place, or "".
func each(places func(document) []place, fault func(document, place) string) func(document) []string {
	return func(d document) []string {
		var complaints []string
		for _, p := range places(d) {
			if f := fault(d, p); f != "" {
				complaints = append(complaints, fmt.Sprintf("%s: %s", p, f))
			}
		}
		return complaints
	}
}

// only returns a list of one value, which may be missing.
func only(keys ...string) func(document) []place {
	return func(d document) []place { return []place{d.at(keys...)} }
}

func everything(d document) []place { return d.everything() }
