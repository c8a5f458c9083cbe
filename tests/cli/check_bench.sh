#!/bin/sh
# SPDX-License-Identifier: ISC
# The scripts of bench, on a model too small to say anything of speed: they must go on running, and
# what they write must be what they read.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
bench=$here/bench
failures=0
command -v python3 >/dev/null || {
  echo "skipped: no python3 (scripts/setup test installs it)"
  exit 77
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

bad() {
  echo "check_bench: $*" >&2
  failures=$((failures + 1))
}

# holds FILE EXPRESSION: Python's, of the JSON `d` in FILE.
holds() {
  python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(not eval(sys.argv[2]))' "$1" "$2" || bad "not so in $(basename "$1"): $2"
}

make() {
  python3 "$bench/make_model.py" "$@" --width 16 --pairs 1 --diag-blocks 4 || bad "make_model $*"
}

# Sizes counted by hand: a pair 3616 parameters, five pairs, pools of 2 and 3 224, norm and head 4384.
make "$work/model.safetensors" --pools 2,3
make "$work/again.safetensors" --pools 2,3
make "$work/other.safetensors" --pools 2,3 --seed 2
make "$work/flat.safetensors" --pools none
cmp -s "$work/model.safetensors" "$work/again.safetensors" || bad "one seed makes two files"
hash() { "$build/cli/cenote" info "$work/$1.safetensors" | sed -n 's/^ *hash *//p'; }
[ "$(hash model)" != "$(hash other)" ] || bad "two seeds make the same weights"
"$build/cli/cenote" info "$work/model.safetensors" --json >"$work/info.json" || bad "info"
holds "$work/info.json" 'd["parameters"] == 22688 and d["period"] == 6'
"$build/cli/cenote" info "$work/flat.safetensors" --json >"$work/info.json" || bad "info"
holds "$work/info.json" 'd["parameters"] == 3616 + 4384 and d["period"] == 1'

# Programs print JSON; results.py gathers it, makes tables and, with figure.py, a picture.
mkdir "$work/runs"
for voices in 1 2; do
  "$build/cli/cenote" bench "$work/model.safetensors" --json --seconds 0.02 --voices $voices \
    >"$work/runs/panel=voices,voices=$voices,threads=1.json" || bad "bench"
done
python3 "$bench/results.py" gather "$work/runs" "$work/sweep.json" one command || bad "gather"
holds "$work/sweep.json" '[r["voices"] for r in d["runs"]] == [1, 2] and d["command"] == "one command"'
python3 "$bench/results.py" sweep "$work/sweep.json" >"$work/table" || bad "sweep's tables"
[ "$(grep -c '^| 1 | [12] | [0-9.]* ([0-9.]*) |$' "$work/table")" = 2 ] ||
  bad "sweep's tables: $(cat "$work/table")"
python3 "$bench/figure.py" "$work/sweep.json" "$work/picture.svg" || bad "figure"
python3 -c 'import sys, xml.etree.ElementTree as tree
marks = tree.parse(sys.argv[1]).findall(".//{*}circle")
sys.exit(len(marks) != 3)' "$work/picture.svg" || bad "figure: want two marks and the legend's"

mkdir "$work/peers"
"$build/cli/cenote" bench "$work/model.safetensors" --json --seconds 0.02 \
  >"$work/peers/name=cenote_f32,round=1.json" || bad "bench"
"$build/bench/sgemv" "$work/model.safetensors" 0.02 >"$work/peers/round=1,of=sgemv.json" || bad "sgemv"
"$build/bench/limits" 0.05 >"$work/peers/round=1,of=limits.json" || bad "limits"
"$build/bench/gemv" >"$work/peers/round=1,of=gemv.json" || bad "gemv"
python3 "$bench/results.py" gather "$work/peers" "$work/peers.json" two || bad "gather"
python3 "$bench/results.py" peers "$work/peers.json" >"$work/table" || bad "peers' tables"
for row in '| cenote_f32 | [0-9.]* | [0-9.]* | 1.00 |' '| sgemv | [0-9.]* | [0-9.]* | [0-9.]* |' \
  '| gemv_f32 | [0-9]* | 1.00 | [0-9]* | 1.00 |' '| read 24 kB, GB/s | [0-9]* | [0-9]* |'; do
  grep -q "^$row\$" "$work/table" || bad "peers' tables: no row $row in: $(cat "$work/table")"
done

# A peer that is here computes the same step.
golden=$here/tests/golden/tiny
for python in python3 /usr/bin/python3; do
  "$python" -c 'import torch' 2>/dev/null || continue
  "$python" "$bench/peer_torch.py" "$golden.safetensors" --seconds 0.01 --only torch_eager_plain \
    --check "$golden.safetensors" "$golden.expect.safetensors" >/dev/null 2>"$work/said" ||
    bad "$(cat "$work/said")"
  break
done
exit $failures
