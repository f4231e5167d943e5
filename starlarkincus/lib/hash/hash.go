// Package hash is the library of digests.
package hash

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// Decl is the library.
var Decl = builtin.Decl{
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
