package repl

import "strings"

// isCommand reports whether a line is a command of the prompt, such as :help.
func isCommand(line string) bool { return strings.HasPrefix(line, ":") }
