#!/bin/sh
# SPDX-License-Identifier: ISC
# check_accuracy.sh fast|timer|jack: 50 triggers with time tags, each on its exact sample.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
out=$(mktemp)
trap 'rm -f "$out"' EXIT
python3 "$here/bench/accuracy.py" -n 50 -o "$out" "$1"
