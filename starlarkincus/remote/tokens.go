package remote

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/owner"
)

// Tokens are the tokens of a login by OpenID Connect.
type Tokens struct {
	Access  string    `json:"access_token"`
	Type    string    `json:"token_type"`
	Refresh string    `json:"refresh_token"`
	Expiry  time.Time `json:"expiry"`
	ID      string    `json:"IDToken"`
}

// A TokenFile is the file in which the incus command keeps the tokens of a remote.
type TokenFile struct {
	config *Config
	path   string
}

// Read returns the saved tokens; the zero value for none.
func (f *TokenFile) Read(ctx context.Context) (Tokens, error) {
	tokens, _, err := f.read(ctx)
	return tokens, err
}

// read returns the tokens, and all fields of the file.
func (f *TokenFile) read(ctx context.Context) (tokens Tokens, fields map[string]json.RawMessage, err error) {
	content, err := read(ctx, f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Tokens{}, map[string]json.RawMessage{}, nil
	case err != nil:
		return Tokens{}, nil, unreadable(ctx, f.path, err)
	}
	f.config.env.warn(owner.Key(f.path, f.config.env.UID))
	if err = json.Unmarshal(content, &fields); err == nil {
		err = json.Unmarshal(content, &tokens)
	}
	if err != nil || fields == nil {
		return Tokens{}, nil, failure(nil, "%s holds no tokens of the incus command; without the file, a new login makes one", f.path)
	}
	return tokens, fields, nil
}

// Change replaces the tokens by those that change returns, and saves them, unless another program has replaced them
// since they were read: then it returns these. Only one program at a time changes tokens, because a provider may accept
// each token for a refresh only once.
func (f *TokenFile) Change(ctx context.Context, since Tokens, change func(Tokens) (Tokens, error)) (Tokens, error) {
	unlock, err := f.config.lock(ctx)
	if err != nil {
		return Tokens{}, err
	}
	defer unlock()
	now, fields, err := f.read(ctx)
	if err != nil {
		return Tokens{}, err
	}
	if now.Access != since.Access && now.Access != "" {
		return now, nil
	}
	if now, err = change(now); err != nil {
		return Tokens{}, err
	}
	own, err := json.Marshal(now)
	if err != nil {
		return Tokens{}, err
	}
	var changed map[string]json.RawMessage
	if err := json.Unmarshal(own, &changed); err != nil {
		return Tokens{}, err
	}
	maps.Copy(fields, changed)
	content, err := json.Marshal(fields)
	if err != nil {
		return Tokens{}, err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return Tokens{}, cannotWrite(filepath.Dir(f.path), err)
	}
	if err := atomicfile.Write(f.path, content, atomicfile.Mode{Perm: 0o600, Exact: true}); err != nil {
		return Tokens{}, cannotWrite(f.path, err)
	}
	return now, nil
}
