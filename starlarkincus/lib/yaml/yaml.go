// Package yaml is the library yaml, which reads and writes YAML.
package yaml

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
	"go.yaml.in/yaml/v3"
)

// encodable are the types of values that have a YAML form.
const encodable = builtin.None | builtin.Bool | builtin.Number | builtin.Text | builtin.List | builtin.Tuple | builtin.Set | builtin.Struct |
	builtin.Dict | builtin.Error | builtin.Environment | builtin.Other

// Decl is the library.
var Decl = builtin.Decl{
	Name: "yaml",
	Help: `Reads and writes YAML: yaml.encode(x), yaml.decode(text). An object of Incus is written as a dict of its fields.

yaml.decode reads plain data: strings, numbers of any size, booleans, null, binary, lists, dicts, anchors and merges (<<).
Dates are read as strings. Keys of dicts are strings, numbers, booleans or null, without duplicates.`,
	Members: []builtin.Decl{{
		Name: "yaml.encode", Params: []builtin.Param{builtin.Need("x", encodable)},
		Returns: builtin.String, Help: `Returns x as YAML, with dicts in their own order.`,
		Call: yamlEncode,
	}, {
		Name: "yaml.decode", Params: []builtin.Param{builtin.Need("text", builtin.Text)},
		Help: `Returns the value of a single YAML document, or None if it is empty.

Invalid YAML raises an Error, which try_ catches.`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			documents, err := documents(c)
			switch {
			case err != nil:
				return nil, err
			case len(documents) > 1:
				return nil, c.BadData("the text holds more than one document: yaml.decode_all gives a list of them")
			case len(documents) == 0:
				return starlark.None, nil
			}
			return documents[0], nil
		},
	}, {
		Name: "yaml.decode_all", Params: []builtin.Param{builtin.Need("text", builtin.Text)},
		Returns: builtin.List, Help: `Returns a list of the values of all YAML documents in a text, separated by ---.`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			documents, err := documents(c)
			if err != nil {
				return nil, err
			}
			return starlark.NewList(documents), nil
		},
	}},
}

// documents parses the call's only argument.
func documents(c *builtin.Call) ([]starlark.Value, error) {
	var arg starlark.Value
	if err := c.Unpack(&arg); err != nil {
		return nil, err
	}
	text, err := c.Data("text", arg)
	if err != nil {
		return nil, err
	}
	documents, err := decodeYAML(text)
	if err != nil {
		return nil, c.BadData("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return documents, nil
}

func decodeYAML(text string) (documents []starlark.Value, err error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var node yaml.Node
		switch err := decoder.Decode(&node); {
		case err == io.EOF:
			return documents, nil
		case err != nil:
			return nil, err
		}
		d := yamlDecoder{inside: make(map[*yaml.Node]bool)}
		v, err := d.value(&node)
		if err != nil {
			return nil, err
		}
		documents = append(documents, v)
	}
}

// maxCopied limits the number of nodes that a document's aliases expand to, because a few lines of nested aliases could
// exceed any memory.
const maxCopied = 100_000

// A yamlDecoder converts a document to Starlark values. It copies the value of an alias, so that a script can change
// one without the others.
type yamlDecoder struct {
	inside  map[*yaml.Node]bool // anchors with an alias that is being expanded
	copied  int
	aliases int // nesting of aliases
}

func (d *yamlDecoder) value(n *yaml.Node) (starlark.Value, error) {
	if d.aliases > 0 {
		if d.copied++; d.copied > maxCopied {
			return nil, fmt.Errorf("line %d: the aliases stand for more than %s values", n.Line, printable.Count(maxCopied))
		}
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 1 {
			return d.value(n.Content[0])
		}
		return starlark.None, nil
	case yaml.AliasNode:
		var v starlark.Value
		err := d.behind(n, func(n *yaml.Node) (err error) {
			v, err = d.value(n)
			return err
		})
		return v, err
	case yaml.SequenceNode:
		if tag := n.ShortTag(); tag != "!!seq" {
			return nil, unknownTag(n, tag)
		}
		elems := make([]starlark.Value, len(n.Content))
		for i, elem := range n.Content {
			v, err := d.value(elem)
			if err != nil {
				return nil, err
			}
			elems[i] = v
		}
		return starlark.NewList(elems), nil
	case yaml.MappingNode:
		if tag := n.ShortTag(); tag != "!!map" {
			return nil, unknownTag(n, tag)
		}
		return d.mapping(n)
	case yaml.ScalarNode:
		return yamlScalar(n)
	}
	return starlark.None, nil // an empty document
}

// behind decodes the value of an alias.
func (d *yamlDecoder) behind(n *yaml.Node, read func(*yaml.Node) error) error {
	if d.inside[n.Alias] {
		return fmt.Errorf("line %d: the anchor %s holds itself", n.Line, n.Value)
	}
	d.inside[n.Alias] = true
	d.aliases++
	defer func() {
		delete(d.inside, n.Alias)
		d.aliases--
	}()
	return read(n.Alias)
}

func unknownTag(n *yaml.Node, tag string) error {
	return fmt.Errorf("line %d: the tag %s is not supported", n.Line, tag)
}

func (d *yamlDecoder) mapping(n *yaml.Node) (*starlark.Dict, error) {
	dict := new(starlark.Dict)
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, content := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merges = append(merges, content)
			continue
		}
		k, err := d.key(key)
		if err != nil {
			return nil, err
		}
		if _, twice, err := dict.Get(k); twice || err != nil {
			return nil, fmt.Errorf("line %d: the key %s occurs twice", key.Line, k)
		}
		v, err := d.value(content)
		if err != nil {
			return nil, err
		}
		if err := dict.SetKey(k, v); err != nil {
			return nil, err
		}
	}
	for _, merge := range merges {
		if err := d.merge(dict, merge); err != nil {
			return nil, err
		}
	}
	return dict, nil
}

