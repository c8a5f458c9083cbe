#!/bin/sh
# SPDX-License-Identifier: ISC
# check_latency.sh: the median of 30 triggers at --ahead 10 is heard within what /latency says and a
# few ms for a busy machine; none before the time ahead. Single late ones say nothing of the daemon.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
out=$(mktemp)
trap 'rm -f "$out"' EXIT
python3 "$here/bench/latency.py" -n 30 -o "$out" 10 || exit $?
python3 - "$out" <<'PY'
import json, sys
row, = json.load(open(sys.argv[1]))
told = row["told_ms"]["total"]
if row["triggers"] != 30 or not 7 < row["median_ms"] < told + 5:
    sys.exit("median %.2f ms, /latency says %.2f ms" % (row["median_ms"], told))
PY
