#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Completion for bash, zsh and fish offers what the program knows.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

completion=$HT_TOP_SRCDIR/analyzer/completion

# SHELL_completed WORD...: what is offered for the last one.
bash_completed() {
	# shellcheck source=analyzer/completion/heaptide
	. "$completion/heaptide"
	COMP_WORDS=("$heaptide" "$@")
	COMP_CWORD=$#
	_heaptide
	printf '%s\n' "${COMPREPLY[@]}"
}

# zsh's own part, which chooses by what was typed, needs a terminal.
zsh_completed() {
	# shellcheck disable=SC2016
	zsh -f -c '
		_describe() { print -rl -- ${${(P)2}%%:*}; }
		compadd() { shift; print -rl -- "$@"; }
		_files() { :; }
		file=$1
		shift
		words=("$@")
		CURRENT=$#
		. "$file"
	' zsh "$completion/_heaptide" "$heaptide" "$@" | grep -- "^${!#}" || true
}

fish_completed() {
	HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD fish --no-config -c '
		source $argv[1]
		complete -C "$argv[2]"
	' "$completion/heaptide.fish" "$heaptide $*" | cut -f 1
}

# completed SHELL WORD...: in one line.
completed() {
	"$1_completed" "${@:2}" | sort -u | tr '\n' ' '
}

needs_shell() {
	command -v "$1" >/dev/null || {
		echo "$1 is not installed"
		exit 77
	}
}

offers() {
	needs_shell "$1"
	equal "commands with exp" "export " "$(completed "$1" exp)"
	equal "commands with re" "record report " "$(completed "$1" re)"
	equal "formats with s" "speedscope " "$(completed "$1" export s)"
	equal "options of export with --m" "--mem-limit --metric " "$(completed "$1" export --m)"
	equal "options of report with --js" "--json " "$(completed "$1" report --js)"
}

# Each option that begins a line of a command's help is offered for that command.
offers_all() {
	local command options option offered

	needs_shell "$1"
	for command in record report check export html dump; do
		offered=$(completed "$1" "$command" --)
		options=$("$heaptide" "$command" --help | sed -nE 's/^ +(-[a-zA-Z], )?(--[a-z-]+).*/\2/p')
		[ -n "$options" ]
		for option in $options; do
			[[ " $offered" == *" $option "* ]] || fail "$1: $command has $option, offered are $offered"
		done
	done
}

for shell in bash zsh fish; do
	e2e_case "what is offered, $shell" offers $shell
	e2e_case "all options are offered, $shell" offers_all $shell
done
e2e_done
