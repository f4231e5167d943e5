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

	"go.starlark.net/starlark"
)

func init() {
	register([]definition{{
		name:   "hash",
		params: "x",
		help: `Digests of a string or bytes, in hexadecimal: hash.sha256(read_file("image.tar", binary=True))

Called itself it is Starlark's own: an int that equal strings share.`,
		call: func(c *call) (starlark.Value, error) {
			return starlark.Universe["hash"].(*starlark.Builtin).CallInternal(c.thread, c.args, c.kwargs)
		},
		members: []definition{
			{name: "md5", params: "data", help: `The MD5 digest: not against anybody who cheats.`, call: digest(md5.New)},
			{name: "sha1", params: "data", help: `The SHA-1 digest: not against anybody who cheats.`, call: digest(sha1.New)},
			{name: "sha256", params: "data", help: `The SHA-256 digest, which fingerprints of Incus are.`, call: digest(sha256.New)},
			{name: "sha512", params: "data", help: `The SHA-512 digest.`, call: digest(sha512.New)},
		},
	}, {
		name: "base64",
		help: `Bytes as text of letters and digits, and back.`,
		members: []definition{{
			name: "encode", params: "data, urlsafe=False",
			help: `A string or bytes as base64, padded; with urlsafe=True of - and _ where others have + and /.`,
			call: base64Encode,
		}, {
			name: "decode", params: "text, urlsafe=False, binary=False",
			help: `The string that a base64 text stands for, with binary=True bytes. The text may be padded or not, and have newlines.

A text that is no base64, or without binary=True doesn't stand for UTF-8, is an Error, which try_ holds.`,
			call: base64Decode,
		}},
	}})
}

func digest(make func() hash.Hash) func(*call) (starlark.Value, error) {
	return func(c *call) (starlark.Value, error) {
		var arg starlark.Value
		if err := c.unpack("data", &arg); err != nil {
			return nil, err
		}
		data, err := c.data("data", arg)
		if err != nil {
			return nil, err
		}
		h := make()
		h.Write([]byte(data))
		return starlark.String(hex.EncodeToString(h.Sum(nil))), nil
	}
}

func base64Encode(c *call) (starlark.Value, error) {
	var arg starlark.Value
	var urlsafe bool
	if err := c.unpack("data", &arg, "urlsafe?", &urlsafe); err != nil {
		return nil, err
	}
	data, err := c.data("data", arg)
	if err != nil {
		return nil, err
	}
	encoding := base64.StdEncoding
	if urlsafe {
		encoding = base64.URLEncoding
	}
	return starlark.String(encoding.EncodeToString([]byte(data))), nil
}

func base64Decode(c *call) (starlark.Value, error) {
	var arg starlark.Value
	var urlsafe, binary bool
	if err := c.unpack("text", &arg, "urlsafe?", &urlsafe, "binary?", &binary); err != nil {
		return nil, err
	}
	text, err := c.data("text", arg)
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
		return nil, c.badData("%v", err)
	case binary:
		return starlark.Bytes(data), nil
	case !utf8.Valid(data):
		return nil, c.badData("what the text stands for is not UTF-8: base64.decode(text, binary=True) gives bytes")
	}
	return starlark.String(data), nil
}
