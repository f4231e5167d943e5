package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInterruptedTests checks that Ctrl-C ends the running tests with their clean-up, and that the number of finished
// ones is printed.
func TestInterruptedTests(t *testing.T) {
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	script := `
def teardown():
    print("torn down")

def test_first():
    pass

def test_waits():
    write_file(env["READY"], "")
    sleep(1000)

def test_last():
    pass
`
	if err := os.WriteFile(filepath.Join(dir, "a_test.star"), []byte(script), 0o666); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("incus-star", "test", dir)
	command.Env = append(os.Environ(), "READY="+ready)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { command.Process.Kill() })
	defer kill.Stop()
	for {
		if _, err := os.Stat(ready); err == nil || command.ProcessState != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	command.Process.Signal(os.Interrupt)
	command.Wait()
	if status := command.ProcessState.ExitCode(); status != 130 {
		t.Errorf("ended with %d, want 130\n%s", status, stderr.Bytes())
	}
	for _, due := range []string{"    torn down\n", "interrupted at ", "1 passed, 1 error, 1 not run in"} {
		if !strings.Contains(stdout.String(), due) {
			t.Errorf("%q is missing in\n%s", due, stdout.Bytes())
		}
	}
}
