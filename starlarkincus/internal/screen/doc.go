// Package screen runs a program on a pseudo-terminal, for tests, and emulates the terminal, so that a test reads the screen as a
// person does.
//
// [Start] starts a command. A test types with [Screen.Type], waits for a text with [Screen.Wait], and reads the rows with
// [Screen.Rows]. The emulator gives each letter one cell, also a wide one. It works on Linux.
package screen
