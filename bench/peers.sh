#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# The engine beside its peers, one voice on one thread, in one run: rounds in which each has its
# turn, so that a changing clock meets all alike. Each peer is left out, with a line that says so,
# where it is not installed. Prints tables and writes every figure as JSON.
#
# Usage: bench/peers.sh [OPTION]...   Let nothing else run meanwhile.
#   --build FOLDER   a release build (default: build)
#   --model FILE     weights (default: golden/sc09 if it lies beside this folder, or random weights
#                    of that size)
#   --ort FOLDER     with ONNX Runtime: (cd FOLDER && npm install --ignore-scripts onnxruntime-node)
#   --opus FOLDER    a checkout of Opus
#   --rounds N       default 3
#   --seconds S      of each measurement in a round (default 2)
#   --out FILE       of the results (default: peers.json in the build's folder)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command=(bench/peers.sh)
build=$root/build model='' ort='' opus='' rounds=3 seconds=2 out=''
usage() {
  sed -n 's/^# \{0,1\}//; 2,/^set/ { /SPDX/d; /^set/d; p }' "$0" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  [ $# -gt 1 ] || usage
  case $1 in
    --build) build=$2 ;;
    --model) model=$2 && command+=("$1" "$(basename "$2")") ;;
    --ort) ort=$2 && command+=("$1" FOLDER) ;;
    --opus) opus=$2 && command+=("$1" FOLDER) ;;
    --rounds) rounds=$2 && command+=("$1" "$2") ;;
    --seconds) seconds=$2 && command+=("$1" "$2") ;;
    --out) out=$2 ;;
    *) usage ;;
  esac
  shift 2
done
build=$(cd "$build" && pwd)
out=${out:-$build/peers.json}
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
say() { echo "peers: $*" >&2; }

# Golden cases that a peer must reproduce before it counts.
golden=$root/../shared/golden/sc09
checks=(--check "$root/tests/golden/tiny.safetensors" "$root/tests/golden/tiny.expect.safetensors")
if [ -f "$golden.safetensors" ]; then
  checks+=(--check "$golden.safetensors" "$golden.expect.safetensors")
  model=${model:-$golden.safetensors}
elif [ -z "$model" ]; then
  say "no golden/sc09: random weights of its size"
  model=$folder/random.safetensors
  "$root/bench/make_model.py" "$model"
fi

# A python3 with PyTorch: Debian's, where another comes first.
python=
for each in python3 /usr/bin/python3; do
  if "$each" -c 'import torch' 2>/dev/null; then python=$each && break; fi
done
[ -n "$python" ] || say "skipped: PyTorch is not installed (Debian: python3-torch)"
[ -n "$ort" ] || say "skipped: ONNX Runtime (--ort says where it is)"
[ -n "$opus" ] || say "skipped: Opus (--opus says where its source is)"
if [ -n "$ort" ] && ! command -v node >/dev/null; then say "skipped: no node" && ort=; fi

# take FILE COMMAND...: its standard output into a file of results. What fails is said, and leaves
# nothing behind.
take() {
  local file=$folder/$1.json
  shift
  "$@" >"$file" && return
  say "left out: $(basename "$1") $(basename "${2:-}")"
  rm -f "$file"
  return 1
}

# first_sample COMMAND...: milliseconds from its start to the first sample on its standard output,
# the best of five. Its end, by a closed pipe, is not counted.
first_sample() {
  local begin end best=
  for _ in 1 2 3 4 5; do
    begin=$(date +%s%N)
    end=$("$@" 2>/dev/null | { head -c 48 >/dev/null && date +%s%N; }) || true
    [ -n "$best" ] && [ $((end - begin)) -ge "$best" ] || best=$((end - begin))
  done
  echo "{\"name\":\"start\",\"program\":\"$(basename "$1")\",\"first_ms\":$((best / 1000))e-3}"
}

precisions=()
for precision in f32 bf16 int8 int4; do
  if "$build/cli/cenote" bench "$model" --precision $precision --seconds 0.01 >/dev/null 2>&1; then
    precisions+=("$precision")
  else
    say "skipped: this cenote has no $precision"
  fi
done

for ((round = 1; round <= rounds; ++round)); do
  say "round $round of $rounds"
  for precision in "${precisions[@]}"; do
    take "name=cenote_$precision,round=$round" \
      "$build/cli/cenote" bench "$model" --json --precision "$precision" --seconds "$seconds"
  done
  take "round=$round,of=sgemv" "$build/bench/sgemv" "$model" "$seconds"
  [ -z "$python" ] || take "round=$round,of=torch" \
    "$python" "$root/bench/peer_torch.py" "$model" "${checks[@]}" --seconds "$seconds" ||
    python=
  [ -z "$ort" ] || take "round=$round,of=onnx" \
    node "$root/bench/peer_onnx.mjs" "$ort" "$model" "${checks[@]}" --seconds "$seconds" ||
    ort=
  take "round=$round,of=gemv" "$build/bench/gemv"
  [ -z "$opus" ] || take "round=$round,of=opus" "$root/bench/peer_opus.sh" "$opus" || opus=
  take "round=$round,of=limits" "$build/bench/limits" 1
  checks=()
done
take of=render first_sample "$build/cli/cenote" render "$model" -d 1000 -o -
take of=cenoted first_sample "$build/daemon/cenoted" --port 0 --output - "$model"

"$root/bench/results.py" gather "$folder" "$out" "${command[@]}"
"$root/bench/results.py" peers "$out"
say "written: $out"
