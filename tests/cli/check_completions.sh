#!/bin/sh
# SPDX-License-Identifier: ISC
# Manual pages know every option, and each shell that is here completes all of them.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
pages=$here/doc
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH="$build/cli:$build/daemon:$PATH" HOME="$work" XDG_CONFIG_HOME="$work" XDG_DATA_HOME="$work"

bad() {
  echo "check_completions: $*" >&2
  failures=$((failures + 1))
}

options() {
  "$@" --help | grep -oE -e '--[a-z][a-z0-9-]*' | sort -u
}

# The pages.
for option in $(options cenoted); do
  grep -qE -- "Fl -${option#--}( |\$)" "$pages/cenoted.1" || bad "cenoted.1 lacks $option"
done
if command -v mandoc >/dev/null; then
  for page in "$pages/cenoted.1" "$pages/cenote-preset.5" "$build/doc/cenoted.1"; do
    [ -f "$page" ] || continue
    mandoc -T lint -W warning "$page" || bad "$page"
  done
fi
if [ -f "$build/doc/cenoted.1" ]; then
  for path in $(cenoted --help-osc | cut -d' ' -f1); do
    grep -qF -- ".It Li $path" "$build/doc/cenoted.1" || bad "the built cenoted.1 lacks $path"
  done
fi

# complete SHELL WORD...: what it offers for the last word, sorted.
complete() {
  shell=$1
  shift
  case $shell in
  bash)
    bash -c '. "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _cenote; printf "%s\n" "${COMPREPLY[@]}"' \
      - "$pages/completions/cenote.bash" "$@"
    ;;
  fish)
    fish --no-config -c "source '$pages/completions/$1.fish'; complete -C '$*'" | cut -f1
    ;;
  esac | sort -u
}

for shell in bash fish; do
  command -v $shell >/dev/null || continue
  [ "$(complete $shell cenoted -- )" = "$(options cenoted)" ] ||
    bad "$shell: cenoted: $(complete $shell cenoted --)"
  for command in $(cenote --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'); do
    complete $shell cenote "" | grep -qx "$command" || bad "$shell: no command $command"
    [ "$(complete $shell cenote "$command" --)" = "$(options cenote "$command")" ] ||
      bad "$shell: $command: $(complete $shell cenote "$command" --)"
  done
done
if command -v zsh >/dev/null; then zsh -n "$pages/completions/_cenote" || bad "zsh cannot read _cenote"; fi

[ $failures -eq 0 ]
