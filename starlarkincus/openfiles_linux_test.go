package starlarkincus_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestOpenFilesAreNotReplaced gives each method with the path of a local file one that leads to an open file, as /dev/stdout
// does. The file stays, and so does its content.
func TestOpenFilesAreNotReplaced(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	const content = "a line\n"
	name := w.file + ".log"
	log, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.WriteString(content); err != nil {
		t.Fatal(err)
	}
	before, err := log.Stat()
	if err != nil {
		t.Fatal(err)
	}
	link := w.file + ".link"
	if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", log.Fd()), link); err != nil {
		t.Fatal(err)
	}
	refused := map[string]bool{}
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		for _, f := range m.Arguments() {
			if f.Type != spec.LocalPath && f.Type != spec.LocalInput {
				continue
			}
			for _, path := range []string{fmt.Sprintf("/dev/fd/%d", log.Fd()), link} {
				a.reset()
				args := w.required(who, m)
				args[f.Script()] = starlark.String(path)
				thread := new(starlark.Thread)
				builtin.Bind(thread, builtin.Binding{Context: t.Context()})
				_, err := starlark.Call(thread, w.attr(owner, m.Name), nil, kwargs(args))
				if err != nil && strings.Contains(err.Error(), path+": is no regular file") {
					refused[who] = true
				}
				if data, err := os.ReadFile(name); err != nil || string(data) != content {
					t.Fatalf("%s(%s=%q): the file has %q, %v", who, f.Script(), path, data, err)
				}
				after, err := os.Stat(name)
				if err != nil || !os.SameFile(before, after) {
					t.Fatalf("%s(%s=%q): the file was replaced: %v", who, f.Script(), path, err)
				}
				if _, err := os.Readlink(link); err != nil {
					t.Fatalf("%s(%s=%q): the link was replaced: %v", who, f.Script(), path, err)
				}
			}
		}
	})
	for _, who := range []string{"instance.exec", "instance.export", "instance.files.pull", "image.export", "volume.export", "volume.files.pull", "bucket.export"} {
		if !refused[who] {
			t.Errorf("%s isn't refused: %v", who, refused)
		}
	}
}
