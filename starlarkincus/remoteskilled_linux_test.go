package starlarkincus_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"incus-star/starlarkincus/remote"

	"golang.org/x/sys/unix"
)

// A folder is the content of a folder at a moment.
type folder map[string]file

type file struct {
	time    int64 // of the last change, in nanoseconds
	mode    os.FileMode
	content string
}

// folderAt returns the files in a folder. No two of them may be one: the incus command writes into files that are there.
func folderAt(t *testing.T, dir string) folder {
	t.Helper()
	all := folder{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = file{info.ModTime().UnixNano(), info.Mode(), string(content)}
		if info.Sys().(*syscall.Stat_t).Nlink != 1 {
			t.Errorf("%s has another name", path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return all
}

// at makes a folder with the files.
func (f folder) at(t *testing.T, dir string) {
	t.Helper()
	for name, f := range f {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o750)
		if err == nil {
			err = os.WriteFile(path, []byte(f.content), f.mode)
		}
		if err == nil {
			err = os.Chtimes(path, time.Time{}, time.Unix(0, f.time))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// names returns the names of the files but those that are there whenever a certificate was made.
func (f folder) names() string {
	names := slices.Sorted(maps.Keys(f))
	return strings.Join(slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, "/") && !strings.HasPrefix(name, ".") }), " ")
}

// atEachChange runs a test in a child process, which it stops before each of its system calls that may change files.
func atEachChange(t *testing.T, env []string, stopped func()) {
	t.Helper()
	runtime.LockOSThread() // a process has one tracing thread
	defer runtime.UnlockOSThread()
	child, err := os.StartProcess(os.Args[0], []string{os.Args[0], "-test.run=^" + t.Name() + "$"}, &os.ProcAttr{
		Env: append(os.Environ(), env...), Files: []*os.File{nil, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true}})
	if err != nil {
		t.Skipf("a process can't be traced here: %v", err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(child.Pid, &status, 0, nil); err != nil || !status.Stopped() {
		t.Fatal(status, err)
	}
	if err := unix.PtraceSetOptions(child.Pid, unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		t.Fatal(err)
	}
	changing := []uint64{unix.SYS_OPENAT, unix.SYS_WRITE, unix.SYS_FSYNC, unix.SYS_FCHMOD, unix.SYS_FCHOWN, unix.SYS_RENAMEAT, unix.SYS_LINKAT, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT, unix.SYS_EXIT_GROUP}
	for thread, signal := child.Pid, 0; ; {
		_ = unix.PtraceSyscall(thread, signal) // fails for a thread that has ended
		for thread, err = unix.Wait4(-child.Pid, &status, unix.WALL, nil); err == unix.EINTR; {
			thread, err = unix.Wait4(-child.Pid, &status, unix.WALL, nil)
		}
		signal = 0
		switch {
		case err != nil:
			t.Fatal(err)
		case !status.Stopped() && thread == child.Pid:
			if status.ExitStatus() != 0 {
				t.Fatalf("the child ended with %v", status)
			}
			return
		case status.StopSignal() == unix.SIGTRAP|0x80:
			if nr, entered := systemCall(thread); entered && slices.Contains(changing, nr) {
				stopped()
			}
		case status.StopSignal() != unix.SIGTRAP && status.StopSignal() != unix.SIGSTOP:
			signal = int(status.StopSignal())
		}
	}
}

// systemCall returns the number of a stopped thread's system call, and whether the call is about to begin.
func systemCall(thread int) (nr uint64, entered bool) {
	const getSyscallInfo, entry = 0x420e, 1
	var info struct {
		op   uint8
		_    [7]byte
		_, _ uint64
		nr   uint64
		_    [8]uint64
	}
	_, _, err := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(thread), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	return info.nr, err == 0 && info.op == entry
}

// TestKilledRemoteChanges kills each change of remotes at each moment: it copies the files as a killed process would leave
// them before each of its system calls. The configuration must be usable at any moment, a repeated call must succeed, and
// neither it nor another change may leave files behind.
func TestKilledRemoteChanges(t *testing.T) {
	const conf = "INCUS_STAR_TEST_CONF"
	if expression := os.Getenv(childCall); expression != "" {
		if _, err := userOf(t, os.Getenv(conf)).run("%s", expression); err != nil { // not in a temporary folder, which would stay
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // where a sync takes no time
	}
	j := newJoined(t, serverCertificate(t, "server.example"))
	token := j.token(j.fingerprint, j.Listener.Addr().String())
	first := newUser(t)
	if _, err := first.run(`incus.remotes.add("a", token=%q)`, token); err != nil {
		t.Fatal(err)
	}
	joined := folderAt(t, first.dir)
	for from, to := range map[string]string{"client.crt": "clientcerts/a.crt", "client.key": "clientcerts/a.key"} {
		joined[to] = file{int64(len(joined)), 0o600, joined[from].content}
	}
	joined["oidctokens/a.json"] = file{1, 0o600, "{}"}
	joined["jars/a"] = file{2, 0o600, ""}
	for i, test := range []struct {
		before     folder
		expression string
	}{
		{folder{}, fmt.Sprintf(`incus.remotes.add("s", token=%q)`, token)},
		{joined, fmt.Sprintf(`incus.remotes.add("s", url=%q, fingerprint=%q)`, j.URL, j.fingerprint)},
		{joined, `incus.remotes.add("s", url="https://images.example", protocol="simplestreams")`},
		{joined, `incus.remotes.rename("a", "b")`},
		{joined, `incus.remotes.remove("a")`},
		{joined, `incus.remotes.set_default("a")`},
	} {
		j.set("s3cret-word", map[string]bool{})
		if i > 0 {
			j.set("", j.trustOf(t, first))
		}
		u := newUser(t)
		test.before.at(t, u.dir)
		type moment struct {
			folder
			secret string
			trusts map[string]bool
		}
		var moments []moment
		atEachChange(t, []string{childCall + "=" + test.expression, conf + "=" + u.dir}, func() {
			now := moment{folder: folderAt(t, u.dir)}
			if n := len(moments); n > 0 && maps.Equal(moments[n-1].folder, now.folder) {
				return
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			now.secret, now.trusts = j.secret, maps.Clone(j.trusts)
			moments = append(moments, now)
		})
		after := folderAt(t, u.dir)
		for n, m := range moments {
			if maps.Equal(m.folder, after) {
				continue // the call was complete
			}
			where := fmt.Sprintf("%s, killed at moment %d with %q", test.expression, n, slices.Sorted(maps.Keys(m.folder)))
			u := newUser(t)
			m.at(t, u.dir)
			u.usable(where)
			j.set(m.secret, m.trusts)
			if _, err := u.run("%s", test.expression); err != nil {
				t.Errorf("%s: %v", where, err)
			}
			again := folderAt(t, u.dir)
			if again.names() != after.names() || again["config.yml"].content != after["config.yml"].content {
				t.Errorf("%s: got %q with config.yml\n%s\nwant %q\n%s", where, again.names(), again["config.yml"].content, after.names(), after["config.yml"].content)
			}
			u.usable(where + " and repeated")
			u = newUser(t)
			m.at(t, u.dir)
			if _, err := u.run(`incus.remotes.set_default("images")`); err != nil {
				t.Errorf("%s: %v", where, err)
			}
			if names := folderAt(t, u.dir).names(); names != test.before.names() && names != after.names() {
				t.Errorf("%s, and another change: got %q, want %q or %q", where, names, test.before.names(), after.names())
			}
		}
		if len(moments) < 4 {
			t.Errorf("%s: %d moments", test.expression, len(moments))
		}
	}
}

// usable checks that each server in the configuration has its certificates.
func (u *user) usable(where string) {
	u.Helper()
	config, err := remote.Load(u.Context(), *u.options.Environment)
	if err != nil {
		u.Errorf("%s: %v", where, err)
		return
	}
	for _, info := range config.List() {
		if info.Protocol != remote.Incus || info.Static {
			continue
		}
		if target, err := config.Resolve(u.Context(), info.Name); err != nil || target.ServerCertificate == nil || target.Certificate == nil {
			u.Errorf("%s: %s isn't usable: %v", where, info.Name, err)
		}
	}
}

// set sets the secret of the valid token, and the known clients.
func (j *joined) set(secret string, trusts map[string]bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.secret, j.trusts = secret, maps.Clone(trusts)
}

// trustOf returns the clients that are known if the server trusts a user.
func (j *joined) trustOf(t *testing.T, u *user) map[string]bool {
	t.Helper()
	j.set("", map[string]bool{})
	j.trust(u)
	return j.trusts
}
