#!/usr/bin/env bash
#
# Checks everything required for a commit: formatting, go vet, and every test, under the race detector and beside a
# real Incus of each supported line (see testbed.sh). Tests without Incus run once. For the other line their results
# come from Go's cache, because they don't read the environment variables that differ between the lines.
set -euo pipefail

if [[ ${1-} == -h || ${1-} == --help ]]; then
	echo "usage: test.sh [go test FLAG...], such as -v or -run NAME"
	exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:/usr/local/go/bin # the location of Go's own archive by its instructions

die() {
	echo "test: $1" >&2
	exit 69
}

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

trap 'exit 130' INT # else the next check would run after an interrupted one
passed=() failed=()
check() { # NAME COMMAND...
	local start=$SECONDS
	echo "=== $1"
	if "${@:2}"; then
		passed+=("$1")
	else
		failed+=("$1")
	fi
	echo "--- $1: $((SECONDS - start)) s"
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

testbed() { # testbed.sh's arguments
	# The testbed ends with this script, even if that is killed.
	setpriv --pdeathsig TERM scripts/testbed.sh "$@" </dev/null
}

tests() { # LINE [go test FLAG...]
	testbed --incus "$1" env CGO_ENABLED=1 go test -race -timeout 20m "${@:2}" ./...
}

# Tests that need several members.
cluster() { # LINE
	testbed --incus "$1" --cluster 3 env CGO_ENABLED=1 go test -race -run RealCluster ./...
}

# Tests that would disturb the others, because they kill a daemon.
killed() { # LINE
	testbed --incus "$1" env CGO_ENABLED=1 INCUS_STAR_TESTBED_KILL=1 go test -race -run '^TestDaemonKilled' ./starlarkincus/cli &&
		testbed --incus "$1" --cluster 3 env CGO_ENABLED=1 INCUS_STAR_TESTBED_KILL=1 go test -race -run '^TestMemberKilled' ./starlarkincus/cli
}

# Ends a testbed that has a frozen container and one that ignores the request to stop, and checks that nothing of it is
# left.
ends() { # LINE [testbed.sh FLAG...]
	local before run left
	before=$(traces)
	# shellcheck disable=SC2016 # the testbed's own variables
	run=$(setpriv --pdeathsig TERM timeout -k 5 120 scripts/testbed.sh --incus "$1" "${@:2}" bash -c '
		exec 3>&1 >/dev/null 2>&1 </dev/null
		incus launch testbox frozen && incus pause frozen || exit
		incus launch testbox deaf -c raw.lxc="lxc.init.cmd = /bin/sh -c \"trap : PWR TERM INT; while :; do sleep 1; done\"" || exit
		sleep 1
		incus stop deaf --timeout 600 3>&- &
		sleep 0.5
		echo "$INCUS_STAR_TESTBED_RUN" >&3') || return
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

list() { # NAME...
	local all
	printf -v all ', %s' "$@"
	echo "${all:2}"
}

INCUS_STAR_COVERAGE=$(mktemp)
export INCUS_STAR_COVERAGE
trap 'rm -f "$INCUS_STAR_COVERAGE"' EXIT

check gofmt format
check "go vet" go vet ./...
check staticcheck lint
check "endless recursion" go test -run '^(TestScripts|TestEndlessRecursionHasAClass)$' ./starlarkincus/host # too slow under the race detector
check "tests on Incus 6.0" tests 6.0 "$@"
check "tests on Incus 7.0" tests 7.0 "$@"
check "tests on a cluster of Incus 6.0" cluster 6.0
check "tests on a cluster of Incus 7.0" cluster 7.0
check "a killed Incus 6.0" killed 6.0
check "a killed Incus 7.0" killed 7.0
check "the end of a testbed of Incus 6.0" ends 6.0
check "the end of a testbed of Incus 7.0" ends 7.0
check "the end of a cluster of Incus 7.0" ends 7.0 --cluster 3

# The part of the API covered by the tests above, counted from their requests.
check "the API's operations that were called" go test -count=1 -v -run '^TestCoverage$' ./starlarkincus/spec

if ((${#failed[@]})); then
	echo "FAILED: $(list "${failed[@]}")${passed[*]:+; passed: $(list "${passed[@]}")}"
	exit 1
fi
echo "passed in $SECONDS s: $(list "${passed[@]}")"
