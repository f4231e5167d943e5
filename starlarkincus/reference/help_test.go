package reference

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// testReference is a reference of all names of scripts.
var testReference = sync.OnceValue(func() *Reference { return New(host.Declarations(), starlarkincus.BareMethods()) })

// An object has help if it has these methods.
var _ incusObject = (*starlarkincus.Object)(nil)

func helpOf(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	if err := testReference().HelpName(&b, name); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHelpOfMethod(t *testing.T) {
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	v, err := client.Attr("projects")
	if err != nil {
		t.Fatal(err)
	}
	v, err = v.(starlark.HasAttrs).Attr("delete")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	testReference().Help(&b, v)
	const want = `projects.delete(name, force=, wait=, timeout=)

Deletes a project.

With force=True, also deletes its instances, images, profiles, networks, network
acls, network zones, volumes and buckets.

Arguments:
  name     str      the name of the project; required
  force    bool     True also deletes everything in the project; default: a
                    project that isn't empty is an error; requires the API
                    extension projects_force_delete
  wait     bool     False returns an Operation at once instead of waiting for
                    its end
  timeout  seconds  the longest wait, after which the call fails with
                    IncusOperationTimeoutError; 10 seconds more for a server
                    that has not answered the request: IncusTimeoutError;
                    default: no limit

REST: GET /1.0, once, to check for an argument's API extension
      DELETE /1.0/projects/{name}
      GET /1.0/operations/{operation}/wait, if the server continues in the
          background

The server may work in the background. The call waits for the end of the
operation unless wait=False.

help("operation") lists the fields of what wait=False returns.
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	for _, name := range []string{"projects.delete", "incus.projects.delete"} {
		if got := helpOf(t, name); got != want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func TestHelpOfRequests(t *testing.T) {
	for name, want := range map[string]string{
		"instances.list":      "REST: GET /1.0/instances?recursion=1\n",
		"instances.get":       "REST: GET /1.0/instances/{name}\n",
		"instances.launch":    "      POST /1.0/instances with start=true\n",
		"instance.stop":       "REST: PUT /1.0/instances/{name}/state with action=stop\n",
		"instance.update":     "REST: GET /1.0/instances/{name}\n      PUT /1.0/instances/{name}, with If-Match; repeated from the GET if the\n          object was changed meanwhile\n",
		"instance.state":      "REST: GET /1.0/instances/{name}/state\n",
		"snapshots.create":    "REST: POST /1.0/instances/{name}/snapshots\n",
		"snapshot.delete":     "REST: DELETE /1.0/instances/{name}/snapshots/{snapshot}\n",
		"operation.wait":      "REST: GET /1.0/operations/{id}/wait\n",
		"incus.connect":       "REST: none\n",
		"incus.has_extension": "REST: GET /1.0, once\n",
		"Snapshot":            "REST: /1.0/instances/{name}/snapshots/{snapshot}\n",
		"instance.snapshots":  "REST: /1.0/instances/{name}/snapshots\n",
		"server":              "Fields of the result:\n",
		"InstanceState":       "REST: /1.0/instances/{name}/state\n",
		"IncusNotFoundError":  "A class of errors under IncusAPIError",
		"try_":                "try_(fn, *args, **kwargs)\n",
		"incus":               "Collections:\n  instances",
		"string.split":        "string.split(sep=None, maxsplit=-1)\n",
	} {
		if got := helpOf(t, name); !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", name, want, got)
		}
	}
}

// Every name has help that fits the screen, and every method's help has its requests.
func TestHelpOfAllNames(t *testing.T) {
	for _, name := range testReference().helpNames() {
		got := helpOf(t, name)
		for line := range strings.Lines(got) {
			if utf8.RuneCountInString(line) > helpWidth+1 && !strings.HasPrefix(line, " ") && testReference().lookup(name) == nil {
				t.Errorf("%s: too wide: %s", name, line)
			}
		}
	}
	for _, s := range sites() {
		for _, way := range s.collections() {
			for _, m := range s.CollectionMethods() {
				if m.HTTP != "" && len(requests(way+"."+m.Name, &m)) == 0 {
					t.Errorf("%s.%s: no request", way, m.Name)
				}
			}
		}
		for _, m := range s.ObjectMethods() {
			if m.HTTP != "" && len(requests(s.Singular()+"."+m.Name, &m)) == 0 {
				t.Errorf("%s.%s: no request", s.Singular(), m.Name)
			}
		}
	}
	for typ := spec.Any; typ <= spec.FileMode; typ++ {
		if shortTypes[typ] == "" {
			t.Errorf("no short name for %v", typ)
		}
	}
}

// TestHelpTellsWhatGoesToo checks that the help of a method names the kinds of objects that it deletes besides its own.
func TestHelpTellsWhatGoesToo(t *testing.T) {
	told := 0
	for _, p := range sites() {
		for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
			b := testReference().text()
			b.method("x."+m.Name, &m)
			help := strings.Join(strings.Fields(b.String()), " ")
			if strings.Contains(help, "lso deletes its") != (m.Takes != nil) {
				t.Errorf("%s.%s: %s", p.Name, m.Name, help)
			}
			for _, r := range m.Takes {
				told++
				if !regexp.MustCompile(`lso deletes its [a-zA-Z, ]*\b` + strings.ReplaceAll(r.Name, "_", " ") + `\b`).MatchString(help) {
					t.Errorf("%s.%s: no %s in %s", p.Name, m.Name, r.Name, help)
				}
			}
			if m.TakesWith != "" && (spec.Find(m.Arguments(), m.TakesWith) == nil || !strings.Contains(help, "With "+m.TakesWith+"=True, also")) {
				t.Errorf("%s.%s: %s", p.Name, m.Name, help)
			}
		}
	}
	if told < 20 {
		t.Errorf("only %d kinds", told)
	}
}

func TestHelpOfUnknownName(t *testing.T) {
	if err := testReference().HelpName(nil, "instanec.exec"); err == nil || err.Error() != "there is no help for instanec.exec (did you mean instance.exec?)" {
		t.Errorf("got %v", err)
	}
}

// TestTellOfWords: for any word, the name of a method included, Tell finds something or returns an error, which never
// suggests a truth value.
// TestHelpInAnyCase asks for each name that has capitals, such as Fleet.map, without them.
func TestHelpInAnyCase(t *testing.T) {
	asked := 0
	for _, name := range testReference().names() {
		if lower := strings.ToLower(name); lower != name && testReference().lookup(lower) == nil {
			asked++
			if got := helpOf(t, lower); got != helpOf(t, name) {
				t.Errorf("%s: %s", lower, got)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d names", asked)
	}
}

func TestTellOfWords(t *testing.T) {
	words := []string{"move", "nope", "non", "tru", "flase", "qqqq"}
	for i, name := range testReference().helpNames() {
		_, last, _ := strings.Cut(name, ".")
		words = append(words, last)
		if i%5 == 0 { // each looks at all names
			words = append(words, name+"x")
		}
	}
	slices.Sort(words)
	for _, word := range slices.Compact(words) {
		var b bytes.Buffer
		err := testReference().Tell(&b, word)
		if (err == nil) == (b.Len() == 0) {
			t.Errorf("%s: %v, and wrote %q", word, err, b.String())
		}
		if err != nil && regexp.MustCompile(`did you mean (None|True|False)`).MatchString(err.Error()) {
			t.Errorf("%s: %v", word, err)
		}
	}
	var b bytes.Buffer
	if err := testReference().Tell(&b, "move"); err != nil || !strings.Contains(b.String(), "instance.move ") {
		t.Errorf("move: %v, %s", err, b.String())
	}
}

// TestOverviewHasAllNames checks that the overview lists all names of scripts.
func TestOverviewHasAllNames(t *testing.T) {
	client := starlarkincus.New(starlarkincus.Options{})
	t.Cleanup(client.Close)
	var b bytes.Buffer
	testReference().Overview(&b)
	for _, name := range host.New(host.Options{Predeclared: client.Names()}).NewSession().Names() {
		if name != "incus" && !regexp.MustCompile(`(?m)(^|\s)`+name+`(\s|$)`).MatchString(b.String()) {
			t.Errorf("no %s", name)
		}
	}
}

// TestHelpOfStarlarksOwn checks that the names of Starlark, and no others, are declared by package builtin.
func TestHelpOfStarlarksOwn(t *testing.T) {
	for _, name := range host.New(host.Options{}).NewSession().Names() {
		if starlark.Universe[name] == nil {
			continue // the host's own
		}
		if builtin.Native(name) == nil {
			t.Errorf("no help for %s", name)
		}
	}
	methods := make(map[string]bool)
	for _, v := range []starlark.HasAttrs{starlark.String(""), starlark.Bytes(""), new(starlark.List), new(starlark.Dict), new(starlark.Set)} {
		for _, name := range v.AttrNames() {
			methods[v.Type()+"."+name] = true
			if builtin.Native(v.Type()+"."+name) == nil {
				t.Errorf("no help for %s.%s", v.Type(), name)
			}
		}
	}
	for _, name := range builtin.NativeNames() {
		if !methods[name] && !starlark.Universe.Has(name) {
			t.Errorf("Starlark has no %s", name)
		}
	}
}

func TestHelpOfValues(t *testing.T) {
	client := starlarkincus.New(starlarkincus.Options{})
	t.Cleanup(client.Close)
	s := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}}).NewSession()
	_, err := s.Eval(t.Context(), `
def f(a, b=2, *rest, k, d=[1], **kw):
    """Does it.

    And more:
        deep
    """
def g(*, a): pass
h = lambda x: x
Quota = error_class("Quota", base=IncusLimitError)
join = ",".join
encode = json.encode
d = {}
instances = incus.instances
`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"f":             "f(a, b=2, *rest, k, d=[1], **kw)\n\nDoes it.\n\nAnd more:\n    deep\n\nDefined at <prompt:1>:2:1.\n",
		"g":             "g(*, a)\n",
		"h":             "lambda(x)\n",
		"Quota":         "Quota(message, **fields)\n\nA class of errors of the script's own under IncusLimitError.\n",
		"join":          "string.join(x)\n",
		"encode":        "json.encode(",
		"json":          "Members:\n  json.decode ",
		"hash":          "hash.sha256 ",
		"d":             "a value of type dict\n",
		"len":           "len(x)\n",
		"sleep":         "sleep(seconds)\n",
		"IncusTLSError": "IncusTLSError(message, **fields)\n",
		"incus":         "Functions:\n  connect",
		"None":          "a value of type NoneType\n",
		"instances":     "instances (a collection)\n",
	} {
		var b bytes.Buffer
		testReference().Help(&b, s.Get(name))
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: no %q in\n%s", name, want, b.String())
		}
	}
	var b bytes.Buffer
	testReference().Overview(&b)
	for _, want := range []string{"incus.instances ", "incus.connect ", "try_ ", "IncusTLSError", "enumerate"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

// The help of each method has its requests of the table. A test of package starlarkincus compares these with those
// sent.
func TestHelpTellsAllRequests(t *testing.T) {
	count := 0
	tells := func(who string, sends []spec.Request) {
		count++
		help := strings.Join(strings.Fields(helpOf(t, who)), " ")
		if due := strings.Join(strings.Fields(strings.Join(requestLines(sends), " ")), " "); !strings.Contains(help, due) {
			t.Errorf("the help of %s doesn't have %s", who, due)
		}
	}
	for _, s := range sites() {
		for _, m := range s.CollectionMethods() {
			if s.Name != "" { // a value returned by a method has no collection
				tells(s.collections()[0]+"."+m.Name, s.Sends(&m))
			}
		}
		for _, m := range s.ObjectMethods() {
			tells(s.Singular()+"."+m.Name, s.Sends(&m))
		}
	}
	for i := range spec.ClientMethods {
		m := &spec.ClientMethods[i]
		tells("incus."+m.Name, clientRequests(m))
	}
	if count < 250 {
		t.Errorf("only %d methods", count)
	}
}

// TestHelpOfOne checks the name that the help of every collection gives for the help of its objects.
func TestHelpOfOne(t *testing.T) {
	named := regexp.MustCompile(`help\("([^"]*)"\) lists the\s+(?:fields|methods)`)
	looked := 0
	for _, s := range sites() {
		if s.Name == "" || s.Lists == spec.Single {
			continue
		}
		text := helpOf(t, s.collections()[0])
		found := named.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		looked++
		if help := helpOf(t, found[1]); !strings.HasPrefix(help, s.Kind+" (an object") && !strings.Contains(help, " (an object of the collection "+s.Name+")") {
			t.Errorf("%s: help(%q) is %.40q", s.Name, found[1], help)
		}
	}
	if t.Log(looked); looked < 20 {
		t.Error("too few")
	}
}
