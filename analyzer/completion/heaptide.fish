# SPDX-License-Identifier: MIT
# Completion of heaptide for fish. Commands, options and formats are read from --help, so they are never out of date.

# The names and descriptions listed under a heading that is the first argument; the rest are a command's words.
function __heaptide_listed
    set -l program (commandline -opc)[1]
    $program $argv[2..-1] --help 2>/dev/null | sed -n "/^$argv[1]:/,/^\$/p" |
        string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
end

function __heaptide_options
    set -l words (commandline -opc)
    $words[1] $words[2] --help 2>/dev/null | grep -oE -- '(^|[ ,])--[a-z][a-z-]*' | tr -d ' ,' | sort -u
end

function __heaptide_n_words_is
    test (count (commandline -opc)) -eq $argv[1]
end

complete -c heaptide -n '__heaptide_n_words_is 1' -f -a '(__heaptide_listed Commands)'
complete -c heaptide -n '__heaptide_n_words_is 1' -f -l help -d 'what there is'
complete -c heaptide -n '__heaptide_n_words_is 1' -f -l version -d 'which one this is'
complete -c heaptide -n 'not __heaptide_n_words_is 1; and string match -q -- "-*" (commandline -ct)' -f -a '(__heaptide_options)'
complete -c heaptide -n '__heaptide_n_words_is 2; and contains export (commandline -opc)' -f -a '(__heaptide_listed Formats export)'
