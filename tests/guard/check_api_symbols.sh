#!/bin/sh
# SPDX-License-Identifier: ISC
# check_api_symbols.sh NM LIBRARY HEADER: the shared library exports what the public header
# declares, no less and no more.
set -u
exported=$("$1" -D --defined-only "$2" | awk '{ print $NF }' | sort)
declared=$(tr '\n' ' ' <"$3" | grep -o 'CENOTE_API [^;(]*(' | grep -o 'cenote_[a-z0-9_]*' | sort)
[ -n "$exported" ] || { echo "$2 exports nothing" && exit 1; }
[ -n "$declared" ] || { echo "$3 declares nothing" && exit 1; }
[ "$exported" = "$declared" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "$exported" >"$work/exported"
echo "$declared" >"$work/declared"
comm -23 "$work/exported" "$work/declared" | sed 's/^/exported, not in the header: /'
comm -13 "$work/exported" "$work/declared" | sed 's/^/in the header, not exported: /'
exit 1
