package config

import (
	"bytes"
	_ "embed" // the defaults
	"errors"
	"fmt"
	"io"
	"os"

	"gopkg.in/yaml.v3"
)

// The limits of a configuration file.
const (
	// MaxFile is the most bytes that are read.
	MaxFile = 1 << 20
	// maxDepth is how deep keys nest: instruments, name, attribute, day.
	maxDepth = 4
)

//go:embed defaults.yaml
var defaults []byte

// readFile reads a file whose owner alone should be able to read its secrets.
func readFile(name string) *layer {
	l := newLayer()
	f, err := os.Open(name)
	if err != nil {
		l.fail("--config", "", "%v; name a file that can be read", err)
		return l
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		l.fail("--config", "", "%v", err)
		return l
	case len(content) > MaxFile:
		l.fail(name, "", "is larger than %d bytes", MaxFile)
		return l
	}
	l = parseYAML(name, content)
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 && (l.values["webhook.secrets"] != nil || l.values[tokensKey] != nil) {
		l.problems = append(l.problems, Problem{
			Source: name, Key: "webhook.secrets", Warning: true,
			Text: fmt.Sprintf("others on this machine may read the file (mode %04o): chmod 600 %s", info.Mode().Perm(), name),
		})
	}
	return l
}

// parseYAML reads the text of each value as it is written: a number keeps its digits and a day stays a day.
func parseYAML(name string, content []byte) *layer {
	l := newLayer()
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return l
	}
	if err != nil {
		l.fail(name, "", "%v", err)
		return l
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		l.fail(name, "", "holds more than one document; keep the first")
	}
	y := yamlFile{name: name, layer: l}
	if root := document.Content[0]; root.Kind == yaml.MappingNode {
		y.mapping("", root, 1)
	} else if root.Tag != "!!null" {
		l.fail(y.at(root), "", "is not a set of keys and values, like `listen: 127.0.0.1:8080`")
	}
	return l
}

// yamlFile walks a document.
type yamlFile struct {
	name  string
	layer *layer
}

func (y yamlFile) at(n *yaml.Node) string { return fmt.Sprintf("%s line %d", y.name, n.Line) }

func (y yamlFile) mapping(prefix string, n *yaml.Node, depth int) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := prefix + name.Value
		switch {
		case name.Kind != yaml.ScalarNode || name.Value == "":
			y.layer.fail(y.at(name), prefix, "holds a key that is not plain text")
		case seen[key]:
			y.layer.fail(y.at(name), key, "stands twice; put both into one")
		default:
			seen[key] = true
			y.value(key, value, depth)
		}
	}
}

func (y yamlFile) value(key string, n *yaml.Node, depth int) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		y.layer.fail(y.at(n), key, "anchors and aliases are not read; write the values, or `like: ROW` in an instrument")
	case n.Kind == yaml.MappingNode && depth < maxDepth:
		y.mapping(key+".", n, depth+1)
	case n.Kind == yaml.SequenceNode:
		y.sequence(key, n)
	case n.Kind != yaml.ScalarNode:
		y.layer.fail(y.at(n), key, "is nested too deep")
	case n.Tag != "!!null":
		y.layer.put(key, n.Value, y.at(n))
	case !isSection(key): // a section whose lines are all comments says nothing
		y.layer.fail(y.at(n), key, "has no value; give one, or take the line out")
	}
}

func (y yamlFile) sequence(key string, n *yaml.Node) {
	items := []string{}
	for _, item := range n.Content {
		if item.Kind == yaml.MappingNode && key == tokensKey {
			text, ok := y.token(item)
			if !ok {
				return
			}
			items = append(items, text)
			continue
		}
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			y.layer.fail(y.at(item), key, "holds something that is not plain text")
			return
		}
		items = append(items, item.Value)
	}
	y.layer.put(key, items, y.at(n))
}
