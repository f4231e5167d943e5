// Package base64 is the library base64, which encodes and decodes base64.
package base64

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// Decl is the library.
var Decl = builtin.Decl{
	Name: "base64",
	Help: `Encodes and decodes base64: base64.encode(data), base64.decode(text).`,
	Members: []builtin.Decl{{
		Name: "base64.encode", Params: []builtin.Param{builtin.Need("data", builtin.Text), builtin.Opt("urlsafe", builtin.Bool, "False")},
		Returns: builtin.String, Help: `Returns the padded base64 of a string or bytes. urlsafe=True uses the URL-safe alphabet, with - and _ for + and /.`,
		Call: encode,
	}, {
		Name: "base64.decode", Params: []builtin.Param{builtin.Need("text", builtin.Text), builtin.Opt("urlsafe", builtin.Bool, "False"), builtin.Opt("binary", builtin.Bool, "False")},
		Returns: builtin.Text, Help: `Decodes base64, with or without padding and newlines, and returns a string, or bytes with binary=True.

Text that is not base64, or whose content is not UTF-8 if binary=False, raises an Error, which try_ catches.`,
		Call: decode,
	}},
}

// arguments returns the text and the alphabet that both functions take first, and sets the variables for the others.
func arguments(c *builtin.Call, further ...any) (text string, encoding *base64.Encoding, err error) {
	var arg starlark.Value
	var urlsafe bool
	if err := c.Unpack(append([]any{&arg, &urlsafe}, further...)...); err != nil {
		return "", nil, err
	}
	encoding = base64.StdEncoding
	if urlsafe {
		encoding = base64.URLEncoding
	}
	text, err = c.Data(c.Decl.Params[0].Name, arg)
	return text, encoding, err
}

func encode(c *builtin.Call) (starlark.Value, error) {
	data, encoding, err := arguments(c)
	if err != nil {
		return nil, err
	}
	return starlark.String(encoding.EncodeToString([]byte(data))), nil
}

func decode(c *builtin.Call) (starlark.Value, error) {
	var binary bool
	text, encoding, err := arguments(c, &binary)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(strings.TrimRight(text, "\r\n"), "=") {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	data, err := encoding.DecodeString(text)
	switch {
	case err != nil:
		return nil, c.BadData("%v", err)
	case binary:
		return starlark.Bytes(data), nil
	case !utf8.Valid(data):
		return nil, c.BadData("what the text stands for is not UTF-8: base64.decode(text, binary=True) gives bytes")
	}
	return starlark.String(data), nil
}
