package spec

// execRequests are those of a command. The websockets and the wait begin at the same time, so their order isn't certain.
var execRequests = []Request{
	{HTTP: "POST", Path: "exec", Body: map[string]any{"record-output": false, "wait-for-websocket": true}},
	{HTTP: "GET", Path: "/1.0/operations/{operation}/websocket", Note: "one each for standard input, output and error, and for signals; for a terminal one for all three, and one for signals"},
	waiting,
}

// execMethod runs a command.
var execMethod = Method{Name: "exec", HTTP: "POST", Path: "exec", Does: DoExec, Returns: structOf(execResult), Effect: RunsCode, Background: true,
	Handle: Commands, Requests: execRequests, Send: map[string]any{"record-output": false, "wait-for-websocket": true, "interactive": false},
	Doc: "Runs a command in the instance and returns a struct of exit_code, stdout and stderr. An exit status other than 0 raises an IncusExecError; after 137 the instance is read, and the error's cause is an IncusStateError if it has stopped or was started again. " +
		"Ctrl-C, --timeout, timeout= and the failure of another task of parallel end the command, by SIGTERM and two seconds later by SIGKILL. Programs that it started get no signal.",
	Args: []Field{
		{Name: "command", Type: Strings, Required: true, Positional: true, Doc: "the command and its arguments; for a shell line ['sh', '-c', line]"},
		{Name: "environment", Type: Config, Doc: "environment variables"},
		{Name: "env", Type: Config, In: Local, Doc: "short for environment"},
		{Name: "cwd", Type: String, Absolute: true, Doc: "the folder to run it in, an absolute path; Incus takes / in place of one that isn't there"},
		{Name: "user", Type: Int, Doc: "the user's id; 0 by default"},
		{Name: "group", Type: Int, Doc: "the group's id; 0 by default"},
		{Name: "stdin", Type: Input, In: Local, Doc: "standard input: a string or bytes, a list or tuple of them, a stream, or a function that returns the next part each time and None at the end, of which exec waits for the last call, also after timeout=; empty by default"},
		{Name: "stdin_file", Type: String, In: Local, Excludes: []string{"stdin"}, Refers: ToFile, Doc: "a local file to read standard input from; timeout= also limits the wait for the writer of a named pipe"},
		{Name: "stdout_file", Type: LocalPath, In: Local, Excludes: []string{"stream"}, Doc: "a local file to write standard output to, as it is and of any size; the result's stdout is empty then. It appears under its name when the command has ended with status 0, or with check=False with any; until then, and after an error, an existing one stays"},
		{Name: "stream", Type: Callable, In: Local, Doc: "a function that is called with each line of both outputs as it comes, without its newline; one with two parameters gets 'stdout' or 'stderr' as the second. A line of more than 1 MiB comes as several, each cut after a whole character. The result has no output then"},
		{Name: "tty", Type: Bool, In: Local, Doc: "True gives it a terminal, which makes both outputs one, stdout. Its input is stdin=, and at the end of that each read finds the end, as after Ctrl-D; a shell may drop a last line without its newline, and a program that reads single keys gets those of Ctrl-D and Ctrl-U again and again. To type oneself, use shell()"},
		{Name: "width", Type: Int, Beside: "tty", Doc: "the columns of the terminal, with height"},
		{Name: "height", Type: Int, Beside: "tty", Doc: "the rows of the terminal, with width"},
		encodingArg,
		checkArg,
		{Name: "wait", Type: Bool, In: Local, Doc: "False returns a Command at once, to write to, read lines of, send signals and wait for. One that still runs at the end of the script is ended"},
		{Name: "timeout", Type: Seconds, In: Local, Doc: "the time that it may run; then it is ended: IncusOperationTimeoutError, with stdout and stderr so far"},
		{Name: "reads", Type: Bool, In: Local, Doc: "True says that it changes nothing, so that retry runs it again after a lost connection"},
	}}

// shellMethod runs a command on the user's terminal.
var shellMethod = Method{Name: "shell", HTTP: "POST", Path: "exec", Does: DoShell, Returns: structOf(execResult), Effect: RunsCode,
	Requests: execRequests, Send: map[string]any{"record-output": false, "wait-for-websocket": true, "interactive": true},
	Doc: "Opens a shell of root in the instance on the terminal, or another command, until it ends, and returns a struct of exit_code, stdout and stderr, as exec does, whose outputs are empty. No exit status raises; a command that can't be run raises an IncusExecError. Needs a terminal as standard input and output, which is then as before.",
	Args: []Field{
		{Name: "command", Type: Strings, Positional: true, Doc: "the command and its arguments; default: ['su', '-l']"},
		{Name: "environment", Type: Config, Doc: "environment variables; TERM by default is that of this terminal"},
		{Name: "env", Type: Config, In: Local, Doc: "the short form of environment"},
		{Name: "cwd", Type: String, Absolute: true, Doc: "the working directory, an absolute path; Incus takes / in place of one that isn't there"},
		{Name: "user", Type: Int, Doc: "the user id; default: 0"},
		{Name: "group", Type: Int, Doc: "the group id; default: 0"},
	}}

