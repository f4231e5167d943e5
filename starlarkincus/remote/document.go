package remote

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
)

// A document is a config.yml to change. It keeps what this package doesn't know: other keys, comments and the order.
type document struct {
	content []byte     // as read
	missing bool       // there was no file
	comment []byte     // content of a file without YAML
	node    *yaml.Node // the document
	root    *yaml.Node // its mapping
	want    *file      // the content with all changes
}

// loadDocument reads a config.yml. A missing or empty one gets the incus command's defaults.
func loadDocument(ctx context.Context, path string) (*document, error) {
	content, _, err := readConfig(ctx, path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, unreadable(ctx, path, err)
	}
	d := &document{content: content, missing: missing, node: new(yaml.Node)}
	if d.want, err = parse(path, content); err != nil {
		return nil, err
	}
	in := yaml.NewDecoder(bytes.NewReader(content))
	if err := in.Decode(d.node); err != nil && err != io.EOF {
		return nil, badYAML(path, err)
	}
	if err := in.Decode(new(yaml.Node)); err != io.EOF {
		return nil, failure(nil, "%s has several YAML documents, of which the incus command keeps only the first: it is not changed", path)
	}
	if d.node.Kind == 0 {
		d.comment = content
		d.node = &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	d.root = d.node.Content[0]
	if isNull(d.root) {
		d.root.Kind, d.root.Tag, d.root.Value = yaml.MappingNode, "", ""
	}
	if len(d.root.Content) == 0 {
		d.root.Style = 0 // {}
	}
	if d.want.Remotes == nil {
		d.want.Remotes = make(map[string]entry)
	}
	if missing {
		d.setDefault(localName)
		d.add("images", imagesEntry)
		d.add(localName, entry{Addr: "unix://"})
	}
	return d, nil
}

// replace writes the new content, unless another program has changed the file since it was read, which outdone reports.
func (d *document) replace(ctx context.Context, path string, content []byte) (outdone bool, err error) {
	f, err := atomicfile.Create(path, atomicfile.Mode{Perm: 0o644})
	if err != nil {
		return false, cannotWrite(path, err)
	}
	defer f.Discard()
	if _, err = f.Write(content); err == nil {
		err = f.Sync() // which may take its time
	}
	if err != nil {
		return false, cannotWrite(path, err)
	}
	now, err := read(ctx, path)
	if missing := errors.Is(err, fs.ErrNotExist); missing != d.missing || !missing && (err != nil || !bytes.Equal(now, d.content)) {
		return true, nil
	}
	if err := f.Commit(); err != nil {
		return false, cannotWrite(path, err)
	}
	return false, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// value returns the value of a key in a mapping; nil if there is none.
func value(mapping *yaml.Node, key string) *yaml.Node {
	if i := index(mapping, key); i >= 0 {
		return mapping.Content[i+1]
	}
	return nil
}

// index returns the index of a key in the content of a mapping; -1 if there is none.
func index(mapping *yaml.Node, key string) int {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// text returns a node for a string.
func text(s string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(s)
	return n
}

// set sets the value of a key in a mapping to a string, in the place of the old one.
func set(mapping *yaml.Node, key, s string) {
	now := value(mapping, key)
	if now == nil {
		mapping.Content = append(mapping.Content, text(key), text(s))
		return
	}
	kept := *now
	*now = *text(s)
	now.HeadComment, now.LineComment, now.FootComment = kept.HeadComment, kept.LineComment, kept.FootComment
}

// remotes returns the mapping of remotes, which it adds if it is missing.
func (d *document) remotes() *yaml.Node {
	n := value(d.root, "remotes")
	switch {
	case n == nil:
		n = &yaml.Node{Kind: yaml.MappingNode}
		d.root.Content = append(d.root.Content, text("remotes"), n)
	case n.Kind == yaml.AliasNode:
		n = n.Alias
	case isNull(n):
		n.Kind, n.Tag, n.Value = yaml.MappingNode, "", ""
	}
	if len(n.Content) == 0 {
		n.Style = 0 // {} of an empty one
	}
	return n
}

func (d *document) defaultRemote() string {
	if d.want.DefaultRemote == "" {
		return localName
	}
	return d.want.DefaultRemote
}

func (d *document) setDefault(name string) {
	d.want.DefaultRemote = name
	set(d.root, "default-remote", name)
}

// add appends a remote.
func (d *document) add(name string, e entry) {
	d.want.Remotes[name] = e
	all := d.remotes()
	all.Content = append(all.Content, text(name), e.node())
}

func (d *document) remove(name string) {
	delete(d.want.Remotes, name)
	all := d.remotes()
	if i := index(all, name); i >= 0 {
		all.Content = slices.Delete(all.Content, i, i+2)
	}
}

func (d *document) rename(old, name string) {
	d.want.Remotes[name] = d.want.Remotes[old]
	delete(d.want.Remotes, old)
	if d.want.DefaultRemote == old {
		d.setDefault(name)
	}
	all := d.remotes()
	if i := index(all, old); i >= 0 {
		key := all.Content[i]
		key.Tag, key.Style, key.Value = "", 0, name
		key.SetString(name)
	}
}

// node returns the entry as the incus command writes it.
func (e entry) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range []struct{ key, value string }{{"addr", e.Addr}, {"auth_type", e.AuthType}, {"project", e.Project}, {"protocol", e.Protocol}, {"credentials_helper", e.CredentialsHelper}} {
		if f.value != "" {
			n.Content = append(n.Content, text(f.key), text(f.value))
		}
	}
	public := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"}
	if e.Public {
		public.Value = "true"
	}
	n.Content = append(n.Content, text("public"), public)
	return n
}

// encode returns the new content of the file. It returns an error if that isn't the intended one, as with a merge of
// mappings (<<).
func (d *document) encode(path string) ([]byte, error) {
	b := bytes.NewBuffer(d.comment)
	if n := len(d.comment); n > 0 && d.comment[n-1] != '\n' {
		b.WriteByte('\n')
	}
	out := yaml.NewEncoder(b)
	out.SetIndent(2)
	if err := out.Encode(d.node); err != nil {
		return nil, failure(err, "%s can't be changed", path)
	}
	_ = out.Close() // can't fail: it writes to memory
	now, err := parse(path, b.Bytes())
	same := func(a, b entry) bool {
		a.line, a.file, b.line, b.file = 0, "", 0, ""
		return a == b
	}
	if err != nil || now.DefaultRemote != d.want.DefaultRemote || !maps.EqualFunc(now.Remotes, d.want.Remotes, same) {
		return nil, failure(err, "%s can't be changed, because it has YAML of a kind that the incus command doesn't write", path)
	}
	return b.Bytes(), nil
}
