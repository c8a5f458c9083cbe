#!/bin/sh
# SPDX-License-Identifier: ISC
# check_soak.sh [SECONDS]: random commands at a cenoted without a clock: it lives, ends with 0, its
# takes are whole, and no descriptor stays open but those of takes.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/bench/soak.py" --fast --model "$here/tests/golden/tiny.safetensors" \
  -o "$work/soak.jsonl" "${1:-11}" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
python3 - "$work/soak.jsonl" <<'PY'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
bare = [row["descriptors"] - row["takes"] for row in rows]
if max(bare) > 20 or not rows[-1]["clock"]:
    sys.exit("descriptors without takes: %s, clock %s" % (bare, rows[-1]["clock"]))
PY
