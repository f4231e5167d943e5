package starlarkincus_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// badArguments are the arguments of exec, shell, console, run, and the methods of a Command that can't be right, each with
// a part of the error. An argument of several calls has the same values in all.
var badArguments = map[string][]struct{ code, want string }{
	"command": {{"[]", "the list is empty"}, {`[""]`, "is empty"}, {`["", "a"]`, "is empty"}, {`["a\0b"]`, "zero byte"}, {`["a", "\0"]`, "command[1]: the string has a zero byte"},
		{`"ls -l"`, "got string"}, {`["a", 1]`, "command[1]: got int"}, {`[None]`, "command[0]: got NoneType"}},
	"environment": {{`{"": "x"}`, "a name isn't empty"}, {`{"A=B": "x"}`, "has no ="}, {`{"=": None}`, "has no ="}, {`{"A": "\0"}`, "zero byte"}, {`{"\0": 1}`, "zero byte"}, {`["A=b"]`, "got list"}, {`{"A": []}`, "got list"}},
	"cwd":         {{`"/a\0b"`, ""}, {"5", "int"}},
	"user":        {{"-1", "-1 is no id"}, {"1 << 31", "no id"}, {"1 << 32", "no id"}, {"1 << 64", "64 bits"}, {`"root"`, "got string"}},
	"stdin": {{"5", "int"}, {"True", "bool"}, {`{"a": 1}`, "got dict"}, {`set(["a"])`, "got set"}, {"range(3)", "got range"}, {`"x".elems()`, "got string.elems"}, {"struct(a = 1)", "got struct"},
		{"inst", "got Instance"}, {"handle", "got Command"}, {"handle.lines()", "which have no newlines"}, {"incus", "got incus"}, {`["a", 1]`, "[1]: got int"}, {`("a", inst)`, "[1]: got Instance"}, {"[None]", "[0]: got NoneType"},
		{"inst.export_stream", "call it: export_stream()"}},
	"path": {{"5", "int"}, {"inst", "got Instance"}, {"handle", "got Command"}, {`{"a": 1}`, "got dict"}, {"handle.lines()", "which have no newlines"}, {`[b"a", 1]`, "[1]: got int"},
		{"inst.export_stream", "call it: export_stream()"}, {`["zstd", "-dc"]`, `run_stream(["zstd", …])`}, {`("a",)`, "run_stream"}},
	"stdout_file": {{`"\0"`, ""}, {`"/nonesuch/x"`, "the folder /nonesuch doesn't exist"}, {`""`, ""}, {"1", "got int"}, {`"/dev/null"`, "no regular file"}, {`"/nonesuch/x", stream = print`, "exclude each other"}},
	"stdin_file":  {{`"/"`, "is a directory"}, {`"\0"`, ""}, {`"/nonesuch"`, "no such file"}, {`""`, ""}, {"1", "got int"}},
	"stream":      {{`"x"`, "function"}, {"5", "function"}},
	"tty":         {{"1", "got int"}},
	"width":       {{"-3", "-3 is no size"}, {"0", "0 is no size"}, {"65536", "65536 is no size"}, {`"80"`, "got string"}},
	"encoding":    {{`"latin-1"`, "utf-8"}, {`""`, "utf-8"}, {"1", "int"}},
	"check":       {{"1", "int"}},
	"wait":        {{"1", "got int"}},
	"timeout":     {{"-1", "negative"}, {`"5s"`, "string"}, {`float("nan")`, ""}},
	"reads":       {{"1", "got int"}},
	"force":       {{"1", "got int"}},
	"data":        {{"5", "got int"}, {"[]", "got list"}},
	"signal":      {{"0", "no signal"}, {"-9", "no signal"}, {"65", "no signal"}, {"1 << 64", ""}, {`"TREM"`, "did you mean TERM"}, {`""`, "unknown signal"}, {"True", "want a name"}},
}

// sameArguments maps arguments to those with the same values.
var sameArguments = map[string]string{"env": "environment", "group": "user", "height": "width"}