func (d *yamlDecoder) key(n *yaml.Node) (starlark.Value, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		return nil, fmt.Errorf("line %d: a key is a list or a dict, want a string, a number, a boolean or null", n.Line)
	}
	return yamlScalar(n)
}

// merge adds the entries of <<, a dict or a list of dicts. Existing keys keep their values.
func (d *yamlDecoder) merge(dict *starlark.Dict, n *yaml.Node) error {
	switch n.Kind {
	case yaml.AliasNode:
		return d.behind(n, func(n *yaml.Node) error { return d.merge(dict, n) })
	case yaml.SequenceNode:
		for _, elem := range n.Content {
			if err := d.merge(dict, elem); err != nil {
				return err
			}
		}
		return nil
	case yaml.MappingNode:
		v, err := d.value(n)
		if err != nil {
			return err
		}
		for _, item := range v.(*starlark.Dict).Items() {
			if _, found, _ := dict.Get(item[0]); found {
				continue
			}
			if err := dict.SetKey(item[0], item[1]); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("line %d: << wants a dict or a list of them", n.Line)
}

var wholeNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[-+]?[0-9]+$`) })

func yamlScalar(n *yaml.Node) (starlark.Value, error) {
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp", "!!merge":
		return starlark.String(n.Value), nil
	case "!!null":
		return starlark.None, nil
	case "!!bool":
		switch strings.ToLower(n.Value) {
		case "true":
			return starlark.True, nil
		case "false":
			return starlark.False, nil
		}
		return nil, fmt.Errorf("line %d: %q is no boolean", n.Line, n.Value)
	case "!!int":
		// The library reads 0o7, 0x1f, 0b1 and 1_000 as ints, and 07 as an octal number of YAML 1.1.
		if i, ok := new(big.Int).SetString(strings.ReplaceAll(n.Value, "_", ""), 0); ok {
			return starlark.MakeBigInt(i), nil
		}
		return nil, fmt.Errorf("line %d: %q is no int", n.Line, n.Value)
	case "!!float":
		if wholeNumber().MatchString(n.Value) && n.Style&yaml.TaggedStyle == 0 {
			// The library reads an int of more than 64 bits as a float.
			if i, ok := new(big.Int).SetString(n.Value, 10); ok {
				return starlark.MakeBigInt(i), nil
			}
		}
		return yamlFloat(n)
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		return starlark.Bytes(data), nil
	default:
		return nil, unknownTag(n, tag)
	}
}

func yamlFloat(n *yaml.Node) (starlark.Value, error) {
	text := strings.ToLower(strings.ReplaceAll(n.Value, "_", ""))
	switch strings.TrimPrefix(text, "+") {
	case ".inf":
		return starlark.Float(math.Inf(1)), nil
	case "-.inf":
		return starlark.Float(math.Inf(-1)), nil
	case ".nan":
		return starlark.Float(math.NaN()), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("line %d: %q is no number", n.Line, n.Value)
	}
	return starlark.Float(f), nil
}

func yamlEncode(c *builtin.Call) (starlark.Value, error) {
	var x starlark.Value
	if err := c.Unpack(&x); err != nil {
		return nil, err
	}
	node, err := yamlNode("x", x, 0)
	if err != nil {
		return nil, c.Errorf("%w", err)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, c.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := encoder.Close(); err != nil {
		return nil, c.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return starlark.String(b.String()), nil
}
