package value

import (
	"fmt"
	"strings"

	"incus-star/errors"
)

// CheckCommand returns an error for a command that no system can run.
func CheckCommand(path string, words []string) error {
	for i, word := range words {
		if strings.Contains(word, "\x00") {
			return &TypeError{Path: Index(path, i), Got: "the string has a zero byte"}
		}
	}
	switch {
	case len(words) == 0:
		return errors.Plain(path + ": the list is empty")
	case words[0] == "":
		return errors.Plain(Index(path, 0) + " is empty, want the command's name")
	}
	return nil
}

// CheckEnvironment returns an error for variables that no command can have. A value of nil is no variable.
func CheckEnvironment(path string, variables map[string]any) error {
	for name, v := range variables {
		text, _ := v.(string)
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(text, "\x00") {
			return fmt.Errorf("%s: a name isn't empty and has no =, and nothing has a zero byte", Index(path, name))
		}
	}
	return nil
}
