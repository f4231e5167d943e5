package starlarkincus_test

import (
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/lib/table"
	"incus-star/starlarkincus/reference"
	"incus-star/starlarkincus/show"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

var suggestion = regexp.MustCompile(`did you mean \.?(\w+)\?`)

// TestSuggestionsOfColumns selects the name of each method and collection of an object as a column, with and without a
// slip of the pen. Only fields are suggested.
func TestSuggestionsOfColumns(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	text := table.Decl.Member("text").Function()
	tried, suggested := 0, 0
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		a.reset()
		o := w.object(client, p).(starlark.HasAttrs)
		for _, name := range o.AttrNames() {
			v, _ := o.Attr(name)
			field := spec.Find(p.Fields, name) != nil
			if _, callable := v.(starlark.Callable); !callable || field {
				continue
			}
			for _, column := range []string{name, name + "s", name[1:]} {
				tried++
				_, err := starlark.Call(new(starlark.Thread), text, starlark.Tuple{starlark.NewList([]starlark.Value{o}), starlark.NewList([]starlark.Value{starlark.String(column)})}, nil)
				if err == nil {
					continue // another field
				}
				if found := suggestion.FindStringSubmatch(err.Error()); found != nil {
					suggested++
					if slices.Contains(show.ColumnNames(o), found[1]) {
						continue
					}
					if v, err := o.Attr(found[1]); err != nil || isCallable(v) {
						t.Errorf("%s: %v", p.Kind, found[0])
					}
				}
			}
		}
	}
	if tried < 500 {
		t.Error("too few")
	}
	t.Logf("%d columns, %d suggestions", tried, suggested)
}

// TestColumnsOfTables asks for every column of the table of each kind by its name, with and without a slip of the pen.
func TestColumnsOfTables(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	text := table.Decl.Member("text").Function()
	tried, own := 0, 0
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		a.reset()
		o := w.object(client, p)
		ask := func(name string) error {
			_, err := starlark.Call(new(starlark.Thread), text, starlark.Tuple{starlark.NewList([]starlark.Value{o}), starlark.NewList([]starlark.Value{starlark.String(name)})}, nil)
			return err
		}
		for _, c := range p.Columns {
			tried++
			f := spec.Find(p.Fields, c.Field)
			if spec.Find(p.Fields, c.Name()) == nil {
				own++
			}
			if err := ask(c.Name()); err != nil && !(f != nil && f.Use&spec.Derived != 0 && strings.Contains(err.Error(), c.Name()+" was not read: list(state=True) reads it")) {
				t.Errorf("%s: %s: %v", p.Kind, c.Name(), err)
			}
			if err := ask("zzqqqzzqqq" + c.Name() + "zzqqqzzqqq"); err == nil || !strings.Contains(err.Error(), ": there are ") || !strings.Contains(err.Error(), c.Name()) {
				t.Errorf("%s: a name like %s: %v", p.Kind, c.Name(), err)
			}
		}
	}
	if t.Logf("%d columns, %d that are no fields", tried, own); tried < 100 || own < 10 {
		t.Error("too few")
	}
}

func isCallable(v starlark.Value) bool { _, ok := v.(starlark.Callable); return ok }

// TestSuggestionsOfCollections asks for each collection by the last word of its name.
func TestSuggestionsOfCollections(t *testing.T) {
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	words := make(map[string]string)
	for _, r := range spec.Collections {
		if i := strings.LastIndex(r.Name, "_"); i >= 0 {
			words[r.Name[i+1:]] = r.Name
		}
	}
	for word, name := range words {
		if _, err := client.Attr(word); err == nil || !strings.Contains(err.Error(), "did you mean ."+name+"?") {
			t.Errorf("incus.%s: %v", word, err)
		}
	}
	if len(words) < 5 {
		t.Error("too few")
	}
}

