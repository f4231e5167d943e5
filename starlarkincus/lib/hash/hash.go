// Package hash is the library hash, which computes digests.
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
	Params:  []builtin.Param{builtin.Pos("x", builtin.Text)},
	Returns: builtin.Int, Help: `Computes digests of a string or bytes, in hexadecimal: hash.sha256(read_file("image.tar", binary=True))

hash(x) is Starlark's own function, which returns an int that is the same for equal strings.`,
	Call: func(c *builtin.Call) (starlark.Value, error) {
		return starlark.Universe["hash"].(*starlark.Builtin).CallInternal(c.Thread, c.Args, c.Kwargs)
	},
	Members: []builtin.Decl{
		{Name: "hash.md5", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `Returns the MD5 digest, in hexadecimal. MD5 is not secure against forgery.`, Call: digest(md5.New)},
		{Name: "hash.sha1", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `Returns the SHA-1 digest, in hexadecimal. SHA-1 is not secure against forgery.`, Call: digest(sha1.New)},
		{Name: "hash.sha256", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `Returns the SHA-256 digest, in hexadecimal, as in fingerprints of Incus.`, Call: digest(sha256.New)},
		{Name: "hash.sha512", Params: []builtin.Param{builtin.Need("data", builtin.Text)}, Returns: builtin.String, Help: `Returns the SHA-512 digest, in hexadecimal.`, Call: digest(sha512.New)},
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
