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

func encode(c *builtin.Call) (starlark.Value, error) {
	var arg starlark.Value
	var urlsafe bool
	if err := c.Unpack(&arg, &urlsafe); err != nil {
		return nil, err
	}
	data, err := c.Data("data", arg)
	if err != nil {
		return nil, err
	}
	encoding := base64.StdEncoding
	if urlsafe {
		encoding = base64.URLEncoding
	}
	return starlark.String(encoding.EncodeToString([]byte(data))), nil
}

func decode(c *builtin.Call) (starlark.Value, error) {
	var arg starlark.Value
	var urlsafe, binary bool
	if err := c.Unpack(&arg, &urlsafe, &binary); err != nil {
		return nil, err
	}
	text, err := c.Data("text", arg)
	if err != nil {
		return nil, err
	}
	encoding := base64.StdEncoding
	if urlsafe {
		encoding = base64.URLEncoding
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