// TestSuggestionsOfRemotes checks that the remotes, which have other methods than servers' collections, lead from those to their own.
func TestSuggestionsOfRemotes(t *testing.T) {
	u := newUser(t)
	for wrong, want := range map[string]string{"get": "list", "ensure": "add", "create": "add", "delete": "remove", "exist": "exists", "name": "names"} {
		want := "remotes has no ." + wrong + " (did you mean ." + want + "?)"
		if _, err := u.run("incus.remotes.%s", wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestSuggestionsOnlyRead misspells every attribute that only reads by leaving out one letter, and asks for the participle of
// every method that changes the server, such as enabled. No such method is suggested.
func TestSuggestionsOnlyRead(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	owners := []starlark.HasAttrs{client}
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		a.reset()
		owners = append(owners, w.object(client, p).(starlark.HasAttrs), w.collection(client, p).(starlark.HasAttrs))
	}
	tried := 0
	for _, owner := range owners {
		changes := func(name string) bool {
			v, _ := owner.Attr(name)
			m, ok := v.(*starlarkincus.Method)
			return ok && m.Declaration().Effect != spec.Reads
		}
		for _, name := range owner.AttrNames() {
			slips := []string{name + "d", name + "ed"}
			if !changes(name) {
				slips = nil
				for i := range len(name) {
					slips = append(slips, name[:i]+name[i+1:])
				}
			}
			for _, misspelt := range slips {
				_, err := owner.Attr(misspelt)
				if err == nil {
					continue
				}
				tried++
				if found := suggestion.FindStringSubmatch(err.Error()); found != nil && changes(found[1]) {
					t.Errorf("%v", err)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d", tried)
	}
	t.Logf("%d names", tried)
}

// TestHelpThatCollectionsShow looks for the help that the text of every collection names, and for the calls in it.
func TestHelpThatCollectionsShow(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	help := regexp.MustCompile(`help\((.*)\)`)
	call := regexp.MustCompile(`(?m)^ *(\S*)\.(\w+)\(`)
	r := reference.New(host.Declarations(), starlarkincus.BareMethods())
	looked := 0
	for _, p := range spec.Sites() {
		if p.Name == "" {
			continue
		}
		looked++
		text := show.Text(w.collection(client, p), show.Style{})
		found := help.FindStringSubmatch(text)
		if found == nil {
			t.Errorf("%s: no help in %s", p.Name, text)
			continue
		}
		name, err := strconv.Unquote(found[1])
		if quoted := err == nil; quoted == strings.HasPrefix(found[1], "incus.") {
			t.Errorf("%s: %s", p.Name, found[0])
		} else if !quoted {
			name = found[1]
		}
		if err := r.HelpName(io.Discard, name); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		for _, c := range call.FindAllStringSubmatch(text, -1) {
			if c[1] != "" && !strings.HasPrefix(c[1], "incus") {
				t.Errorf("%s: %s", p.Name, c[0])
			}
		}
	}
	if t.Log(looked); looked < 20 {
		t.Error("too few")
	}
}

// TestUnknownSize shows an object whose size the server doesn't know.
func TestUnknownSize(t *testing.T) {
	a := newAnswers()
	a.override = map[string]any{"size": -1}
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	looked := 0
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText || spec.Find(p.Fields, "size") == nil {
			continue
		}
		looked++
		v := w.object(client, p)
		if text := show.Text(v, show.Style{Width: 80}); regexp.MustCompile(`(?m)^ *size `).MatchString(text) {
			t.Errorf("%s: %s", p.Name, text)
		}
	}
	if t.Log(looked); looked < 2 {
		t.Error("too few")
	}
}

// TestColumnsBelowFields asks for a value in every field that is a dict of values, and for one that isn't there.
func TestColumnsBelowFields(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	text := table.Decl.Member("text").Function()
	looked := 0
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		for i := range p.Fields {
			f := &p.Fields[i]
			if own := p.Kind == "Operation" || p.Kind == "Server"; own || f.Use&spec.Read == 0 || f.Type != spec.Object || f.Use&spec.Derived != 0 { // own: the test server gives these its own values
				continue
			}
			a.reset()
			w.set(func(a *answers) { a.override = map[string]any{f.Name: map[string]any{"a": map[string]any{"b.c": 7}}} })
			o := w.object(client, p)
			ask := func(below string) (string, error) {
				columns := starlark.NewList([]starlark.Value{starlark.String(f.Script() + below)})
				kwargs := []starlark.Tuple{{starlark.String("format"), starlark.String("csv")}}
				v, err := starlark.Call(new(starlark.Thread), text, starlark.Tuple{starlark.NewList([]starlark.Value{o}), columns}, kwargs)
				got, _ := starlark.AsString(v)
				return got, err
			}
			looked++
			if got, err := ask(".a.b.c"); err != nil || got != f.Script()+".a.b.c\n7\n" {
				t.Errorf("%s: %s: %q, %v", p.Kind, f.Name, got, err)
			}
			if got, err := ask(".a.x"); err == nil || !strings.Contains(err.Error(), "no row has "+f.Script()+".a.x") {
				t.Errorf("%s: %s: %q, %v", p.Kind, f.Name, got, err)
			}
		}
	}
	if t.Log(looked); looked < 2 {
		t.Error("too few")
	}
}

// TestColumnsHaveTheName checks that the columns off a terminal have the name of each object that has one.
func TestColumnsHaveTheName(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText || spec.Find(p.Fields, "name") == nil {
			continue
		}
		a.reset()
		columns := w.object(client, p).(*starlarkincus.Object).Columns()
		if !slices.Contains(columns, "name") || len(slices.Compact(slices.Sorted(slices.Values(columns)))) != len(columns) {
			t.Errorf("%s: %v", p.Kind, columns)
		}
	}
}

// TestColumnsOfKeys asks for a configuration key of every kind that has some, by the name that a filter gives it.
func TestColumnsOfKeys(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	text := table.Decl.Member("text").Function()
	looked, devices := 0, 0
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		a.reset()
		w.set(func(a *answers) {
			a.override = map[string]any{"devices": map[string]any{"eth0": map[string]any{"limits.ingress": "7"}}}
		})
		for i := range p.Fields {
			f := &p.Fields[i]
			column, want := f.Script()+".user.a", "1"
			switch {
			case f.Use&spec.Read == 0 || f.Type != spec.Config && f.Type != spec.Devices:
				continue
			case f.Name == "devices":
				column, want = "devices.eth0.limits.ingress", "7"
				devices++
			case f.Type == spec.Devices:
				continue
			}
			looked++
			rows := starlark.NewList([]starlark.Value{w.object(client, p)})
			columns := starlark.NewList([]starlark.Value{starlark.String(column), starlark.String(column + "x")})
			kwargs := []starlark.Tuple{{starlark.String("format"), starlark.String("csv")}}
			v, err := starlark.Call(new(starlark.Thread), text, starlark.Tuple{rows, columns}, kwargs)
			if got, _ := starlark.AsString(v); err != nil || got != column+","+column+"x\n"+want+",\n" {
				t.Errorf("%s: %q, %v", p.Kind, got, err)
			}
			if _, err := starlark.Call(new(starlark.Thread), text, starlark.Tuple{rows, starlark.NewList([]starlark.Value{starlark.String(f.Script() + "x.a")})}, nil); err == nil {
				t.Errorf("%s: %sx.a is a column", p.Kind, f.Script())
			}
		}
	}
	if t.Log(looked, devices); looked < 15 || devices < 2 {
		t.Error("too few")
	}
}

// TestWildcards lists with a name that would need wildcards.
func TestWildcards(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	for name, refused := range map[string]bool{"web*": true, "web?": true, "[ab]": true, "web": false, "web-1": false} {
		conditions := starlark.NewDict(1)
		_ = conditions.SetKey(starlark.String("name"), starlark.String(name))
		list := w.attr(w.attr(w.client(), "instances"), "list")
		_, err := starlark.Call(new(starlark.Thread), list, nil, []starlark.Tuple{{starlark.String("filter"), conditions}})
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "has wildcards") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
