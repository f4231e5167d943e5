#!/usr/bin/env bash
#
# Runs a command beside a throwaway Incus: a real daemon in namespaces of its own, which ends with the command
# and leaves no process, mount, folder, control group or network interface behind.
#
# This file runs as each of a testbed's processes. Started by a user, it installs missing packages and waits for
# the others. With --inside it is the first process in the namespaces, which starts the daemons and the command;
# with --daemon it becomes a daemon; with --sweep it cleans up after all of them.
set -euo pipefail

usage() {
	cat <<'END'
usage: testbed.sh [--incus 6.0|7.0] [--cluster N] [--servers N|LINE,...] COMMAND [ARG...]

Runs COMMAND beside a throwaway Incus daemon, or several, and ends with its status, or with 75 if it failed and a
daemon had crashed. Needs Linux and root.

  --incus LINE   the line of Incus releases, 6.0 (the default) or 7.0
  --cluster N    N daemons, joined
  --servers N    N daemons, each a server of its own, which reach each other; beside a cluster, N further ones;
                 or the line of each, as 7.0,6.0
  --help         this text

Installs missing packages on Debian 12 and 13. A daemon of a line that the machine doesn't have is kept in
${XDG_CACHE_HOME:-~/.cache}/incus-star; remove that folder to get newer releases.

COMMAND sees the machine's files except those in /run, and no network but the testbed's. Its environment has:
  INCUS_DIR, INCUS_CONF            the daemon's folder, and an empty configuration of the incus command
  INCUS_STAR_TESTBED               the daemon's line; unset outside of a testbed
  INCUS_STAR_TESTBED_RUN           a unique value for each run
  INCUS_STAR_TESTBED_IMAGE         the alias of a small container image on the daemon
  INCUS_STAR_TESTBED_ENDPOINT      the daemon's https address
  INCUS_STAR_TESTBED_PID           the daemon's process id
  INCUS_STAR_TESTBED_LOG           the file with the daemon's output
With several daemons these are the first one's, and there are also:
  INCUS_STAR_TESTBED_CLUSTER       the N of --cluster
  INCUS_STAR_TESTBED_SERVERS       the number of servers of --servers
  INCUS_STAR_TESTBED_DIRS          all daemons' folders, as a:b:c, those of a cluster first
  INCUS_STAR_TESTBED_ENDPOINTS     their https addresses, as a,b,c
  INCUS_STAR_TESTBED_PIDS          their process ids, as a,b,c
  INCUS_STAR_TESTBED_LINES         their lines, as a,b,c
  INCUS_STAR_TESTBED_COMMANDS      the incus commands of their lines, as a:b:c
END
}

say() { printf 'testbed: %s\n' "$*" >&2; }

die() { # STATUS MESSAGE
	say "$2"
	exit "$1"
}

# Exit statuses, as in sysexits.h: this machine can't run a testbed; it can, but the testbed failed; COMMAND failed
# after a daemon had crashed, and may succeed beside another one.
readonly unavailable=69 broken=70 crashed=75

# A root shell started by su may lack the folders of ip, dnsmasq and nft.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

