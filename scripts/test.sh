#!/usr/bin/env bash
#
# All that has to hold before a commit: the format, go vet, and every test, under the race detector and beside a
# real Incus of each supported line (see testbed.sh). What doesn't talk to Incus runs once, and then comes from
# Go's cache, because only the others read what changes between the lines.
set -euo pipefail

if [[ ${1-} == -h || ${1-} == --help ]]; then
	echo "usage: test.sh [go test FLAG...], such as -v or -run NAME"
	exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:/usr/local/go/bin # where Go's own archive is unpacked, by its instructions

die() {
	echo "test: $1" >&2
	exit 69
}

command -v go >/dev/null || die "needs Go"

# The race detector is the only part that needs a C compiler.
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
go mod download # there is no network beside the throwaway Incus
export GORACE=${GORACE:-atexit_sleep_ms=0} # else each process of a test that the race detector watches ends a second later

trap 'exit 130' INT # else the next check would follow the one that was interrupted
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
		[[ ! -e $file ]] || files+=("$file") # git lists deleted ones too
	done < <(git ls-files -z --cached --others --exclude-standard -- '*.go' 2>/dev/null ||
		find . -name '*.go' -print0)
	((${#files[@]})) || return 0
	wrong=$(gofmt -l "${files[@]}") || return 1
	[[ ! $wrong ]] || { printf '%s\n' "$wrong" "gofmt -w would change these" && return 1; }
}

testbed() { # testbed.sh's arguments
	# With this script ends what it started, even where it is killed.
	setpriv --pdeathsig TERM scripts/testbed.sh "$@" </dev/null
}

tests() { # LINE [go test FLAG...]
	testbed --incus "$1" env CGO_ENABLED=1 go test -race -timeout 20m "${@:2}" ./...
}

# What needs several members.
cluster() { # LINE
	testbed --incus "$1" --cluster 3 env CGO_ENABLED=1 go test -race -run RealCluster ./...
}

# What would disturb the other tests: it kills the daemon, or one of a cluster's.
killed() { # LINE
	testbed --incus "$1" env CGO_ENABLED=1 INCUS_STAR_TESTBED_KILL=1 go test -race -run '^TestDaemonKilled' ./starlarkincus/cli &&
		testbed --incus "$1" --cluster 3 env CGO_ENABLED=1 INCUS_STAR_TESTBED_KILL=1 go test -race -run '^TestMemberKilled' ./starlarkincus/cli
}

# What stood in a testbed's way when it ended: a frozen container, and one that doesn't heed that it is to stop.
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

traces() { # of testbeds, outside of their namespaces
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
check "tests on Incus 6.0" tests 6.0 "$@"
check "tests on Incus 7.0" tests 7.0 "$@"
check "tests on a cluster of Incus 6.0" cluster 6.0
check "tests on a cluster of Incus 7.0" cluster 7.0
check "a killed Incus 6.0" killed 6.0
check "a killed Incus 7.0" killed 7.0
check "the end of a testbed of Incus 6.0" ends 6.0
check "the end of a testbed of Incus 7.0" ends 7.0
check "the end of a cluster of Incus 7.0" ends 7.0 --cluster 3

# How much of the API the tests above called, counted from the requests that they sent.
check "the API's operations that were called" go test -count=1 -v -run '^TestCoverage$' ./starlarkincus/spec

if ((${#failed[@]})); then
	echo "FAILED: $(list "${failed[@]}")${passed[*]:+; passed: $(list "${passed[@]}")}"
	exit 1
fi
echo "passed in $SECONDS s: $(list "${passed[@]}")"
