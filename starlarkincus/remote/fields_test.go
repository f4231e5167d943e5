package remote

import (
	"slices"
	"strings"
	"testing"
)

// A setting is a field of the incus command's configuration.
type setting struct {
	key    string // in config.yml, with REMOTE for a remote's name; else the file's path
	lines  string // the lines of Incus whose command has it
	yaml   string // a configuration with it
	has    func(*Target) bool
	reason string // why it has no effect here
}

// settings are all fields of the command's configuration on both lines, and the files beside it.
var settings = []setting{
	{key: "default-remote", lines: "6.0 7.0", yaml: "default-remote: r\nremotes: {r: {addr: 'https://a:1', public: true}}", has: func(t *Target) bool { return t.Name == "r" }},
	{key: "aliases", lines: "6.0 7.0", reason: "commands of the incus command"},
	{key: "defaults.list_format", lines: "7.0", reason: "the command's own output"},
	{key: "defaults.console_type", lines: "7.0", reason: "programs that the command starts"},
	{key: "defaults.console_spice_command", lines: "7.0", reason: "programs that the command starts"},
	{key: "defaults.no_color", lines: "7.0", reason: "the command's own output; NO_COLOR is for all programs"},
	{key: "remotes.REMOTE.addr", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a:1', public: true"), has: func(t *Target) bool { return slices.Equal(t.Endpoints, []string{"https://a:1"}) }},
	{key: "remotes.REMOTE.addr, several", lines: "7.0", yaml: remoteOf("addr: 'https://a:1, https://b:1', public: true"), has: func(t *Target) bool { return slices.Equal(t.Endpoints, []string{"https://a:1", "https://b:1"}) }},
	{key: "remotes.REMOTE.addr, a socket", lines: "6.0 7.0", yaml: remoteOf("addr: 'unix:///s'"), has: func(t *Target) bool { return t.Socket == "/s" }},
	{key: "remotes.REMOTE.last_working_address", lines: "7.0", yaml: remoteOf("addr: 'https://a:1,https://b:1', last_working_address: 'https://b:1', public: true"), has: func(t *Target) bool { return t.Endpoints[0] == "https://b:1" }},
	{key: "remotes.REMOTE.auth_type", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a:1', auth_type: tls"), has: func(t *Target) bool { return t.Certificate != nil }},
	{key: "remotes.REMOTE.keepalive", lines: "6.0 7.0", reason: "keeps a connection for the next commands; a script keeps its own, and the proxy answers /1.0 from memory"},
	{key: "remotes.REMOTE.project", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a:1', project: web"), has: func(t *Target) bool { return t.Project == "web" }},
	{key: "remotes.REMOTE.protocol", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a', protocol: simplestreams"), has: func(t *Target) bool { return t.Protocol == SimpleStreams && t.Certificate == nil }},
	{key: "remotes.REMOTE.protocol, oci", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a', protocol: oci"), has: func(t *Target) bool { return t.Protocol == OCI && t.Certificate == nil }},
	{key: "remotes.REMOTE.credentials_helper", lines: "7.0", yaml: remoteOf("addr: 'https://a', protocol: oci, credentials_helper: help"), has: func(t *Target) bool { return t.CredentialsHelper == "help" }},
	{key: "remotes.REMOTE.public", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a', public: true"), has: func(t *Target) bool { return t.Public && t.Certificate == nil }},
	{key: "client.crt", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a'"), has: func(t *Target) bool { return t.Certificate.Leaf.Subject.CommonName == "shared" }},
	{key: "client.key", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a'"), has: func(t *Target) bool { return t.Certificate.PrivateKey != nil }},
	{key: "client.ca", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a'"), has: func(t *Target) bool { return t.CA != nil }},
	{key: "clientcerts/REMOTE.crt", lines: "6.0 7.0", yaml: ownOf, has: func(t *Target) bool { return t.Certificate.Leaf.Subject.CommonName == "own" }},
	{key: "clientcerts/REMOTE.key", lines: "6.0 7.0", yaml: ownOf, has: func(t *Target) bool { return t.Certificate.PrivateKey != nil }},
	{key: "clientcerts/REMOTE.ca", lines: "6.0 7.0", yaml: ownOf, has: func(t *Target) bool { return t.CA != nil }},
	{key: "servercerts/REMOTE.crt", lines: "6.0 7.0", yaml: ownOf, has: func(t *Target) bool { return t.ServerCertificate != nil }},
	{key: "remotes.REMOTE.auth_type, oidc", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a:1', auth_type: oidc"), has: func(t *Target) bool { return t.Tokens != nil && t.Certificate == nil }},
	{key: "oidctokens/REMOTE.json", lines: "6.0 7.0", yaml: remoteOf("addr: 'https://a:1', auth_type: oidc"), has: func(t *Target) bool { return strings.HasSuffix(t.Tokens.path, "/oidctokens/r.json") }},
	{key: "jars/REMOTE", lines: "6.0 7.0", reason: "cookies of an authentication that neither line has any more; moved and removed with the remote"},
	{key: "keepalive/REMOTE.socket", lines: "6.0 7.0", reason: "as remotes.REMOTE.keepalive"},
}

const ownOf = "default-remote: own\nremotes: {own: {addr: 'https://a:1'}}"

func remoteOf(fields string) string { return "default-remote: r\nremotes: {r: {" + fields + "}}" }

// TestSettings checks that each setting has an effect, or a reason to have none, and that a change of another remote keeps
// it in config.yml.
func TestSettings(t *testing.T) {
	shared, own := newPair(t, "shared", tomorrow()), newPair(t, "own", tomorrow())
	for _, s := range settings {
		t.Run(s.key, func(t *testing.T) {
			if s.lines == "" || (s.has == nil) != (s.reason != "") {
				t.Fatal("it needs lines, and either an effect or a reason")
			}
			w := newWorld(t)
			for name, p := range map[string]pair{"client": shared, "clientcerts/own": own} {
				w.write("config/incus/"+name+".crt", p.crt)
				w.write("config/incus/"+name+".key", p.key)
				w.write("config/incus/"+name+".ca", p.crt)
			}
			w.write("config/incus/servercerts/own.crt", own.crt)
			if s.has != nil {
				w.write("config/incus/config.yml", s.yaml)
				if target := w.resolve(""); !s.has(target) {
					t.Errorf("no effect: %+v", target)
				}
				return
			}
			key, isKey := strings.CutPrefix(s.key, "remotes.REMOTE.")
			if strings.Contains(s.key, "/") {
				return
			}
			text := strings.Replace(s.key, ".", ": {", 1) + ": 3" + strings.Repeat("}", strings.Count(s.key, ".")) + "\n"
			if isKey {
				text = "remotes: {r: {addr: 'https://a:1', " + key + ": 3}}\n"
			}
			w.write("config/incus/config.yml", text)
			if _, err := w.load().Add(t.Context(), "new", server.Normal(), nil); err != nil {
				t.Fatal(err)
			}
			if files := w.files(); !strings.Contains(files, s.key[strings.LastIndexByte(s.key, '.')+1:]+": 3") {
				t.Errorf("lost: %s", files)
			}
		})
	}
}
