package repl

import (
	"testing"
)

// TestClosedTerminal checks that a prompt whose terminal is closed ends with the status of SIGHUP, at any time.
func TestClosedTerminal(t *testing.T) {
	for _, terminal := range []string{"TERM=xterm"} {
		for name, typed := range map[string]string{
			"at once": "", "half a line": "half", "within a block": "if True:\r    pri", "an entry": "1 + 1\r",
			"printing": "[print(i) for i in range(1000000)]\r", "waiting": "print('r' + 'unning'); sleep(1000)\r", "typed ahead": "sleep(0.01)\r1\r2\r3\r",
		} {
			t.Run(terminal+", "+name, func(t *testing.T) {
				s := openPrompt(t, 80, 24, terminal)
				s.Type(typed)
				if name == "waiting" {
					s.Wait("\nrunning")
				}
				s.Hangup()
				if status := s.Status(); status != 129 {
					t.Errorf("ended with %d", status)
				}
			})
		}
	}
}
