#!/bin/sh
# SPDX-License-Identifier: ISC
# Every C and C++ file is laid out as .clang-format says. Versions of clang-format differ: it is
# Debian 12's.
set -u
cd "${CENOTE_SOURCE_ROOT:-$(dirname "$0")/../..}" || exit 1
command -v clang-format-14 >/dev/null || {
  echo "skipped: no clang-format-14 (scripts/setup ci installs it)"
  exit 77
}
# Without git (an unpacked archive) every file counts.
files=$(git -c safe.directory='*' ls-files \
  '*.c' '*.h' '*.cpp' 2>/dev/null) ||
  files=$(find . \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \) ! -path './build*')
[ -n "$files" ] || { echo "no C files found" && exit 1; }
echo "$files" | xargs -d '\n' clang-format-14 --dry-run --Werror
