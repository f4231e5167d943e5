package host

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
	"unicode/utf8"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

var hashDecl = builtin.Decl{
	Name:    "hash",
	Params:  []builtin.Param{builtin.Need("x", builtin.Text)},
	Returns: builtin.Int, Help: `Digests of a string or bytes, in hexadecimal: hash.sha256(read_file("image.tar", binary=True))

Called itself it is Starlark's own: an int that equal strings share.`,
	Call: func(c *builtin.Call) (starlark.Value, error) {
		return starlark.Universe["hash"].(*starlark.Builtin).CallInternal(c.Thread, c.Args, c.Kwargs)
	},
	Members: []builtin.Decl{
		{Name: "hash.md5", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `The MD5 digest: not against anybody who cheats.`, Call: digest(md5.New)},
		{Name: "hash.sha1", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `The SHA-1 digest: not against anybody who cheats.`, Call: digest(sha1.New)},
		{Name: "hash.sha256", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `The SHA-256 digest, which fingerprints of Incus are.`, Call: digest(sha256.New)},
		{Name: "hash.sha512", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `The SHA-512 digest.`, Call: digest(sha512.New)},
	},
}

var base64Decl = builtin.Decl{
	Name: "base64",
	Help: `Bytes as text of letters and digits, and back.`,
	Members: []builtin.Decl{{
		Name: "base64.encode", Params: []builtin.Param{builtin.Need("data", builtin.Text), builtin.Opt("urlsafe", builtin.Bool, "False")},
		Returns: builtin.String, Help: `A string or bytes as base64, padded; with urlsafe=True of - and _ where others have + and /.`,
		Call: base64Encode,
	}, {
		Name: "base64.decode", Params: []builtin.Param{builtin.Need("text", builtin.Text), builtin.Opt("urlsafe", builtin.Bool, "False"), builtin.Opt("binary", builtin.Bool, "False")},
		Returns: builtin.Text, Help: `The string that a base64 text stands for, with binary=True bytes. The text may be padded or not, and have newlines.

A text that is no base64, or without binary=True doesn't stand for UTF-8, is an Error, which try_ holds.`,
		Call: base64Decode,
	}},
}

func digest(make func() hash.Hash) func(*builtin.Call) (starlark.Value, error) {
	return func(c *builtin.Call) (starlark.Value, error) {
		var arg starlark.Value
		if err := c.Unpack(&arg); err != nil {
			return nil, err
		}
		data, err := c.Data("data", arg)
		if err != nil {
			return nil, err
		}
		h := make()
		h.Write([]byte(data))
		return starlark.String(hex.EncodeToString(h.Sum(nil))), nil
	}
}

func base64Encode(c *builtin.Call) (starlark.Value, error) {
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

func base64Decode(c *builtin.Call) (starlark.Value, error) {
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
