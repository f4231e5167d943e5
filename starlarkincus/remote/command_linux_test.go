package remote

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// readyVariable is the environment variable with the file that a command makes when it can be stopped.
const readyVariable = "INCUS_STAR_TEST_READY"

// TestPassphraseCommand checks each end of each command that is to print a passphrase: it is stopped with its children
// when the context ends, whatever its reason, or when it prints too much; and it succeeds although background processes keep its output open.
func TestPassphraseCommand(t *testing.T) {
	const ready = "echo >$" + readyVariable + "; "
	defer func(d time.Duration) { commandGrace = d }(commandGrace)
	commandGrace = 50 * time.Millisecond
	interrupted := errors.Plain("interrupted")
	for name, test := range map[string]struct {
		command string
		want    string // the passphrase
		part    string // of the error; empty for one that the end of the context gives, or none
		goesOn  bool   // has background processes that aren't stopped
	}{
		"waits":            {ready + "exec sleep 100", "", "", false},
		"has children":     {"sleep 100 & " + ready + "sleep 100; echo never", "", "", false},
		"ignores SIGTERM":  {"trap '' TERM; " + ready + "sleep 100; sleep 100", "", "", false},
		"writes slowly":    {ready + "while :; do echo x; sleep 0.1; done", "", "", false},
		"writes endlessly": {"sleep 100 & exec cat /dev/zero", "", "the command of INCUS_STAR_PASSPHRASE_COMMAND failed: it printed more than 64 KiB", false},
		"writes much":      {"head -c 65537 /dev/zero", "", "it printed more than 64 KiB", false},
		"fails":            {"echo secret1; exit 3", "", "failed: exit status 3", false},
		"complains":        {"printf 'no \\033[1mcard\\n' >&2; exit 3", "", `failed: exit status 3: no \x1b[1mcard`, false},
		"complains much":   {"head -c 60000 /dev/zero | tr '\\0' x >&2; exit 3", "", "failed: exit status 3: " + strings.Repeat("x", 500), false},
		"floods":           {"sleep 100 & echo open; exec yes >&2", "", "it printed more than 64 KiB to standard error: ", false},
		"is noisy":         {"echo noise >&2; echo open", "open", "", false},
		"is killed":        {"kill -KILL $$", "", "failed: exit status 137", false},
		"isn't there":      {"/nonexistent/command 2>/dev/null", "", "failed: exit status 127", false},
		"reads":            {"cat; echo read", "read", "", false},
		"prints":           {"printf 'open sesame\\r\\nand more'", "open sesame", "", false},
		"prints nothing":   {"true", "", "", false},
		"the most":         {"head -c 65536 /dev/zero | tr '\\0' x", strings.Repeat("x", 65536), "", false},
		"leaves a holder":  {"sleep 100 & echo held", "held", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "key")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			stopped := strings.Contains(test.command, readyVariable)
			if stopped {
				path := filepath.Join(t.TempDir(), "ready")
				t.Setenv(readyVariable, path)
				go func() {
					for ctx.Err() == nil && !exists(path) {
						time.Sleep(time.Millisecond)
					}
					cancel(interrupted)
				}()
			}
			got, err := printed(ctx, test.command, key, nil)
			switch {
			case stopped:
				if !errors.Is(err, interrupted) {
					t.Errorf("got %q, %v", got, err)
				}
			case test.part != "":
				if err == nil || !strings.Contains(err.Error(), test.part) || strings.Contains(err.Error(), "secret1") {
					t.Errorf("got %q, %v", got, err)
				}
			case err != nil || got != test.want:
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if test.goesOn {
				for _, process := range ofKey(t, key) {
					_ = process.Kill()
				}
				return
			}
			for began := time.Now(); len(ofKey(t, key)) > 0; time.Sleep(5 * time.Millisecond) {
				if time.Since(began) > 30*time.Second {
					t.Fatal("processes are left")
				}
			}
		})
	}
}

// TestComplaintsAreTold checks that what a command writes to standard error is told in whole characters, safe to print, and isn't in the
// error as well.
func TestComplaintsAreTold(t *testing.T) {
	told := make(chan string, 100)
	fifo := filepath.Join(t.TempDir(), "fifo")
	result := make(chan error, 1)
	go func() {
		_, err := printed(t.Context(), `printf 'touch \303' >&2; mkfifo `+fifo+`; read x <`+fifo+`; printf '\251\033\n\377' >&2; exit 3`, "key", func(text string) { told <- text })
		result <- err
	}()
	if got := <-told; got != "touch " {
		t.Errorf("told %q", got)
	}
	for !exists(fifo) {
		time.Sleep(time.Millisecond)
	}
	if err := os.WriteFile(fifo, []byte("\n"), 0o600); err != nil {
		t.Error(err)
	}
	err := <-result
	close(told)
	var rest strings.Builder
	for text := range told {
		rest.WriteString(text)
	}
	if rest.String() != "é\\x1b\n\\xff" || err == nil || !strings.HasSuffix(err.Error(), "exit status 3") {
		t.Errorf("told %q: %v", rest.String(), err)
	}
}

// ofKey returns the processes of the commands for a key.
func ofKey(t *testing.T, key string) (found []*os.Process) {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		environ, _ := os.ReadFile(folder + "/environ")
		if !bytes.Contains(environ, []byte("INCUS_STAR_KEY="+key+"\x00")) {
			continue
		}
		var pid int
		for _, digit := range filepath.Base(folder) {
			pid = pid*10 + int(digit-'0')
		}
		if process, err := os.FindProcess(pid); err == nil {
			found = append(found, process)
		}
	}
	return found
}
