package reference

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"
)

var (
	helpNamed  = regexp.MustCompile(`help\("([^"]+)"\)`)
	unquoted   = regexp.MustCompile(`help\(([a-z_.A-Z]+)\)`)
	fieldLines = regexp.MustCompile(`(?m)^(Fields|Fields of the result|Members):\n`)
)

// TestHelpLeadsOn follows every help("…") in all help texts. It exists, and has the fields that were promised.
func TestHelpLeadsOn(t *testing.T) {
	followed := 0
	for _, name := range append(testReference().helpNames(), kindNames()...) {
		text := helpOf(t, name)
		for _, found := range slices.Concat(helpNamed.FindAllStringSubmatch(text, -1), unquoted.FindAllStringSubmatch(text, -1)) {
			if found[1] == "x" || found[1] == name {
				continue
			}
			followed++
			there := helpOf(t, found[1])
			at := strings.Index(text, found[0])
			sentence, _, _ := strings.Cut(strings.Join(strings.Fields(text[at:]), " "), ". ")
			if strings.Contains(sentence, "fields") && !fieldLines.MatchString(there) {
				t.Errorf("%s: %s has no fields: %s", name, found[0], there)
			}
			if strings.Contains(sentence, "and methods") && !strings.Contains(there, "Methods") {
				t.Errorf("%s: %s has no methods: %s", name, found[0], there)
			}
		}
	}
	if t.Log(followed); followed < 300 {
		t.Error("too few")
	}
}

// TestHelpNamesResults checks that the help of each method whose result has fields names the help of the result, which has them.
func TestHelpNamesResults(t *testing.T) {
	looked := 0
	look := func(name string, m *spec.Method) {
		text := helpOf(t, name)
		for _, r := range []spec.Returns{m.Returns, m.ReturnsNow()} {
			if r.Of == nil || !hasFields(r.Of) {
				continue
			}
			looked++
			there := slices.ContainsFunc(helpNamed.FindAllStringSubmatch(text, -1), func(found []string) bool {
				help := helpOf(t, found[1])
				return !slices.ContainsFunc(spec.With(r.Of.Fields, spec.Read|spec.Derived), func(f spec.Field) bool { return !strings.Contains(help, "  "+f.Script()+" ") })
			})
			if !there {
				t.Errorf("%s: names no help with the fields of %s", name, r.Of.Kind)
			}
		}
	}
	for _, s := range sites() {
		for _, m := range s.CollectionMethods() {
			if s.Name != "" && s.Lists != spec.Single {
				look(s.collections()[0]+"."+m.Name, &m)
			}
		}
		for _, m := range s.ObjectMethods() {
			look(s.Singular()+"."+m.Name, &m)
		}
	}
	for i := range spec.ClientMethods {
		look("incus."+spec.ClientMethods[i].Name, &spec.ClientMethods[i])
	}
	if t.Log(looked); looked < 200 {
		t.Error("too few")
	}
}

// kindNames returns the names of the kinds of objects and structs.
func kindNames() []string {
	var names []string
	for _, s := range sites() {
		names = append(names, s.Kind)
	}
	for kind := range spec.Structs() {
		names = append(names, kind)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestHelpOfKinds checks that each name that the prompt prints for the kind of a value has help: those of objects, and those of
// structs, of which the sources have the names.
func TestHelpOfKinds(t *testing.T) {
	constructor := regexp.MustCompile(`FromStringDict\(starlark\.String\("(\w+)"\)`)
	typed := regexp.MustCompile(`\) Type\(\) string +\{ return "(\w+(?:\.\w+)?)" \}`)
	names := append(kindNames(), "struct", "string", "bytes", "list", "dict", "set", "tuple", "int", "float", "bool", "range")
	inner := []string{"builtin_function_or_method", "size", "duration", "method", "collection", "lines", "error_class"} // nobody sees these as the name of a value
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/check/") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range slices.Concat(constructor.FindAllSubmatch(source, -1), typed.FindAllSubmatch(source, -1)) {
			if name := string(found[1]); !slices.Contains(inner, name) {
				names = append(names, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range names {
		if text := helpOf(t, name); strings.TrimSpace(text) == name {
			t.Errorf("the help of %s says nothing", name)
		}
	}
	if t.Log(names); len(names) < 60 {
		t.Error("too few")
	}
}

// TestHelpOfTimes checks that the help of each time that a server sends says that it is a string, and each time that a method takes that
// it may be one.
func TestHelpOfTimes(t *testing.T) {
	count := 0
	for _, s := range sites() {
		for _, f := range s.told() {
			if f.Type == spec.Time {
				count++
				if text := helpOf(t, s.Singular()+"."+f.Script()); !strings.Contains(text, "  time (str)  ") {
					t.Errorf("%s.%s: %s", s.Kind, f.Name, text)
				}
			}
		}
		for _, m := range slices.Concat(s.CollectionMethods(), s.ObjectMethods()) {
			for _, f := range m.Arguments() {
				if f.Type == spec.Time {
					count++
					b := testReference().text()
					if b.method("x."+m.Name, &m); !regexp.MustCompile(`(?m)^  ` + f.Script() + ` +str or time `).MatchString(b.String()) {
						t.Errorf("%s.%s: %s", s.Kind, m.Name, f.Name)
					}
				}
			}
		}
	}
	if t.Log(count); count < 40 {
		t.Error("too few")
	}
	if !strings.Contains(helpOf(t, "time"), "are strings in RFC 3339") {
		t.Error("the help of time doesn't tell the type of the server's times")
	}
}

// TestHelpOfFileTypes checks that the help about files has the values of the field type as they are.
func TestHelpOfFileTypes(t *testing.T) {
	for _, name := range []string{"fs.list", "fs.stat", "files.list", "files.stat", "FileInfo"} {
		for _, value := range spec.Find(spec.Structs()["FileInfo"].Fields, "type").Values {
			if text := helpOf(t, name); !strings.Contains(text, `"`+value+`"`) {
				t.Errorf("%s: no %q in %s", name, value, text)
			}
		}
	}
}
