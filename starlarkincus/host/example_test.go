package host_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// A program that runs a script against Incus, with a name of the program's own.
func Example() {
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	h := host.New(host.Options{
		Stdout: os.Stdout, Stderr: os.Stderr,
		Predeclared: starlark.StringDict{"incus": client, "region": starlark.String("eu-1")},
	})
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, host.ErrTimeout)
	defer cancel()

	script := `
def names(port):
    return incus.connect(endpoint = "https://127.0.0.1:%d" % port).instances.names()

defer(print, "bye")
for r in parallel(names, [1, 2]):
    print(region, r.value if r else r.error.class_)
`
	if err := h.RunSource(ctx, "example.star", []byte(script)); err != nil {
		h.Report(os.Stderr, err)
	}
	// Output:
	// eu-1 IncusConnectionError
	// eu-1 IncusConnectionError
	// bye
}

// The shortest way to run a file.
func ExampleRun() {
	err := host.Run(context.Background(), "nowhere.star", host.Options{Stdout: os.Stdout, Stderr: os.Stdout})
	fmt.Println("exit status:", host.ExitStatus(err))
	// Output:
	// nowhere.star: no such file
	// exit status: 2
}

// An uncaught error, for a person and for the process that started this one.
func ExampleHost_Report() {
	h := host.New(host.Options{})
	err := h.RunSource(context.Background(), "example.star", []byte(`raise_(IncusNotFoundError, "no such image", status = 404)`))
	h.Report(os.Stdout, err)
	fmt.Println("exit status:", host.ExitStatus(err))
	// Output:
	// Traceback (most recent call last):
	//   File "example.star", line 1, in <toplevel>
	//     raise_(IncusNotFoundError, "no such image", status = 404)
	//           ^
	// IncusNotFoundError (404): no such image
	// exit status: 3
}

// A prompt's entries, which share their names.
func ExampleSession() {
	s := host.New(host.Options{Stdout: os.Stdout}).NewSession()
	ctx := context.Background()
	for entry := range strings.Lines("n = 20\ndefer(print, 'closed')\nn + 1\n") {
		v, err := s.Eval(ctx, entry)
		fmt.Println(v, err)
	}
	fmt.Println(s.Close(ctx))
	// Output:
	// None <nil>
	// None <nil>
	// 21 <nil>
	// closed
	// <nil>
}
