# SPDX-License-Identifier: ISC
# Completion for fish: options are those that --help lists at the time.
function __cenote_commands
    cenote --help 2>/dev/null | string match -rg '^  ([a-z]+)  '
end
function __cenote_options
    set -l words (commandline -opc)
    if test (count $words) -gt 1; and string match -qr '(^|/)cenote$' -- $words[1]
        $words[1] $words[2] --help 2>/dev/null | string match -rag -- '(--[a-z][a-z0-9-]*)' | sort -u
    else
        $words[1] --help 2>/dev/null | string match -rag -- '(--[a-z][a-z0-9-]*)' | sort -u
    end
end
complete -c cenote -n '__fish_use_subcommand' -f -a '(__cenote_commands)'
complete -c cenote -n 'string match -q -- "-*" (commandline -ct)' -a '(__cenote_options)'