main() {
	local line=6.0 joined=0 own=() daemons=() prepared='' incusd tree value
	while (($#)); do
		case $1 in
		--incus | --cluster | --servers)
			(($# > 1)) || die 2 "$1 needs a value"
			set -- "$1=$2" "${@:3}"
			;;
		--incus=*) line=${1#*=} && shift ;;
		--cluster=*)
			joined=${1#*=}
			[[ $joined =~ ^[2-9]$ ]] || die 2 "--cluster takes a number from 2 to 9, not '$joined'"
			shift
			;;
		--servers=*)
			value=${1#*=} own=()
			if [[ $value =~ ^[1-9]$ ]]; then
				while ((${#own[@]} < value)); do own+=(''); done # of the line of --incus
			elif [[ $value =~ ^[67]\.0(,[67]\.0){0,8}$ ]]; then
				IFS=, read -r -a own <<<"$value"
			else
				die 2 "--servers takes a number from 2 to 9, or lines as 7.0,6.0, not '$value'"
			fi
			shift
			;;
		-h | --help) usage && exit 0 ;;
		--) shift && break ;;
		-*) die 2 "unknown flag $1; --help lists them" ;;
		*) break ;;
		esac
	done
	[[ $line == 6.0 || $line == 7.0 ]] || die 2 "--incus takes 6.0 or 7.0, not '$line'"
	((joined || ${#own[@]} != 1)) || die 2 "--servers takes two or more servers, or one with --cluster, not '$value'"
	(($#)) || die 2 "no command to run; --help says more"

	[[ $(uname -s) == Linux ]] || die $unavailable "needs Linux"
	((EUID == 0)) || die $unavailable "needs to run as root"
	unshare --mount --net --pid --fork true 2>/dev/null ||
		die $unavailable "needs the right to make namespaces, which this machine or container doesn't give"

	local fd
	for fd in 0 1 2; do # else the next file to be opened would get its number
		[[ -e /proc/self/fd/$fd ]] || eval "exec $fd<>/dev/null"
	done
	while ((${#daemons[@]} < joined)); do daemons+=("$line"); done
	for value in "${own[@]}"; do daemons+=("${value:-$line}"); done
	((${#daemons[@]})) || daemons=("$line")
	for value in "${daemons[@]}"; do
		[[ $value == "$prepared" ]] || prepare "$value"
		prepared=$value
		set -- "$@" "$value" "$tree" "$incusd"
	done
	start "$joined" "${#daemons[@]}" "${@: -3 * ${#daemons[@]}}" "${@:1:$# - 3 * ${#daemons[@]}}"
}

# --- packages and daemons --------------------------------------------------------------------------------------

cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/incus-star

# Installs missing packages and daemons. Sets incusd to the daemon's path, and tree to the folder of its root file
# system, empty for the machine's own.
prepare() { # LINE
	local packages build lock
	plan "$1"
	[[ ${packages[*]-}$build ]] || return 0
	[[ $(suite_with 6.0) ]] ||
		die $unavailable "needs $(missing "$1"); it installs missing packages by itself only on Debian 12 and 13"
	mkdir -p "$cache"
	exec {lock}>"$cache/lock"
	flock --nonblock "$lock" || { say "waiting for another testbed's preparations" && flock "$lock"; }
	plan "$1" # again, because the other testbed may have installed it
	[[ ! ${packages[*]-} ]] || install_packages "${packages[@]}"
	[[ ! $build ]] || build_tree "$1"
	plan "$1"
	[[ ! ${packages[*]-}$build ]] || die $unavailable "still needs $(missing "$1")"
	exec {lock}>&-
}

# Prints a list of the missing daemon and packages.
missing() { # LINE
	local all=(${build:+"Incus $1"} "${packages[@]%/*}") list
	printf -v list ', %s' "${all[@]}"
	printf '%s' "${list:2}"
}

# Sets incusd and tree, packages to the missing packages, and build if the tree is missing.
plan() { # LINE
	local suite pair needed=(ip:iproute2 busybox:busybox-static)
	tree='' build='' packages=()
	suite=$(suite_with "$1")
	if ! incusd=$(installed_daemon "$1"); then
		incusd=/usr/libexec/incus/incusd
		if [[ $suite ]] && ! installed_daemon '*' >/dev/null; then
			packages+=("incus-base/$suite")
			needed+=(systemd-sysusers:systemd-standalone-sysusers) # else apt would install all of systemd
		else
			tree=$cache/incus-$1-$(uname -m)
			[[ -e $tree$incusd ]] || build=yes
		fi
	fi
	if [[ ! $tree ]]; then
		needed+=(dnsmasq:dnsmasq-base nft:nftables rsync:rsync unsquashfs:squashfs-tools setfattr:attr xz:xz-utils)
	fi
	for pair in "${needed[@]}"; do
		command -v "${pair%:*}" >/dev/null || packages+=("${pair#*:}")
	done
	command -v incus >/dev/null || packages+=("incus-client/${suite:-$(suite_with 6.0)}")
}

# Prints the path of an installed daemon of the line.
installed_daemon() { # LINE
	local path version clean
	for path in /usr/libexec/incus/incusd /opt/incus/bin/incusd /usr/lib/incus/incusd "$(command -v incusd || :)"; do
		[[ -x $path ]] || continue
		clean_environment "$path"
		version=$("${clean[@]}" "$path" --version 2>/dev/null) || continue
		# shellcheck disable=SC2053 # LINE may be a pattern
		if [[ $version == $1 || $version == $1.* ]]; then
			printf '%s\n' "$path"
			return
		fi
	done
	return 1
}

# Sets clean to the prefix of a command with a daemon's environment.
clean_environment() { # INCUSD
	local path=$base/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	clean=(env -i HOME=/root LANG=C.UTF-8)
	if [[ $1 == /opt/incus/* ]]; then # Incus's own packages include the libraries
		clean+=(PATH="/opt/incus/bin:$path" LD_LIBRARY_PATH=/opt/incus/lib)
	else
		clean+=(PATH="$path")
	fi
}

# Prints the Debian suite that has the line for this machine's release, if any.
suite_with() { # LINE
	# shellcheck source=/dev/null
	case "$(. /etc/os-release 2>/dev/null && printf '%s' "${ID-} ${VERSION_CODENAME-}") $1" in
	"debian bookworm 6.0") echo bookworm-backports ;;
	"debian trixie 6.0") echo trixie ;;
	"debian trixie 7.0") echo trixie-backports ;;
	esac
}

install_packages() { # PACKAGE[/SUITE]...
	say "installing ${*%/*}; services among them stay off"
	# It isn't ended with this script, so as not to leave packages half installed.
	unshare --mount --propagation private "$BASH" "$self" --install "$@" >"$cache/log" 2>&1 </dev/null ||
		die $unavailable "could not install ${*%/*}; apt's output is in $cache/log"
}

install() { # PACKAGE[/SUITE]...
	local helper path suite
	suite=$(printf '%s\n' "$@" | sed -n 's|.*/||p' | sort -u)
	fetch_lists "${suite:-$(suite_with 6.0)}"
	cp "$cache/apt/derived.list" "$cache/apt/sources/derived.list"
	apt_get update || :
	# The installed services are for testbeds only: none may start, neither now nor when the machine boots.
	for helper in invoke-rc.d update-rc.d deb-systemd-invoke deb-systemd-helper; do
		path=$(command -v $helper) && mount --bind /bin/true "$path"
	done
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none
	apt_get --no-remove install "$@"
	rm -rf "$cache/apt"
}

# Runs apt-get with sources and lists in the cache folder, so that the machine's own don't change.
apt_get() { # ARG...
	apt-get -q -y --no-install-recommends -o Acquire::Languages=none -o Acquire::Retries=3 \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		-o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
		-o Dir::Etc::sourceparts="$cache/apt/sources" -o Dir::State::lists="$cache/apt/lists" \
		-o Dir::Cache::archives="$cache/apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}

# Fetches the lists of the machine's own sources, and writes sources of other Debian suites to derived.list.
fetch_lists() { # SUITE...
	local archive suite keys=/usr/share/keyrings/debian-archive-keyring.gpg
	rm -rf "$cache/apt"
	mkdir -p "$cache/apt"/{lists,archives}/partial "$cache/apt/sources"
	[[ ! -d /etc/apt/sources.list.d ]] || cp -r /etc/apt/sources.list.d/. "$cache/apt/sources"
	apt_get update || : # a source that fails may not be needed
	# shellcheck disable=SC2016 # apt's own variable
	archive=$(apt_get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' \
		'Created-By: Packages' | sed -n 1p)
	[[ $archive ]] || { say "none of the machine's apt sources is Debian's" && exit 1; }
	[[ ! -e $keys ]] || archive="[signed-by=$keys] $archive"
	for suite; do
		printf 'deb %s %s main\n' "$archive" "$suite"
	done >"$cache/apt/derived.list"
}

# Unpacks a daemon's root file system. Debian 13 has both lines. Its packages, unpacked in a folder and never
# configured, suffice for a daemon, and change nothing on the machine.
build_tree() { # LINE
	say "getting Incus $1, once, into $tree"
	"${contained[@]}" "$BASH" "$self" --unpack "$1" "$tree" >"$cache/log" 2>&1 </dev/null &
	wait $! || die $unavailable "could not get Incus $1; apt's output is in $cache/log"
}

unpack() { # LINE TREE
	local suite=trixie new=$2.new own=$cache/apt deb
	[[ $1 == 6.0 ]] || suite=trixie-backports
	fetch_lists trixie trixie-backports
	: >"$own/status"
	apart=(-o Dir::State="$own" -o Dir::State::status="$own/status"
		-o Dir::Etc::sourcelist="$own/derived.list" -o Dir::Etc::sourceparts=/dev/null -o Debug::NoLocking=true)
	apt_get "${apart[@]}" update
	apt_get "${apart[@]}" --download-only install "incus-base/$suite" "incus-client/$suite" \
		attr base-files base-passwd bash coreutils dnsmasq-base grep gzip iproute2 kmod libc-bin mount nftables \
		rsync sed squashfs-tools systemd-standalone-sysusers tar uidmap util-linux xz-utils zstd
	rm -rf "$new"
	for deb in "$own"/archives/base-files_*.deb "$own"/archives/*.deb; do # the first creates /bin and others as links
		dpkg-deb --extract "$deb" "$new"
	done
	cp "$new/usr/share/base-passwd/passwd.master" "$new/etc/passwd"
	cp "$new/usr/share/base-passwd/group.master" "$new/etc/group"
	printf 'root:1000000:1000000000\n' | tee "$new/etc/subuid" >"$new/etc/subgid"
	printf '127.0.0.1 localhost\n' >"$new/etc/hosts"
	ln -sf /proc/self/mounts "$new/etc/mtab"
	ln -sf bash "$new/bin/sh"
	rm -rf "$own" "$new"/usr/share/{doc,info,locale,man}
	sync -f "$new" # else a crash could keep the new name and lose the content
	mv -T "$new" "$2"
}

# --- the life of a testbed -------------------------------------------------------------------------------------

# The prefix of a command that is killed, with all its children, when this process ends for any reason.
contained=(env --default-signal=INT --ignore-signal=QUIT setpriv --pdeathsig KILL
	unshare --mount --pid --fork --kill-child --mount-proc --propagation private)

start() { # JOINED DAEMONS {LINE TREE INCUSD}... COMMAND...
	local lifeline swept output report inner started='' status='' signal='' run
	run=$$-$(date +%s%N)
	sweep_stale
	coproc sweeper { cd / && exec setsid "$BASH" "$self" --sweep "$run" 2>/dev/null; }
	swept=${sweeper[0]} lifeline=${sweeper[1]}
	trap 'end' EXIT
	make_groups "$run" || die $unavailable "needs a tree of control groups in /sys/fs/cgroup that it may write to"

	# The status comes through a pipe, because a trap interrupts a read. It would have to wait for the end of a
	# command in the foreground, and could make bash miss the end of one in the background.
	exec {output}>&1
	exec {report}< <(exec "${contained[@]}" --net "$BASH" "$self" --inside "$output" "$run" "$@" \
		<&0 {lifeline}>&- {swept}<&-)
	inner=$!
	trap 'pass_on TERM TERM' TERM
	trap 'pass_on HUP HUP' HUP
	trap 'pass_on INT USR1' INT # see inside
	read -r started <&"$report" || :
	read -r status <&"$report" || :
	if [[ $signal && ${status:-137} == 137 ]]; then
		status=$((128 + $(kill -l "$signal")))
	fi
	exit "${status:-137}"
}

# Ends the testbed's remaining processes. The first process in the namespaces can't end before the sweeper has thawed
# their frozen processes; its end closes the report.
end() {
	trap '' TERM HUP INT
	exec {lifeline}>&-
	read -r <&"$swept" || :
	[[ ! ${report-} ]] || read -r -t 10 <&"$report" || :
}

# Passes a signal on to the first process in the namespaces.
pass_on() { # RECEIVED SENT
	local first=''
	signal=$1
	if [[ ! $started ]]; then # nor has COMMAND
		kill -s KILL "$inner" 2>/dev/null || :
		return
	fi
	read -r first _ 2>/dev/null <"/proc/$inner/task/$inner/children" || :
	[[ ! $first ]] || kill -s "$2" "$first" 2>/dev/null || :
}

# Prints the mount point and type of each hierarchy of control groups. Control groups outlive namespaces. So a
# testbed has one group in each hierarchy, with all others below it, where the sweeper finds them.
hierarchies() {
	awk '$5 ~ "^/sys/fs/cgroup" { for (i = 7; $i != "-"; i++); if ($(i + 1) ~ "^cgroup2?$") print $5, $(i + 1) }' \
		/proc/self/mountinfo
}

# Creates the testbed's group in each hierarchy.
make_groups() { # RUN
	local mount type group name any=''
	while read -r mount type; do
		group=$mount/incus-star.$1
		mkdir "$group" 2>/dev/null || return 1
		any=yes
		if [[ $type == cgroup2 ]]; then
			# A group with processes can't delegate controllers to groups below it. LXC creates the groups of the
			# containers in the first process's group, or, if that is named init.scope, in the one above.
			mkdir "$group/init.scope"
			for name in $(<"$group/cgroup.controllers"); do
				echo "+$name" 2>/dev/null >"$group/cgroup.subtree_control" || :
			done
		elif [[ -e $group/cpuset.cpus ]]; then # empty in a new group, and not inherited by those below it
			echo 1 >"$group/cgroup.clone_children"
			for name in cpuset.cpus cpuset.mems; do
				cat "$mount/$name" >"$group/$name"
			done
		fi
	done < <(hierarchies)
	[[ $any ]]
}

# Moves this process to the testbed's groups.
join_groups() { # RUN
	local mount type group
	while read -r mount type; do
		group=$mount/incus-star.$1
		[[ $type == cgroup ]] || group+=/init.scope
		echo 0 >"$group/cgroup.procs"
	done < <(hierarchies)
}

# Kills a testbed's processes and removes its groups once standard input ends, which it does when the testbed's main
# process ends for any reason.
sweep() { # RUN
	local mount left end
	trap '' INT TERM HUP
	freeze_again "$1"
	end=$((SECONDS + 30))
	while ((SECONDS < end)); do
		left=''
		while read -r mount _; do
			remove_group "$mount/incus-star.$1" || left=yes
		done < <(hierarchies)
		[[ $left ]] || return 0
		sleep 0.02
	done
}

# Freezes groups that stay FREEZING once more, until the end of standard input. The freezer of cgroup v1 can miss a
# process that is about to sleep in vfork(). Incus, which freezes a container before it stops it by force, then waits
# forever. The repeated request makes the freezer check all processes again.
freeze_again() { # RUN
	local file state='' freezing='' before
	while read -r -t 1 || (($? > 128)); do
		before=$freezing freezing=''
		for file in /sys/fs/cgroup/*/"incus-star.$1"/{,*/}lxc.payload*/freezer.state; do
			read -r state <"$file" && [[ $state == FREEZING ]] || continue
			freezing+="$file "
			[[ $before != *"$file "* ]] || echo FROZEN >"$file" || :
		done 2>/dev/null
	done
}

# Kills the processes of a group and removes it, with those below it.
remove_group() { # GROUP
	[[ -d $1 ]] || return 0
	processes_of "$1" | xargs -r kill -KILL 2>/dev/null || :
	thaw "$1" # frozen processes die only when thawed
	find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
	[[ ! -d $1 ]]
}

# Thaws a group: a container may have been frozen by a user, or by Incus while stopping it.
thaw() { # GROUP
	local file
	while read -r file; do
		case $file in
		*/freezer.state) echo THAWED ;;
		*) echo 0 ;;
		esac 2>/dev/null >"$file" || :
	done < <(find "$1" \( -name freezer.state -o -name cgroup.freeze \) 2>/dev/null || :)
}

processes_of() { # GROUP
	find "$1" -name cgroup.procs -exec cat {} + 2>/dev/null || :
}

# Removes the groups of testbeds whose sweeper was killed too: those without processes that are older than a minute,
# because a new testbed's have none at first.
sweep_stale() {
	local group
	while read -r group; do
		[[ $(processes_of "$group") ]] || remove_group "$group" || :
	done < <(find /sys/fs/cgroup -maxdepth 2 -name 'incus-star.*' -mmin +1 2>/dev/null || :)
}

# --- inside ----------------------------------------------------------------------------------------------------

base=/run/incus-star # in memory, and removed with the mount namespace

# The daemons are numbered: first the joined ones, which are a cluster's members, then the single servers.
inside() { # OUTPUT RUN JOINED DAEMONS {LINE TREE INCUSD}... COMMAND...
	local output=$1 run=$2 joined=$3 daemons=$4 lines=() trees=() binaries=() report ended command='' status typed='' pids=() n
	shift 4
	for ((n = 1; n <= daemons; n++)); do
		lines+=("$1") trees+=("$2") binaries+=("$3")
		shift 3
	done
	exec {report}>&1 >&"$output"
	trap 'report_end $?' EXIT
	trap 'interrupt TERM 143' TERM
	trap 'interrupt HUP 129' HUP
	# An interrupt from the terminal reaches all its foreground processes: this one, the main one outside, and
	# COMMAND. One that is sent to the main process alone is passed on as USR1, for COMMAND too.
	trap 'typed=yes; [[ $command ]] || exit 130' INT
	trap 'if [[ $typed ]]; then typed=""; else interrupt INT 130; fi' USR1
	echo started >&"$report"

	join_groups "$run"
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p $base/{bin,cache,client,cgroup,tmp} /run/lock
	chmod 1777 /run/lock
	own_sys
	ip link set lo up
	unset INCUS_SOCKET INCUS_REMOTE INCUS_PROJECT INCUS_GLOBAL_CONF
	export INCUS_CONF=$base/client INCUS_CACHE=$base/cache
	echo '{}' >$base/client/config.yml # else the incus command prints a welcome message

	((daemons == 1)) || ip link add testbed0 up type bridge
	for ((n = 1; n <= daemons; n++)); do
		launch_member "$n"
	done
	make_dnsmasq $base/bin/dnsmasq
	make_image $base/testbox.tar.gz
	for ((n = 1; n <= daemons; n++)); do
		wait_ready "$n"
		configure "$n" || fail "$n" "could not be set up"
	done
	for ((n = 1; n <= daemons; n++)); do
		((n == 1 || n > joined)) || continue
		INCUS_DIR=$base/node$n incus image import --quiet $base/testbox.tar.gz --alias testbox >/dev/null </dev/null ||
			fail "$n" "did not take its image"
	done
	export INCUS_DIR=$base/node1
	rm $base/testbox.tar.gz

	export INCUS_STAR_TESTBED=${lines[0]} INCUS_STAR_TESTBED_RUN=$run INCUS_STAR_TESTBED_IMAGE=testbox
	export INCUS_STAR_TESTBED_ENDPOINT=https://127.0.0.1:8443
	((joined || daemons == 1)) || INCUS_STAR_TESTBED_ENDPOINT=https://$(address 1):8443
	export INCUS_STAR_TESTBED_PID=${pids[0]} INCUS_STAR_TESTBED_LOG=$base/node1.log
	((daemons == 1)) || tell_others
	exec {ended}< <(run_command "$@" <&0 3>&1 >&"$output" {output}>&-)
	read -r command <&"$ended"
	read -r status <&"$ended"
	if report_crashes && ((status)); then
		status=$crashed
	fi
	exit "$status"
}

# Reports crashed daemons, with the beginning of Go's output: COMMAND had no server afterwards. Fails if there are none.
report_crashes() {
	local n found=1
	for ((n = 1; n <= daemons; n++)); do
		grep -m 1 -A 20 -E '^(panic|fatal error|unexpected fault address|SIG[A-Z]+): ?' "$base/node$n.log" >"$base/crash" || continue
		say "the daemon node$n crashed:"
		cat "$base/crash" >&2
		found=0
	done
	return $found
}

# Runs COMMAND, and prints its process id and then its status to 3.
run_command() { # COMMAND...
	local status=0
	trap '' TERM HUP INT
	# shellcheck disable=SC2016 # variables of the other bash
	env --default-signal=TERM,HUP,INT,QUIT "$BASH" -c 'exec "$@"' testbed "$@" <&0 3>&- {report}>&- &
	echo $! >&3
	wait $! || status=$?
	echo $status >&3
}

report_end() { # STATUS
	if [[ ! $command && $1 != @($broken|129|130|143) ]]; then
		say "could not set itself up"
		set -- $broken
	fi
	echo "$1" >&"$report"
}

interrupt() { # SIGNAL STATUS
	[[ $command ]] || exit "$2"
	kill -s "$1" "$command" 2>/dev/null || :
	{ sleep 10 && kill -s KILL "$command"; } </dev/null >/dev/null 2>&1 {report}>&- &
}

# Mounts a new /sys, because the inherited one shows the network of the outer namespace.
own_sys() {
	mount --rbind /sys/fs/cgroup $base/cgroup
	mount -t sysfs sysfs /sys
	mount --move $base/cgroup /sys/fs/cgroup
}

tell_others() {
	local n dirs=() endpoints=() commands=() own IFS
	own=$(command -v incus)
	for ((n = 1; n <= daemons; n++)); do
		dirs+=("$base/node$n")
		endpoints+=("https://$(address "$n"):8443")
		if [[ ${trees[n - 1]} ]]; then commands+=("${trees[n - 1]}/usr/bin/incus"); else commands+=("$own"); fi
	done
	((!joined)) || export INCUS_STAR_TESTBED_CLUSTER=$joined
	((daemons == joined)) || export INCUS_STAR_TESTBED_SERVERS=$((daemons - joined))
	IFS=: && export INCUS_STAR_TESTBED_DIRS="${dirs[*]}" INCUS_STAR_TESTBED_COMMANDS="${commands[*]}"
	IFS=, && export INCUS_STAR_TESTBED_ENDPOINTS="${endpoints[*]}" INCUS_STAR_TESTBED_PIDS="${pids[*]}" \
		INCUS_STAR_TESTBED_LINES="${lines[*]}"
}

address() { echo "10.198.0.$1"; } # MEMBER

# Starts a daemon. The first one shares COMMAND's network namespace. The others have one each, connected to it by a veth
# pair.
launch_member() { # MEMBER
	local name=node$1 network=()
	mkdir -m 755 "$base/$name" "$base/tmp/$name"
	if (($1 > 1)); then
		ip netns add "$name"
		ip link add "cable$1" up master testbed0 type veth peer name uplink netns "$name"
		ip -n "$name" link set lo up
		ip -n "$name" address add "$(address "$1")/24" dev uplink
		ip -n "$name" link set uplink up
		network=(nsenter --net="/run/netns/$name")
	elif ((daemons > 1)); then
		ip address add "$(address 1)/24" dev testbed0
	fi
	setsid "${network[@]}" unshare --mount --propagation private "$BASH" "$self" --daemon "$1" \
		"${trees[$1 - 1]}" "${binaries[$1 - 1]}" \
		</dev/null >"$base/$name.log" 2>&1 {report}>&- {output}>&- &
	pids+=($!)
}

daemon() { # MEMBER TREE INCUSD
	local part clean
	(($1 == 1)) || own_sys
	if [[ $2 ]]; then
		# Not with chroot, in which the kernel allows no user namespaces, and so no containers.
		mount --bind "$2" "$2"
		cd "$2"
		mount -o remount,bind,ro .
		for part in dev proc run sys tmp; do
			mount --rbind "/$part" "$part"
		done
		mount -t tmpfs tmpfs var/log
		pivot_root . .
		umount --lazy .
		cd /
	fi
	ulimit -n 1048576 2>/dev/null || :
	clean_environment "$3"
	# AppArmor's profiles are global to the kernel, and would outlive the testbed.
	exec "${clean[@]}" INCUS_SECURITY_APPARMOR=false INCUS_DIR="$base/node$1" TMPDIR="$base/tmp/node$1" \
		"$3" --group root
}

wait_ready() { # MEMBER
	local end=$((SECONDS + 60))
	while ((SECONDS < end)) && kill -0 "${pids[$1 - 1]}" 2>/dev/null; do
		INCUS_DIR=$base/node$1 incus admin waitready --timeout 1 >/dev/null 2>&1 </dev/null && return
	done
	fail "$1" "did not start"
}

fail() { # MEMBER WHAT
	say "the Incus daemon $2; it says:"
	tail -n 20 "$base/node$1.log" >&2
	exit $broken
}

configure() { # MEMBER
	local token
	if (($1 > 1 && $1 <= joined)); then
		token=$(INCUS_DIR=$base/node1 incus cluster add --quiet "node$1" </dev/null)
		INCUS_DIR=$base/node$1 incus admin init --preseed <<-END
			cluster:
			  enabled: true
			  server_name: node$1
			  server_address: $(address "$1"):8443
			  cluster_token: ${token##*$'\n'}
		END
		return
	fi
	{
		cat <<-'END'
			storage_pools:
			- {name: default, driver: dir}
			networks:
			- name: incusbr0
			  type: bridge
			  config: {ipv4.address: 10.107.0.1/24, ipv4.nat: "false", ipv6.address: none}
			profiles:
			- name: default
			  devices:
			    root: {type: disk, path: /, pool: default}
			    eth0: {type: nic, name: eth0, network: incusbr0}
			config:
			  images.auto_update_interval: "0"
		END
		if ((daemons == 1)); then
			echo '  core.https_address: 127.0.0.1:8443'
		elif (($1 > joined)); then
			echo "  core.https_address: $(address "$1"):8443"
		else
			cat <<-END
				  core.https_address: :8443
				  cluster.https_address: $(address 1):8443
				cluster: {enabled: true, server_name: node1}
			END
		fi
	} | INCUS_DIR=$base/node$1 incus admin init --preseed
}

# Creates the dnsmasq that the daemons run. Incus kills the old one of a network that it changes, and waits only a tenth
# of a second before it starts the new one at the same address. If a busy machine needs longer for the end of the old
# one, the change fails with "Address already in use".
make_dnsmasq() { # FILE
	cat >"$1" <<-'END'
		#!/bin/bash
		PATH=${PATH/"${0%/*}:"/}
		for _ in {1..100}; do
			taken=''
			for argument in "$@"; do
				[[ $argument == --listen-address=* ]] || continue
				[[ ! $(ss -Hltun "src [${argument#*=}]:53") ]] || taken=yes
			done
			[[ $taken ]] || break
			sleep 0.05
		done
		exec dnsmasq "$@"
	END
	chmod 755 "$1"
}

# Creates a container image of one program. The image is reproducible: it depends only on the busybox.
make_image() { # FILE
	local work=$base/image root=$base/image/rootfs busybox library
	busybox=$(command -v busybox)
	mkdir -p "$root"/{bin,dev,etc,mnt,proc,root,run,sbin,sys,tmp,usr/bin,usr/sbin,var/log}
	chmod 1777 "$root/tmp"
	cp "$busybox" "$root/bin/busybox"
	for library in $(ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*'); do # none for a static busybox
		mkdir -p "$root${library%/*}" && cp "$library" "$root$library"
	done
	chroot "$root" /bin/busybox --install -s
	cat >"$work/metadata.yaml" <<-END
		architecture: $(uname -m)
		creation_date: 1
		properties: {os: Testbox, release: "1", architecture: $(uname -m), description: Testbox}
	END
	printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/:/bin/false >"$root/etc/passwd"
	printf '%s\n' root:x:0: nogroup:x:65534: >"$root/etc/group"
	printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
	rm "$root/sbin/init" # busybox's init takes seconds to end
	cat >"$root/sbin/init" <<-'END'
		#!/bin/sh
		# Incus asks for an end with PWR; busybox's halt, poweroff and reboot with USR1, USR2 and TERM.
		trap 'poweroff -f' PWR USR1 USR2
		trap 'reboot -f' INT TERM
		export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
		hostname >/etc/hostname
		ip link set lo up
		udhcpc -f -S -i eth0 -s /etc/udhcpc.sh -t 5 -T 1 -A 2 </dev/null >/dev/null 2>&1 &
		while :; do setsid -c sh -l </dev/console >/dev/console 2>&1; sleep 1; done &
		while :; do wait; sleep 1; done
	END
	cat >"$root/etc/udhcpc.sh" <<-'END'
		#!/bin/sh
		case $1 in
		deconfig) ip address flush dev "$interface"; ip link set "$interface" up ;;
		bound | renew)
			ip address flush dev "$interface"
			ip address add "$ip/${mask:-24}" dev "$interface"
			for r in $router; do ip route add default via "$r"; done
			for d in $dns; do echo "nameserver $d"; done >/etc/resolv.conf
			;;
		esac
	END
	chmod 755 "$root/sbin/init" "$root/etc/udhcpc.sh"
	tar -C "$work" --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner -c metadata.yaml rootfs | gzip -1n >"$1"
	rm -r "$work"
}

self=$(realpath "${BASH_SOURCE[0]}")
case ${1-} in
--inside | --daemon | --sweep | --install | --unpack) "${1#--}" "${@:2}" ;;
*) main "$@" ;;
esac
