# SPDX-License-Identifier: MIT
# Makes a page of the manual of what a command says itself and of what was written about it. Its input has three parts with a
# line @@ after the first two: `heaptide --help`, the help of the command, and sections in man's language. Set with -v: page, its
# name; section, of the manual; version and date. A page of section 1 gets its name, synopsis, description and options from the
# help, so these cannot say anything else; one of another section begins with its first line, "name \- what it is".

function escaped(s) {
	gsub(/\\/, "\\e", s)
	gsub(/`/, "\\(ga", s)
	gsub(/'/, "\\(aq", s)
	gsub(/--/, "\\-\\-", s)
	sub(/^\./, "\\\\\\&.", s)
	return s
}

# "-o, --output=FILE": names bold, values italic.
function term(s,    words, n, i, cut, out, name, value, tail) {
	n = split(s, words, " ")
	for (i = 1; i <= n; i++) {
		tail = sub(/,$/, "", words[i]) ? "," : ""
		if (words[i] !~ /^-/) {
			name = ""
			value = words[i]
		} else {
			cut = index(words[i], "=")
			name = cut ? substr(words[i], 1, cut - 1) : words[i]
			value = cut ? substr(words[i], cut + 1) : ""
			gsub(/-/, "\\-", name)
			name = "\\fB" name "\\fR" (cut ? "=" : "")
		}
		if (value != "")
			value = "\\fI" value "\\fR"
		out = out (i > 1 ? " " : "") name value tail
	}
	return out
}

function synopsis(s,    words, n, i, out) {
	n = split(s, words, " ")
	for (i = 1; i <= n; i++)
		out = out (i > 1 ? " " : "") (words[i] == "heaptide" || words[i] == command ? "\\fB" words[i] "\\fR" : escaped(words[i]))
	return out
}

function paragraph(s) {
	if (s ~ /^(Exit status: |The exit status is)/) {
		sub(/^Exit status: /, "", s)
		exit_status = escaped(s)
		is_in_exit_status = 1
		return
	}
	if (is_in_exit_status && !was_blank) {
		exit_status = exit_status "\n" escaped(s)
		return
	}
	is_in_exit_status = 0
	if (was_blank && has_text)
		print ".PP"
	print escaped(s)
}

# The column that most descriptions of options begin in.
function find_column(    i, n, at, counts, best) {
	for (i = 1; i <= n_help; i++) {
		if (help[i] !~ /^ +-.*[^ ]  +[^ ]/ || !match(help[i], /[^ ]  +[^ ]/))
			continue
		at = RSTART + RLENGTH - 1
		counts[at]++
		if (best == 0 || counts[at] > counts[best])
			best = at
	}
	return best
}

function entry(name, about) {
	print ".TP"
	print name
	if (about != "")
		print escaped(about)
	was_blank = 0
}

function option(line,    rest, at) {
	if (substr(line, column - 1, 1) == " " && substr(line, column, 1) ~ /[^ ]/ && substr(line, 1, column - 1) ~ /-/) {
		rest = substr(line, column)
		line = substr(line, 1, column - 1)
	} else if (match(line, /[^ ]  +[^ ]/)) {
		at = RSTART
		rest = substr(line, RSTART + RLENGTH - 1)
		line = substr(line, 1, at)
	}
	sub(/^ +/, "", line)
	sub(/ +$/, "", line)
	if (pending != "")
		line = pending " " line
	pending = ""
	if (rest == "" && line ~ /,$/)
		pending = line
	else
		entry(term(line), rest)
}

function options(    i, line, indent, at) {
	column = find_column()
	was_blank = 0
	for (i = first_body; i <= n_help; i++) {
		line = help[i]
		match(line, /^ */)
		indent = RLENGTH
		if (line == "") {
			was_blank = 1
		} else if (!has_options && line ~ /^(  +-|Formats:$)/) {
			print ".SH OPTIONS"
			has_options = 1
			has_text = 0
			i--
			line = ""
		} else if (line ~ /^  +-/ && indent < 8) {
			option(line)
		} else if (line ~ /^  [a-z]/ && match(line, /[a-z]  +/)) {
			at = RSTART + RLENGTH
			entry("\\fB" substr(line, 3, RSTART - 2) "\\fR", substr(line, at))
		} else if (indent) {
			if (pending != "") {
				entry(term(pending), "")
				pending = ""
			} else if (indent > column - 1 && has_options) {
				print ".br"
			}
			sub(/^ +/, "", line)
			print escaped(line)
		} else {
			paragraph(line)
			was_blank = 0
		}
		if (line != "")
			has_text = 1
	}
}

function head() {
	print ".\\\" Made of --help and of a file in analyzer/man: change these."
	print ".TH " toupper(page) " " section " " date " \"heaptide " version "\" \"heaptide manual\""
	print ".SH NAME"
}

function page_of_command(    i, line) {
	print page " \\- " escaped(summaries[command])
	print ".SH SYNOPSIS"
	for (i = 1; help[i] != ""; i++) {
		line = help[i]
		sub(/^(Usage:)? +/, "", line)
		if (i > 1)
			print ".br"
		print synopsis(line)
	}
	print ".SH DESCRIPTION"
	first_body = i + 1
	has_text = 0
	options()
}

function page_of_all(    i) {
	print "heaptide \\- records the memory allocations of programs and tells what they were for"
	print ".SH SYNOPSIS"
	print "\\fBheaptide\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR] ..."
	print ".br"
	print "\\fBheaptide\\fR \\fB\\-\\-help\\fR | \\fB\\-\\-version\\fR"
	print ".SH COMMANDS"
	print "Each has a page of its own."
	for (i = 1; i <= n_commands; i++) {
		print ".TP"
		print ".BR heaptide\\-" commands[i] " (1)"
		print escaped(summaries[commands[i]])
	}
}

BEGIN {
	part = section == 1 ? 1 : 3
	command = page
	sub(/^heaptide-?/, "", command)
	if (part == 3)
		head()
}
part < 3 && $0 == "@@" {
	part++
	if (part == 3) {
		head()
		if (command == "")
			page_of_all()
		else
			page_of_command()
	}
	next
}
part == 1 && /^  [a-z]+ +[^ ]/ && $1 != "heaptide" {
	commands[++n_commands] = $1
	summaries[$1] = substr($0, index($0, $1) + length($1))
	sub(/^ +/, "", summaries[$1])
}
part == 2 { help[++n_help] = $0 }
part == 3 && /^\.\\" SPDX/ { next }
part == 3 {
	if ($0 ~ /^\.SH "?EXIT STATUS/)
		has_exit_status = 1
	print
}
END {
	if (section == 1 && !has_exit_status) {
		print ".SH EXIT STATUS"
		print exit_status != "" ? exit_status : "0 when all went well; 2 for wrong usage, a trace that cannot be read, or output that could not be written."
	}
	print ".SH SEE ALSO"
	n = split("heaptide(1) heaptide-record(1) heaptide-report(1) heaptide-fleet(7) heaptide-trace(5)", pages, " ")
	for (i = 1; i <= n; i++) {
		split(pages[i], parts, /[()]/)
		if (parts[1] == page)
			continue
		gsub(/-/, "\\-", parts[1])
		print ".BR " parts[1] " (" parts[2] ")" (i < n && !(i == n - 1 && page == "heaptide-trace") ? "," : "")
	}
}
