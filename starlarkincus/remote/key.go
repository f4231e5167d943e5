package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"incus-star/errors"
)

// The environment variables with the passphrase of encrypted keys, and with the command that prints it.
const (
	passphraseVariable = "INCUS_STAR_PASSPHRASE"
	commandVariable    = "INCUS_STAR_PASSPHRASE_COMMAND"
)

// A Keyring keeps decrypted keys, so that a passphrase is asked for only once. The zero value asks nobody.
type Keyring struct {
	// Ask returns a secret that the user types after a prompt; nil if there is nobody to ask.
	Ask func(ctx context.Context, prompt string) (string, error)
	// Tell receives what the command for a passphrase writes to standard error; if it is nil, the error of a command that fails
	// has that.
	Tell func(text string)

	once  sync.Once
	turn  chan struct{} // holds a value while somebody is asked
	mu    sync.Mutex
	known map[[sha256.Size]byte][]byte // decrypted keys as PEM, by the encrypted file's content
}

// attempts is the number of times that the user may type a passphrase.
const attempts = 3

// decrypted returns the key of a file as PEM. It returns the content of a file that isn't encrypted.
func (e Environment) decrypted(ctx context.Context, path string, content []byte) ([]byte, error) {
	open := opener(path, content)
	if open == nil {
		return content, checkKey(path, content)
	}
	switch key, err := open(""); {
	case err == nil:
		return key, nil // of OpenSSH, and not encrypted
	case errors.Is(err, errDamaged):
		return nil, failure(nil, "%s holds no usable private key: it is damaged, or of a kind that isn't for TLS", path)
	case errors.Is(err, errors.Config):
		return nil, err
	}
	keys := e.Keys
	if keys == nil {
		keys = new(Keyring)
	}
	return keys.decrypted(ctx, e, path, content, open)
}

func (k *Keyring) decrypted(ctx context.Context, e Environment, path string, content []byte, open func(string) ([]byte, error)) ([]byte, error) {
	k.once.Do(func() { k.turn, k.known = make(chan struct{}, 1), make(map[[sha256.Size]byte][]byte) })
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-k.turn }()
	sum := sha256.Sum256(content)
	k.mu.Lock()
	key := k.known[sum]
	k.mu.Unlock()
	if key != nil {
		return key, nil
	}
	key, err := e.unlock(ctx, path, k, open)
	if err == nil {
		k.mu.Lock()
		k.known[sum] = key
		k.mu.Unlock()
	}
	return key, err
}

// unlock decrypts a key with the passphrase of the environment, or of the user.
func (e Environment) unlock(ctx context.Context, path string, k *Keyring, open func(string) ([]byte, error)) ([]byte, error) {
	given := func(source, passphrase string) ([]byte, error) {
		key, err := open(passphrase)
		switch {
		case errors.Is(err, errors.Config):
			return nil, err
		case err != nil:
			return nil, failure(nil, "the key %s can't be decrypted with the passphrase of %s", path, source)
		}
		return key, nil
	}
	if command := e.Getenv(commandVariable); command != "" {
		passphrase, err := printed(ctx, command, path, k.Tell)
		if err != nil {
			return nil, err
		}
		return given(commandVariable, passphrase)
	}
	if passphrase := e.Getenv(passphraseVariable); passphrase != "" {
		return given(passphraseVariable, passphrase)
	}
	var failed error = errors.Plain("nobody can be asked here")
	for range attempts {
		if k.Ask == nil {
			break
		}
		passphrase, err := k.Ask(ctx, "Passphrase of "+path+": ")
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			failed = err
			break
		}
		switch key, err := open(passphrase); {
		case err == nil:
			return key, nil
		case errors.Is(err, errors.Config):
			return nil, err
		}
		failed = errors.Plain("the passphrase is wrong")
	}
	return nil, failure(failed, "the key %s is encrypted, and needs its passphrase: at a terminal, or of the environment variable %s or of the command in %s", path, passphraseVariable, commandVariable)
}

// opener returns a function that decrypts the key in a file with a passphrase; nil if it isn't encrypted in a form that is
// known, which are those of the incus command. The function's error is of the class Config if no passphrase opens the key.
func opener(path string, content []byte) func(passphrase string) ([]byte, error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "OPENSSH PRIVATE KEY":
			return func(passphrase string) ([]byte, error) { return openSSH(path, content, passphrase) }
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && block.Headers["DEK-Info"] != "":
			return func(passphrase string) ([]byte, error) {
				//lint:ignore SA1019 the incus command reads such keys, whose encryption has no authentication
				der, err := x509.DecryptPEMBlock(block, []byte(passphrase))
				if err != nil {
					return nil, notDecrypted(path, err)
				}
				key := pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der})
				return key, parses(der) // a wrong passphrase may pass for a right one
			}
		}
	}
	return nil
}

// notDecrypted returns the error of a failed decryption, of the class Config if no passphrase opens the key: its encryption is
// unknown, or it is damaged.
func notDecrypted(path string, err error) error {
	if errors.Is(err, x509.IncorrectPasswordError) {
		return err
	}
	reason := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "x509: "), "ssh: ")
	return failure(errors.Plain(reason), "the key %s can't be decrypted, whatever the passphrase", path)
}

var errDamaged = errors.Plain("the key is damaged")

// openSSH returns a key in OpenSSH's format as PEM.
func openSSH(path string, content []byte, passphrase string) ([]byte, error) {
	key, err := ssh.ParseRawPrivateKey(content)
	if locked := new(ssh.PassphraseMissingError); errors.As(err, &locked) {
		if passphrase == "" {
			return nil, err // without the slow attempt
		}
		if key, err = ssh.ParseRawPrivateKeyWithPassphrase(content, []byte(passphrase)); err != nil {
			return nil, notDecrypted(path, err)
		}
	}
	if pointer, ok := key.(*ed25519.PrivateKey); ok {
		key = *pointer
	}
	der, failed := x509.MarshalPKCS8PrivateKey(key)
	if err != nil || failed != nil {
		return nil, errDamaged
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// parses returns an error if there is no key in der.
func parses(der []byte) error {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return nil
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return nil
	}
	_, err := x509.ParsePKCS1PrivateKey(der)
	return err
}
