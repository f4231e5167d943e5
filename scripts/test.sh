#!/usr/bin/env bash
#
# Checks everything required for a commit: formatting, go vet, and every test, under the race detector. The tests with
# Real in their names run beside a real Incus of each supported line (see testbed.sh), the others once. Each of these
# stages is a process of its own: this file with --stage. One more than there are processors run at a time, because
# tests often wait.
set -euo pipefail

if [[ ${1-} == -h || ${1-} == --help ]]; then
	echo "usage: test.sh [go test FLAG...], such as -v or -run NAME"
	exit 0
fi

self=$(realpath "${BASH_SOURCE[0]}")
cd "${self%/*}/.."
PATH=$PATH:/usr/local/go/bin # the location of Go's own archive by its instructions

die() {
	echo "test: $1" >&2
	exit 69
}

# --- stages ----------------------------------------------------------------------------------------------------

under=()   # the prefix of testbed.sh
running='' # the process id of the testbed

# Runs a command in a testbed, and once more if it failed because Incus itself crashed: that has happened about once in
# fifty runs, with a panic or a race in the daemon's own code.
testbed() { # testbed.sh's arguments
	local status=0
	run_testbed "$@" || status=$?
	((status == 75)) || return "$status"
	echo "test: Incus crashed, by the trace above; the stage is run again"
	run_testbed "$@"
}

run_testbed() { # testbed.sh's arguments
	# The testbed ends with this process, even if that is killed.
	setpriv --pdeathsig TERM "${under[@]}" scripts/testbed.sh "$@" </dev/null &
	running=$!
	wait "$running"
}

prepared=() # the prefix of go test

# No result comes from Go's cache, which knows nothing of the daemons.
go_test() { # LINE MEMBERS|MEMBERS+SERVERS|--servers=N|--servers=LINE,... [go test FLAG...] [PACKAGE...]
	local several=()
	case $2 in
	1) ;;
	--*) several=("$2") ;;
	*+*) several=(--cluster "${2%+*}" --servers "${2#*+}") ;;
	*) several=(--cluster "$2") ;;
	esac
	testbed --incus "$1" "${several[@]}" env CGO_ENABLED=1 "${prepared[@]}" go test -race -count=1 -timeout 20m "${@:3}"
}

# Sets packages to those with a test of such a name.
packages_with() { # REGEXP
	mapfile -t packages < <(grep -rlE --include='*_test.go' "^func Test\w*$1" . | sed 's|/[^/]*$||' | sort -u)
}

# The testbed is for its namespaces, which have no network, and end all processes with it.
once() { # [go test FLAG...]
	go_test 6.0 1 -skip Real "$@" ./...
}

# The packages run one after another, so as not to disturb each other.
real() { # LINE [go test FLAG...]
	packages_with Real
	go_test "$1" 1 -p 1 -run Real "${@:2}" "${packages[@]}"
}

# Tests that need several members, some of them with a server beside the cluster.
cluster() { # LINE
	packages_with RealCluster
	# A busy machine can be late with the members' heartbeats by more than the default, 20 seconds.
	# shellcheck disable=SC2016 # variables of the other bash
	prepared=(bash -c 'incus config set cluster.offline_threshold 120 && exec "$@"' bash)
	go_test "$1" 3+1 -p 1 -run RealCluster "${packages[@]}"
}

# Tests that need two servers.
servers() { # LINE
	packages_with RealServers
	go_test "$1" --servers=2 -p 1 -run RealServers "${packages[@]}"
}

# Tests that need servers of both lines.
mixed() {
	packages_with RealMixed
	go_test 7.0 --servers=7.0,6.0 -p 1 -run RealMixed "${packages[@]}"
}