// consoleMethod attaches to the console.
var consoleMethod = Method{Name: "console", HTTP: "POST", Path: "console", Does: DoConsole, Returns: nothing, Effect: RunsCode,
	Requests: []Request{
		{HTTP: "POST", Path: "console", Body: map[string]any{"type": "console"}},
		{HTTP: "GET", Path: "/1.0/operations/{operation}/websocket", Note: "one for the console, and one for the size of the terminal"},
		waiting,
	}, Send: map[string]any{"type": "console"},
	Doc:  "Connects the terminal with the console of the instance, until Ctrl-A and then q is pressed or the instance stops. It has no exit status. Needs a terminal as standard input and output, which is then as before. Earlier output is in console_log().",
	Args: []Field{{Name: "force", Type: Bool, Extension: "console_force", Doc: "True disconnects the console's other user"}}}

// encodings are the ways to decode output.
var encodings = []string{"auto", "utf-8", "bytes"}

var (
	encodingArg = Field{Name: "encoding", Type: String, In: Local, Values: encodings, Others: Refused, Doc: "'auto' gives strings for output that is UTF-8 and bytes for other output, 'utf-8' always strings, with an error for other output, 'bytes' always bytes; 'auto' by default. str(bytes) is their text, with U+FFFD for what isn't UTF-8"}
	checkArg    = Field{Name: "check", Type: Bool, In: Local, Doc: "False returns the result of a failed command instead of raising"}
)

// execResult declares the result of exec.
var execResult = &Resource{
	Kind: "ExecResult", Doc: "How a command ended.",
	Columns: columns("exit_code", "stdout", "stderr"),
	Fields: []Field{
		{Name: "exit_code", Type: Int, Use: Read, Doc: "its exit status; 128 and the signal's number for a command that a signal ended"},
		{Name: "stdout", Type: String, Use: Read, Doc: "its standard output; bytes where it isn't UTF-8"},
		{Name: "stderr", Type: String, Use: Read, Doc: "its standard error; the same"},
	},
}

// Commands declares the result of exec with wait=False.
var Commands = &Resource{
	Kind: "Command", Key: "id", Closed: true, Doc: "A command that runs in an instance.",
	Columns: columns("id", "command", "exit_code"),
	Fields: []Field{
		{Name: "id", Type: String, Use: Read, Doc: "the id of its operation"},
		{Name: "command", Type: Strings, Use: Read, Doc: "the command and its arguments"},
		{Name: "exit_code", Type: Int, Use: Derived, Made: ExitCode, Doc: "its exit status; None while it runs"},
	},
	Methods: []Method{
		{Name: "write", Does: DoWriteInput, Returns: itself, Effect: RunsCode, Offline: true,
			Doc:  "Writes to its standard input, and returns it. It waits while the command doesn't read. IncusStateError if the command has ended, or its input was closed.",
			Args: []Field{{Name: "data", Type: Raw, In: Local, Required: true, Positional: true, Doc: "a string or bytes"}}},
		{Name: "close_stdin", Does: DoCloseInput, Returns: itself, Effect: RunsCode, Offline: true,
			Doc: "Ends its standard input, and returns it."},
		{Name: "lines", Does: DoLines, Returns: Returns{Shape: LineStream}, Effect: Reads, Offline: true,
			Doc:  "Returns its output for a loop: each line of both outputs as it comes, without its newline; a line of more than 1 MiB comes as several, each cut after a whole character. wait() then tells how it ended, and has no output left. From here on the command waits while nobody takes its lines.",
			Args: []Field{{Name: "stream", Type: String, In: Local, Positional: true, Values: []string{"stdout", "stderr"}, Others: Refused, Doc: "'stdout' or 'stderr', for the lines of one of them; the other's are dropped"}}},
		{Name: "signal", Does: DoSignal, Returns: itself, Effect: RunsCode, Offline: true,
			Doc:  "Sends the command a signal, and returns the command. A command that has ended raises an IncusStateError.",
			Args: []Field{{Name: "signal", Type: Any, In: Local, Required: true, Positional: true, Doc: "the signal's name, such as 'TERM' or 'SIGTERM', or its number"}}},
		{Name: "wait", Does: DoWaitCommand, Returns: structOf(execResult), Effect: Reads, Offline: true,
			Doc:  "Waits for its end, and returns a struct of exit_code, stdout and stderr, or raises, as exec does. It doesn't close standard input: a command that reads to its end needs close_stdin() first.",
			Args: []Field{{Name: "timeout", Type: Seconds, In: Local, Doc: "how long to wait; then IncusOperationTimeoutError. The command goes on"}, checkArg}},
	},
}
