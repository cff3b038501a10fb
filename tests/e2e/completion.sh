#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Completion for bash offers what the program knows.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# completed WORD...: what is offered for the last one.
completed() {
	# shellcheck source=analyzer/completion/heaptide
	. "$HT_TOP_SRCDIR/analyzer/completion/heaptide"
	COMP_WORDS=("$heaptide" "$@")
	COMP_CWORD=$#
	_heaptide
	printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}

offers() {
	equal "commands with exp" "export " "$(completed exp)"
	equal "commands with re" "record report " "$(completed re)"
	equal "formats with s" "speedscope " "$(completed export s)"
	equal "options of export with --m" "--metric " "$(completed export --m)"
	equal "options of report with --js" "--json " "$(completed report --js)"
}

e2e_case "what is offered" offers
e2e_done
