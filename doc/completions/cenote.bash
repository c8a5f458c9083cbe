# SPDX-License-Identifier: ISC
# Completion for bash: options are those that --help lists at the time, so it cannot be out of date.
_cenote() {
  local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} words= command=
  if [[ ${program##*/} == cenote ]]; then
    if ((COMP_CWORD == 1)); then
      words="$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p') --help --version"
    else
      command=${COMP_WORDS[1]}
    fi
  fi
  if [[ $word == -* && -z $words ]]; then
    words=$("$program" ${command:+"$command"} --help 2>/dev/null | grep -oE -e '--[a-z][a-z0-9-]*' | sort -u)
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _cenote cenote cenoted
