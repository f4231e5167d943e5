package secret

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "Password": true, "DB_PASSWORD": true, "environment.DB_PASSWORD": true, "core.trust_password": true, "passwd": true,
		"secret": true, "secrets": true, "oidc.client.secret": true, "clientSecret": true, "X-Incus-Secret": true, "secret_key": true, "secret-key": true,
		"token": true, "trust_token": true, "openfga.api.token": true, "accessToken": true, "cluster_token": true, "fds": true,
		"access_key": true, "access-key": true, "api_key": true, "API_KEY": true, "apikey": true, "private_key": true, "ssh-key": true,
		"cluster_certificate_key": true, "loki.auth.password": true, "logging.x.target.password": true, "acme.provider.environment": true,
		"bgp.peers.x.password": true, "powerflex.user.password": true, "Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Set-Cookie": true,

		"": false, "name": false, "key": false, "Key": false, "keys": false, "key_id": false, "key-name": false, "public_key": false, "ssh_public_key": false, "keyboard": false, "monkey": false,
		"config_key": false, "core.remote_token_expiry": false, "user.vendor-data": false, "cloud-init.user-data": false, "token_type": false, "fingerprint": false,
		"acme.ca_url": false, "acme.email": false, "oidc.client.id": false, "auth": false, "certificate": false, "secretary": false, "credentials_helper": false,
		"limits.memory": false, "volatile.uuid": false, "password_required": false, "project": false, "recursion": false,
	} {
		if got := Key(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"Instance not found":                  "Instance not found",
		"Invalid token: bad format":           "Invalid token: bad format",
		"https://u:p@h:8443/x?a=b":            "https://[redacted]@h:8443/x?a=b",
		"https://u:a/b@h:1":                   "https://u:[redacted]@h:1",
		"https://h:1/x@y":                     "https://h:1/x@y",
		"https://h/x?secret=abc&a=b":          "https://h/x?secret=[redacted]&a=b",
		`bad {"password": "abc", "a": "b"}`:   `bad {"password": "[redacted]", "a": "b"}`,
		`"{\"password\":\"abc\",\"a\":\"b\"}`: `"{\"password\":\"[redacted]\",\"a\":\"b\"}`,
		`f(password = "a\"b", x = "y")`:       `f(password = "[redacted]", x = "y")`,
		`f(password='abc', x='y')`:            `f(password='[redacted]', x='y')`,
		`{'api_key': 'abc'}`:                  `{'api_key': '[redacted]'}`,
		"FOO=bar DB_PASSWORD=abc":             "FOO=bar DB_PASSWORD=[redacted]",
		"Authorization: Bearer abcdefgh.ij":   "Authorization: Bearer [redacted]",
		"a -----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY----- b": "a -----BEGIN EC PRIVATE KEY-----[redacted]-----END EC PRIVATE KEY----- b",
		"-----BEGIN PRIVATE KEY-----\nabc":                                      "-----BEGIN PRIVATE KEY-----[redacted]",
		"secret=[redacted]":                                                     "secret=[redacted]",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := Mask(text); len([]rune(got)) != len([]rune(text)) {
			t.Errorf("%q has another length: %q", text, got)
		}
	}
}

func TestHideAndRemove(t *testing.T) {
	var v any
	body := `{"name":"x","password":"hunter22","n":{"secrets":{"control":"c0ntrol"}},"l":[{"token":12345},{"url":"https://u:pa55@h"}],
		"env":"A=b\nAPI_KEY=k3y\n","has_secret":true,"secret":null,"api_key":"abc","key":"user.backup",
		"Key":"-----BEGIN PRIVATE KEY-----\npemkey\n-----END PRIVATE KEY-----"}`
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	values := Values(nil, v)
	text := `no "hunter22", c0ntrol, u:pa55, "k3y" or "abc": hunter%2222 abcd x`
	if got, want := Remove(text, values), `no "[redacted]", [redacted], [redacted], "[redacted]" or "[redacted]": hunter%2222 abcd x`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	out, _ := json.Marshal(Hide(v))
	for _, secret := range []string{"hunter22", "c0ntrol", "12345", "pa55", "k3y", "abc", "pemkey"} {
		if strings.Contains(string(out), secret) {
			t.Errorf("%s stands in %s", secret, out)
		}
	}
	for _, due := range []string{`"name":"x"`, `"has_secret":true`, `"secret":null`, `@h`, `A=b`, `"key":"user.backup"`} {
		if !strings.Contains(string(out), due) {
			t.Errorf("%s is missing in %s", due, out)
		}
	}
	if got := Remove(`a "b\"c" %22`, []string{`b"c`}); got != `a "[redacted]" %22` {
		t.Error(got)
	}
}

func TestMask(t *testing.T) {
	for line, want := range map[string]string{
		`f("GET", "/x?secret=abc&a=b")`:                      `f("GET", "/x?secret=***&a=b")`,
		`f(body={"secrets": ["a1", "b2"], "x": "y"})`:        `f(body={"secrets": ["**", "**"], "x": "y"})`,
		`f(body={'fds': {"0": "a1", "c": x}, "x": "y"})`:     `f(body={'fds': {"*": "**", "*": x}, "x": "y"})`,
		`f(password="abc" + "d'e" % x, y="z")`:               `f(password="***" + "***" % x, y="z")`,
		`token = incus.request("GET", "/1.0")`:               `token = incus.request("GET", "/1.0")`,
		`f({"api_key": "abc"}, key="b", "x") # secret = "a"`: `f({"api_key": "***"}, key="b", "x") # secret = "*"`,
		`p = "a" if password == "abc" else "d"`:              `p = "a" if password == "***" else "*"`,
		`f("--password=a b", '''token=x''', "unfinished`:     `f("--password=* b", '''token=*''', "unfinished`,
		`"\`: `"\`,
	} {
		if got := Mask(line); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", line, got, want)
		}
	}
}
