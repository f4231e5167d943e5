package yaml

import (
	"encoding/base64"
	"math"
	"regexp"
	"strings"
	"sync"

	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.yaml.in/yaml/v3"
)

// maxYAMLDepth limits the nesting of a value, which is infinite for a list that contains itself.
const maxYAMLDepth = 1000

// yamlNode returns a value as a node of the YAML library. Path is its name in errors.
func yamlNode(path string, v starlark.Value, depth int) (*yaml.Node, error) {
	if depth > maxYAMLDepth {
		return nil, &value.TypeError{Path: path[:min(len(path), 40)] + "…", Got: "nested too deeply, or it holds itself"}
	}
	switch v := v.(type) {
	case *starlarkstruct.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range v.AttrNames() {
			field, err := v.Attr(name)
			if err != nil {
				return nil, err
			}
			child, err := yamlNode(path+"."+name, field, depth+1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, stringNode(name), child)
		}
		return n, nil
	case starlark.IterableMapping:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, item := range v.Items() {
			key, err := scalarNode(path, item[0])
			if err != nil {
				return nil, err
			}
			if key == nil {
				return nil, &value.TypeError{Path: path, Got: "the key " + item[0].String() + " of type " + item[0].Type(), Want: "strings, numbers, booleans or None as keys"}
			}
			var name any = item[0]
			if s, ok := starlark.AsString(item[0]); ok {
				name = s
			}
			child, err := yamlNode(value.Index(path, name), item[1], depth+1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, key, child)
		}
		return n, nil
	case *starlark.List, starlark.Tuple, *starlark.Set:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		var err error
		for elem := range starlark.Elements(v.(starlark.Iterable)) {
			var child *yaml.Node
			if child, err = yamlNode(value.Index(path, len(n.Content)), elem, depth+1); err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		return n, nil
	}
	n, err := scalarNode(path, v)
	if n == nil && err == nil {
		err = value.Formless(path, v, "YAML")
	}
	return n, err
}

// scalarNode returns the node of a scalar; nil for other values.
func scalarNode(path string, v starlark.Value) (*yaml.Node, error) {
	switch v := v.(type) {
	case starlark.NoneType:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	case starlark.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strings.ToLower(v.String())}, nil
	case starlark.Int:
		// No tag, because the library would write it for an int of more than 64 bits.
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}, nil
	case starlark.Float:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: floatText(v)}, nil
	case starlark.String:
		s, err := value.String(path, v)
		return stringNode(s), err
	case starlark.Bytes:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!binary", Value: base64.StdEncoding.EncodeToString([]byte(v))}, nil
	}
	return nil, nil
}

func floatText(f starlark.Float) string {
	switch {
	case math.IsNaN(float64(f)):
		return ".nan"
	case math.IsInf(float64(f), 1):
		return ".inf"
	case math.IsInf(float64(f), -1):
		return "-.inf"
	}
	return f.String()
}

// doubtful matches strings that some readers of YAML misread: the booleans and the base-60 numbers of version 1.1, and
// dates. The library quotes all others that need it.
var doubtful = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:y|n|yes|no|on|off|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|=|<<)$`)
})

func stringNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	// The library's block style is wrong for a text that begins with a tab.
	if doubtful().MatchString(s) || strings.Contains(s, "\n") && strings.ContainsRune(" \t\n", rune(s[0])) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
