#!/bin/sh
# SPDX-License-Identifier: ISC
# check_readme.sh CENOTED LIBRARY COMPILER...: the program in README.md compiles without a warning
# and runs; the OSC messages that README.md sends are known.
set -u
cenoted=$1 library=$2
shift 2
root=${CENOTE_SOURCE_ROOT:-$(dirname "$0")/../..}
readme=$root/README.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n '/^```c$/,/^```$/{/^```/!p}' "$readme" >"$work/example.c"
[ -s "$work/example.c" ] || { echo "README.md has no C program" && exit 1; }
"$@" -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$root/core/include" "$work/example.c" "$library" \
  -ljansson -lsamplerate -lm -o "$work/example" || exit 1
(cd "$root" && "$work/example") || { echo "README.md's program fails" && exit 1; }

# "/voice/*/gain" and "/voice/1/gain" stand for "/voice/N/gain".
"$cenoted" --help-osc >"$work/known" || exit 1
sent=$(sed -n "s|^build/cli/cenote send '*\(/[^ ']*\).*|\1|p" "$readme" |
  sed 's|/voice/[^/]*/|/voice/N/|; s|/level/[^/]*/|/level/L/|
       s|/slot/[^/]*/save|/slot/S/save|; s|/slot/[^/]*/load|/slot/S/load|' | sort -u)
[ -n "$sent" ] || { echo "README.md sends nothing" && exit 1; }
for address in $sent; do
  grep -Fqw -- "$address" "$work/known" || { echo "--help-osc does not know $address" && exit 1; }
done

# The reference page is the program's own table.
"$cenoted" --help-osc=markdown >"$work/page" || exit 1
sed -n '/^| address/,$p' "$root/doc/osc.md" | cmp -s - "$work/page" ||
  { echo "doc/osc.md is not what cenoted --help-osc=markdown prints" && exit 1; }
