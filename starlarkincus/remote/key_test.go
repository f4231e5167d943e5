package remote

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"incus-star/errors"
)

// lockedByOpenSSH is a key that ssh-keygen encrypted with "pass phrase", with a single round, which is fast.
const lockedByOpenSSH = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBIpo29qA
+KW8gE999ZGAsCAAAAAQAAAAEAAABoAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlz
dHAyNTYAAABBBNXnCN+PzOoGpQfqG0c3mx0amunjzMHi6nGGAAovonGCrroMBt1HLDaKP1
annmc0fHI7s5MwvEJHjLwq1+ankF4AAACgo/ZfL40J4zwGlKQDcHaNnwcsPdf5NyZYlG9e
ooHYdYFHR+vu75BqEmgoWHGT+YgiWpLahuFQor1ovXH66uLvRolfO5bsSz2IGrODKMacAB
2FzDhJvFiDFTMW8Ub+SrO6kQGN6n7UD82zRcmwIwtVJNGsjW9DSfw0H9usN5zaa9viVTil
hgl7NzM0e4Gkq0PyjmQH0ETsSu4Hr/GA78GSaw==
-----END OPENSSH PRIVATE KEY-----
`

// locked returns a certificate and its key, encrypted in each form of the incus command.
func locked(t *testing.T) (pair, map[string]string) {
	t.Helper()
	key, err := ssh.ParseRawPrivateKeyWithPassphrase([]byte(lockedByOpenSSH), []byte("pass phrase"))
	if err != nil {
		t.Fatal(err)
	}
	mine := pairOf(t, key.(*ecdsa.PrivateKey), "mine", tomorrow())
	plain, _ := pem.Decode([]byte(mine.key))
	//lint:ignore SA1019 the incus command reads such keys
	old, err := x509.EncryptPEMBlock(rand.Reader, plain.Type, plain.Bytes, []byte("pass phrase"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	return mine, map[string]string{"PEM": string(pem.EncodeToMemory(old)), "OpenSSH": lockedByOpenSSH}
}

// TestEncryptedKeys checks each form of an encrypted key with each source of its passphrase.
func TestEncryptedKeys(t *testing.T) {
	mine, forms := locked(t)
	for form, key := range forms {
		for name, test := range map[string]struct {
			vars  map[string]string
			typed []string // nil for nobody to ask
			asked int
			parts []string // nil for success
		}{
			"variable":         {vars: map[string]string{passphraseVariable: "pass phrase"}},
			"command":          {vars: map[string]string{commandVariable: `test "$INCUS_STAR_KEY" = "ROOT/c.key" && printf 'pass phrase\nrest\n'`, passphraseVariable: "ignored"}},
			"user":             {typed: []string{"pass phrase"}, asked: 1},
			"user, second try": {typed: []string{"wrong1", "pass phrase"}, asked: 2},
			"wrong variable":   {vars: map[string]string{passphraseVariable: "wrong1"}, parts: []string{"the key ROOT/c.key can't be decrypted with the passphrase of INCUS_STAR_PASSPHRASE"}},
			"wrong command":    {vars: map[string]string{commandVariable: "echo wrong1"}, parts: []string{"can't be decrypted with the passphrase of INCUS_STAR_PASSPHRASE_COMMAND"}},
			"failed command":   {vars: map[string]string{commandVariable: "exit 3"}, parts: []string{"the command of INCUS_STAR_PASSPHRASE_COMMAND failed: exit status 3"}},
			"wrong user":       {typed: []string{"wrong1", "", "wrong2", "pass phrase"}, asked: 3, parts: []string{"the passphrase is wrong"}},
			"gave up":          {typed: []string{}, asked: 1, parts: []string{"the key ROOT/c.key is encrypted, and needs its passphrase", "INCUS_STAR_PASSPHRASE or", "nothing typed"}},
			"nobody":           {parts: []string{"nobody can be asked here"}},
		} {
			t.Run(form+" "+name, func(t *testing.T) {
				w := newWorld(t)
				crt, file := w.write("c.crt", mine.crt), w.write("c.key", key)
				env := w.env()
				for variable, value := range test.vars {
					w.vars[variable] = w.expand(value)
				}
				asked := 0
				if test.typed != nil {
					env.Keys = &Keyring{Ask: func(_ context.Context, prompt string) (string, error) {
						if prompt != w.expand("Passphrase of ROOT/c.key: ") {
							t.Errorf("asked %q", prompt)
						}
						if asked++; asked > len(test.typed) {
							return "", errors.Plain("nothing typed")
						}
						return test.typed[asked-1], nil
					}}
				}
				certificate, err := env.LoadCertificate(t.Context(), crt, file)
				if asked != test.asked {
					t.Errorf("asked %d times, want %d", asked, test.asked)
				}
				if test.parts == nil {
					if err != nil || !certificate.Leaf.Equal(mine.parsed) {
						t.Fatal(err)
					}
					if _, err := env.LoadCertificate(t.Context(), crt, file); err != nil || asked != test.asked {
						t.Errorf("again: %v, asked %d times", err, asked)
					}
					return
				}
				w.check(err, test.parts...)
				if strings.Contains(err.Error(), "wrong1") {
					t.Errorf("the error has a passphrase: %v", err)
				}
			})
		}
	}
}

// TestUndecryptableKeys checks that the file is at fault if no passphrase opens its key, whatever the source of the passphrase. The user
// is asked once at most.
func TestUndecryptableKeys(t *testing.T) {
	mine, forms := locked(t)
	bad := make(map[string]string)
	for name, info := range map[string]string{"unknown cipher": "AES-999-CBC,00000000000000000000000000000000", "no IV": "AES-256-CBC", "short IV": "AES-256-CBC,00", "IV of no digits": "AES-256-CBC,zz"} {
		block, _ := pem.Decode([]byte(forms["PEM"]))
		block.Headers["DEK-Info"] = info
		bad[name] = string(pem.EncodeToMemory(block))
	}
	for name, length := range map[string]int{"cut": 17, "empty": 0} {
		block, _ := pem.Decode([]byte(forms["PEM"]))
		block.Bytes = block.Bytes[:length]
		bad[name] = string(pem.EncodeToMemory(block))
	}
	for old, replaced := range map[string]string{"aes256-ctr": "aes999-ctr", "bcrypt": "scrypt", "\x00\x00\x00\x01\x00\x00\x00\x01": "\x7f\x00\x00\x01\x00\x00\x00\x01"} { // the last: the rounds
		block, _ := pem.Decode([]byte(forms["OpenSSH"]))
		block.Bytes = []byte(strings.Replace(string(block.Bytes), old, replaced, 1))
		bad["OpenSSH "+replaced] = string(pem.EncodeToMemory(block))
	}
	for name, key := range bad {
		w := newWorld(t)
		crt, file := w.write("c.crt", mine.crt), w.write("c.key", key)
		for source, set := range map[string]func(*Environment){
			"variable": func(*Environment) { w.vars[passphraseVariable] = "pass phrase" },
			"command":  func(*Environment) { w.vars[commandVariable] = "echo pass phrase" },
			"user": func(e *Environment) {
				asked := 0
				e.Keys = &Keyring{Ask: func(context.Context, string) (string, error) {
					if asked++; asked > 1 {
						t.Errorf("%s: asked again", name)
					}
					return "pass phrase", nil
				}}
			},
		} {
			env := w.env()
			clear(w.vars)
			set(&env)
			_, err := env.LoadCertificate(t.Context(), crt, file)
			t.Log(name, source, err)
			w.check(err, "the key ROOT/c.key can't be decrypted, whatever the passphrase: ")
		}
	}
}

// TestOpenSSHKey checks that a key in OpenSSH's format that isn't encrypted needs no passphrase.
func TestOpenSSHKey(t *testing.T) {
	mine := newPair(t, "mine", tomorrow())
	first, _ := pem.Decode([]byte(mine.key))
	key, err := x509.ParsePKCS8PrivateKey(first.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	if _, err := w.env().LoadCertificate(t.Context(), w.write("c.crt", mine.crt), w.write("c.key", string(pem.EncodeToMemory(plain)))); err != nil {
		t.Error(err)
	}
}

// TestOneKeyIsAskedForOnce checks that remotes that are resolved at once ask once for a key that they share, and that a
// cancelled one doesn't wait for the user.
func TestOneKeyIsAskedForOnce(t *testing.T) {
	mine, forms := locked(t)
	w := newWorld(t)
	w.write("config/incus/client.crt", mine.crt)
	w.write("config/incus/client.key", forms["PEM"])
	w.write("config/incus/config.yml", "remotes:\n  a: {addr: 'https://a:1'}\n  b: {addr: 'https://b:1'}\n")
	env := w.env()
	asking, answer := make(chan struct{}), make(chan string)
	env.Keys = &Keyring{Ask: func(context.Context, string) (string, error) {
		asking <- struct{}{} // blocks if asked twice
		return <-answer, nil
	}}
	c, err := Load(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, name := range slices.Repeat([]string{"a", "b"}, 4) {
		wg.Go(func() {
			if target, err := c.Resolve(t.Context(), name); err != nil || target.Certificate == nil {
				t.Error(err)
			}
		})
	}
	<-asking
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.Plain("enough")
	cancel(reason)
	if _, err := c.Resolve(ctx, "a"); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
	answer <- "pass phrase"
	wg.Wait()
}
