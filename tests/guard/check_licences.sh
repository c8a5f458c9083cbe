#!/bin/sh
# SPDX-License-Identifier: ISC
# Every tracked file names its licence: in an SPDX line near its top, or, for data that has no room
# for one, in a README.md or LICENSE.md of its folder or of one above it (the root's aside).
set -u
cd "${CENOTE_SOURCE_ROOT:-$(dirname "$0")/../..}" || exit 1

# covered FILE: some folder above says a licence for what lies in it.
covered() {
  dir=$(dirname "$1")
  while [ "$dir" != . ] && [ "$dir" != / ]; do
    grep -qi 'licen[cs]e' "$dir/README.md" "$dir/LICENSE.md" 2>/dev/null && return
    dir=$(dirname "$dir")
  done
  return 1
}

# bare FILE...: those without a licence.
bare() {
  for file; do
    [ -f "$file" ] || continue # tracked, and gone from the folder
    case $file in LICENSE | */LICENSE | */LICENSE.md) continue ;; esac
    head -n 8 "$file" | grep -aq 'SPDX-License-Identifier: ' && continue
    case $file in
      *.c | *.h | *.cpp | *.sh | *.py | *.mjs | *.build | *.md | *.txt | *.in | *.1) ;;
      *) covered "$file" && continue ;;
    esac
    echo "$file"
  done
}

command -v git >/dev/null || { echo "skipped: git is not installed" && exit 77; }
git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1 ||
  { echo "skipped: not a git checkout" && exit 77; }

# A file of no licence must be caught.
planted=$(mktemp)
trap 'rm -f "$planted"' EXIT
[ "$(bare "$planted")" = "$planted" ] || { echo "a planted file goes unseen" && exit 1; }

IFS='
'
found=$(bare $(git -c safe.directory='*' ls-files))
[ -z "$found" ] || { echo "no licence in, or beside:" && echo "$found" && exit 1; }
