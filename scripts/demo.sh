#!/usr/bin/env bash
#
# Builds incus-star and runs the tour, scripts/tour.star, beside a throwaway Incus (see testbed.sh).
set -euo pipefail

usage="usage: demo.sh [--incus 6.0|7.0] [ARG of the tour...]"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:/usr/local/go/bin # the location of Go's own archive by its instructions

incus=6.0
case ${1-} in
--incus)
	incus=${2-} # checked by testbed.sh
	shift $(($# > 1 ? 2 : 1))
	;;
--incus=*) incus=${1#*=} && shift ;;
-h | --help) echo "$usage" && exit 0 ;;
esac

command -v go >/dev/null || { echo "demo: needs Go to build incus-star" >&2 && exit 69; }

# Outside of the repository, and under a temporary name first, because an older binary may be running.
bin=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/incus-star/bin
mkdir -p "$bin"
CGO_ENABLED=0 go build -trimpath -o "$bin/incus-star.$$" .
mv "$bin/incus-star.$$" "$bin/incus-star"

exec scripts/testbed.sh --incus "$incus" "$bin/incus-star" scripts/tour.star "$@"