// moreBad are values that one call refuses and another takes, by the call's and the argument's names.
var moreBad = map[string][]struct{ code, want string }{
	"inst.exec.cwd":         {{`"tmp"`, "is not an absolute path"}, {`""`, "is not an absolute path"}, {`"./x"`, "is not an absolute path"}},
	"inst.shell.cwd":        {{`"tmp"`, "is not an absolute path"}, {`""`, "is not an absolute path"}},
	"run.cwd":               {{`""`, "want a folder's path"}},
	"inst.exec.stdout_file": {{`"x", wait = False`, "doesn't go with wait=False"}},
	"inst.exec.wait":        {{"False, stream = print", "stream= doesn't go with wait=False"}, {"False, stdin = lambda: None", "a Command has write()"}},
	"inst.exec.stdin":       {{`"", stdin_file = "x"`, "exclude each other"}},
	"inst.exec.env":         {{"{}, environment = {}", "the same"}},
	"inst.exec.width":       {{"80, height = 25", "only with tty=True"}, {"80, tty = True", "go together"}},
	"handle.lines.stream":   {{`"stdin"`, "is not one of stdout, stderr"}, {"1", "got int"}},
	"inst.exec.height":      {{"80, tty = True", "go together"}},
}

// TestExecArguments checks that a bad value of any argument is an error before anything is sent, or run.
func TestExecArguments(t *testing.T) {
	calls := map[string][]spec.Field{}
	for _, m := range spec.Instances.Methods {
		if slices.Contains([]spec.Behavior{spec.DoExec, spec.DoShell, spec.DoConsole}, m.Does) {
			calls["inst."+m.Name] = m.Args
		}
	}
	if len(calls) != 3 {
		t.Fatalf("the table has %d of the methods", len(calls))
	}
	for _, m := range spec.Commands.Methods {
		calls["handle."+m.Name] = m.Args
	}
	for _, name := range []string{"command", "stdin", "env", "cwd", "check", "timeout", "encoding", "stream"} {
		calls["run"] = append(calls["run"], spec.Field{Name: name})
	}
	for _, call := range []string{"incus.instances.import_backup", "incus.images.upload", "volumes.import_backup", "volumes.import_iso"} {
		calls[call] = []spec.Field{{Name: "path"}}
	}
	var script strings.Builder
	script.WriteString("inst = incus.instances.get('abc123')\nvolumes = incus.storage_pools.get('default').volumes\nhandle = inst.exec(['x'], wait = False)\ncatch(Error, handle.wait)\nserver.sent()\n" +
		"def case(call, want, fn):\n    r = catch(Error, fn)\n    if r.ok or want not in r.error.message: print(call, 'returned' if r.ok else 'raised', r.value if r.ok else r.error.message)\n")
	for call, fields := range calls {
		for _, f := range fields {
			cases := slices.Clone(moreBad[call+"."+f.Name])
			if call != "handle.lines" {
				cases = append(cases, badArguments[cmp.Or(sameArguments[f.Name], f.Name)]...)
			}
			if len(cases) == 0 {
				t.Errorf("%s has an argument %s without bad values", call, f.Name)
			}
			for _, c := range cases {
				given := f.Name + " = " + c.code
				if f.Name != "command" && (call == "inst.exec" || call == "run") {
					given = `["touch", "/nonesuch/file"], ` + given
				}
				if (f.Name == "width" || f.Name == "height") && !strings.Contains(c.code, ",") {
					given += map[string]string{"width": ", height", "height": ", width"}[f.Name] + " = 25, tty = True"
				}
				if call == "volumes.import_iso" {
					given += `, name = "v"`
				}
				text := call + "(" + given + ")"
				fmt.Fprintf(&script, "case(%s, %s, lambda: %s)\n", starlark.String(text), starlark.String(c.want), text)
			}
		}
	}
	script.WriteString("print(server.sent())\n")
	a := newAnswers()
	client := starlarkincus.New(starlarkincus.Options{Environment: a.serve(t)})
	defer client.Close()
	names := client.Names()
	names["server"] = starlarkstruct.FromStringDict(starlark.String("server"), starlark.StringDict{"sent": starlark.NewBuiltin("server.sent", a.sent)})
	var out bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: names})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := h.RunSource(ctx, "cases.star", []byte(script.String())); err != nil {
		h.Report(&out, err)
	}
	if out.String() != "[]\n" {
		t.Errorf("%s", out.String())
	}
}