# Tests that would disturb the others, because they kill a daemon.
killed() { # LINE
	export INCUS_STAR_TESTBED_KILL=1
	go_test "$1" 1 -run '^TestRealEventsRestart' ./starlarkincus/rest &&
		go_test "$1" 1 -run '^TestRealDaemonKilled' ./starlarkincus/cli &&
		go_test "$1" 3 -run '^TestRealMember' ./starlarkincus/cli
}

# Ends a testbed that has a frozen container and one that ignores the request to stop, and checks that nothing of it is
# left.
ends() { # LINE [testbed.sh FLAG...]
	local before run file left under=(timeout -k 5 120)
	before=$(traces)
	file=$(mktemp "$work/run.XXXXXX")
	# shellcheck disable=SC2016 # the testbed's own variables
	testbed --incus "$1" "${@:2}" bash -c '
		exec >/dev/null 2>&1 </dev/null
		incus launch testbox frozen && incus pause frozen || exit
		incus launch testbox deaf -c raw.lxc="lxc.signal.halt = SIGCHLD" || exit
		sleep 1
		incus stop deaf --timeout 600 &
		sleep 0.5
		echo "$INCUS_STAR_TESTBED_RUN" >"$1"' bash "$file" || return
	run=$(<"$file")
	left=$(find /sys/fs/cgroup -maxdepth 2 -name "incus-star.$run")
	[[ $run && ! $left && $(traces) == "$before" ]] && return
	printf '%s\n' "a testbed left:" "${left:-no control group}" "$(diff <(echo "$before") <(traces))"
	return 1
}

# Prints the network interfaces and mount points, among them any left by a testbed.
traces() {
	ls /sys/class/net
	cut -d ' ' -f 5 /proc/self/mountinfo
}

end_stage() {
	trap '' TERM
	[[ ! $running ]] || { kill -s TERM "$running" && wait "$running"; } 2>/dev/null || :
	exit 143
}

if [[ ${1-} == --stage ]]; then
	trap end_stage TERM
	status=0
	"${@:2}" || status=$?
	exit $status
fi

# --- the main process ------------------------------------------------------------------------------------------

command -v go >/dev/null || die "needs Go"

# Only the race detector needs a C compiler.
if ! command -v "$(go env CC)" >/dev/null; then
	if ! command -v apt-get >/dev/null || ((EUID != 0)); then
		die "needs a C compiler, for the race detector"
	fi
	echo "test: installing gcc, for the race detector" >&2
	{
		apt-get -q update
		DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install gcc libc6-dev
	} >/dev/null 2>&1 || die "needs a C compiler, for the race detector, and could not install gcc"
fi
go mod download # there is no network inside the testbed
export GORACE=${GORACE:-atexit_sleep_ms=0} # else each process under the race detector exits a second late

work=$(mktemp -d)
INCUS_STAR_COVERAGE=$work/coverage
export work INCUS_STAR_COVERAGE
touch "$INCUS_STAR_COVERAGE"
trap 'rm -rf "$work"' EXIT
trap 'stop 130' INT # else the next check would run after an interrupted one

pids=() # the running stages' process ids, by number

# Ends the running stages, and exits when their testbeds are gone.
stop() { # STATUS
	trap '' INT TERM HUP
	[[ ! ${pids[*]-} ]] || kill -s TERM "${pids[@]}" 2>/dev/null || :
	wait
	exit "$1"
}

passed=() failed=()
ended() { # NAME STATUS SECONDS
	if (($2 == 0)); then
		passed+=("$1")
	else
		failed+=("$1")
	fi
	echo "--- $1: $3 s"
}

check() { # NAME COMMAND...
	local start=$SECONDS status=0
	echo "=== $1"
	"${@:2}" || status=$?
	ended "$1" $status $((SECONDS - start))
}

