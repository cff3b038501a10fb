# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# What tools/run, tools/test and tools/bench share: packages and builds. Sourced, from Bash 5.

set -euo pipefail
ht_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

ht_build_packages=(gcc g++ make autoconf automake libtool pkg-config libc6-dev libzstd-dev
	zlib1g-dev libunwind-dev libdw-dev libjemalloc-dev libcjson-dev libdeflate-dev libiberty-dev libncurses-dev check)
ht_test_packages=(jq python3-prometheus-client valgrind heaptrack sqlite3 perl git python3 zstd clang llvm binutils elfutils xz-utils shellcheck
	libtcmalloc-minimal4 libmimalloc2.0 strace tmux mandoc groff-base)
# Large ones, for cases that are skipped without them.
ht_long_test_packages=(rustc rustfilt gdc dwz libpython3.11-testsuite redis-server nginx-light curl clickhouse-server postgresql nodejs
	default-jdk-headless php-cli ruby emacs-nox zsh fish chromium golang-go guile-3.0 dpkg-dev debhelper lintian)

ht_say() {
	printf '%s\n' "$*" >&2
}

ht_as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# ht_need_packages PACKAGE...: install those that are missing.
ht_need_packages() {
	local package missing=()

	if ! command -v dpkg-query >/dev/null; then
		ht_say "not a Debian system: install these yourself if the build asks for them: $*"
		return
	fi
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	ht_say "installing: ${missing[*]}"
	ht_as_root apt-get update -qq
	ht_as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# ht_need_build DIRECTORY CONFIGURE-OPTION...: an up to date build of everything but the tests.
ht_need_build() {
	local directory=$1
	shift

	if [ ! -x "$ht_top/configure" ]; then
		ht_say "generating configure"
		(cd "$ht_top" && autoreconf -i >"$ht_top/autoreconf.log" 2>&1) || {
			cat "$ht_top/autoreconf.log" >&2
			return 1
		}
		rm -f "$ht_top/autoreconf.log"
	fi
	if [ ! -f "$directory/Makefile" ]; then
		ht_say "configuring $directory"
		mkdir -p "$directory"
		(cd "$directory" && "$ht_top/configure" -q "$@")
	fi
	make -s -C "$directory" -j"$(nproc)" >&2
}