format() {
	local file files=() wrong
	while IFS= read -r -d '' file; do
		[[ ! -e $file ]] || files+=("$file") # git lists deleted files too
	done < <(git ls-files -z --cached --others --exclude-standard -- '*.go' 2>/dev/null ||
		find . -name '*.go' -print0)
	((${#files[@]})) || return 0
	wrong=$(gofmt -l "${files[@]}") || return 1
	[[ ! $wrong ]] || { printf '%s\n' "$wrong" "gofmt -w would change these" && return 1; }
}

# A tool line in go.mod would raise the versions of the product's dependencies. Left out are the checks of names and of
# the form of comments, which are prose.
lint() {
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks all,-ST1000,-ST1003,-ST1016,-ST1020,-ST1021,-ST1022 ./...
}

# Compiles everything for the race detector, because several stages that need the same package would each compile it.
compile() {
	CGO_ENABLED=1 go list -race -test -export ./... >/dev/null
}

names=() commands=()
stage() { # NAME FUNCTION [ARG...]
	names+=("$1")
	commands+=("${*@Q}")
}

# Runs the stages, and prints the output of each as soon as that of those before it is complete.
run_stages() {
	local next=0 shown=0 printer='' finished status n
	local -a command began statuses times
	trap 'stop 143' TERM
	trap 'stop 129' HUP
	while ((shown < ${#names[@]})); do
		while ((next < ${#names[@]} && ${#pids[@]} <= $(nproc))); do
			eval "command=(${commands[next]})"
			setpriv --pdeathsig TERM "$BASH" "$self" --stage "${command[@]:1}" >"$work/$next" 2>&1 </dev/null &
			pids[next]=$! began[next]=$SECONDS
			((++next))
		done
		if [[ ! $printer ]]; then
			echo "=== ${names[shown]}"
			if [[ ${statuses[shown]-} ]]; then
				cat "$work/$shown" &
			else
				tail -n +1 -f -s 0.1 --pid="${pids[shown]}" "$work/$shown" &
			fi
			printer=$!
		fi
		status=0
		wait -n -p finished || status=$?
		if [[ $finished == "$printer" ]]; then
			printer=done
		else
			for n in "${!pids[@]}"; do
				[[ ${pids[n]} == "$finished" ]] || continue
				unset "pids[n]"
				statuses[n]=$status times[n]=$((SECONDS - began[n]))
			done
		fi
		if [[ $printer == done && ${statuses[shown]-} ]]; then
			ended "${names[shown]}" "${statuses[shown]}" "${times[shown]}"
			((++shown))
			printer=''
		fi
	done
	trap - TERM HUP
}

list() { # NAME...
	local all
	printf -v all ', %s' "$@"
	echo "${all:2}"
}

check gofmt format
check "go vet" go vet ./...
check staticcheck lint
check "endless recursion" go test -run '^(TestScripts|TestEndlessRecursionHasAClass)$' ./starlarkincus/host # too slow under the race detector
check compiling compile

# The longest begin first.
stage "tests without Incus" once "$@"
stage "tests on Incus 6.0" real 6.0 "$@"
stage "tests on Incus 7.0" real 7.0 "$@"
stage "tests on a cluster of Incus 6.0" cluster 6.0
stage "tests on a cluster of Incus 7.0" cluster 7.0
stage "tests on two servers of Incus 6.0" servers 6.0
stage "tests on two servers of Incus 7.0" servers 7.0
stage "tests on servers of both lines" mixed
stage "a killed Incus 6.0" killed 6.0
stage "a killed Incus 7.0" killed 7.0
stage "the end of a testbed of Incus 6.0" ends 6.0
stage "the end of a testbed of Incus 7.0" ends 7.0
stage "the end of a cluster of Incus 7.0" ends 7.0 --cluster 3
run_stages

# The part of the API covered by the tests above, counted from their requests.
check "the API's operations that were called" go test -count=1 -v -run '^TestCoverage$' ./starlarkincus/spec

if ((${#failed[@]})); then
	echo "FAILED: $(list "${failed[@]}")${passed[*]:+; passed: $(list "${passed[@]}")}"
	exit 1
fi
echo "passed in $SECONDS s: $(list "${passed[@]}")"
