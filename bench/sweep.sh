#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# How the time of a step grows with voices, width and pool factors: `cenote bench` over models with
# random weights. Tables, JSON, and a picture. Panels can be measured one at a time; what was
# measured before stays in the build folder until it is measured again.
#
# Usage: bench/sweep.sh [OPTION]... [voices|width|pools]...   Let nothing else run meanwhile.
#   --build FOLDER   a release build (default: build)
#   --seconds S      of each measurement with one voice (default 1); with 16 three times that
#   --svg FILE       the picture (default: sweep.svg in the build's folder)
#   --out FILE       the results (default: sweep.json there)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build seconds=1 svg='' out=''
panels=()
usage() {
  sed -n 's/^# \{0,1\}//; 2,/^set/ { /SPDX/d; /^set/d; p }' "$0" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    voices | width | pools) panels+=("$1") && shift && continue ;;
    --*) [ $# -gt 1 ] || usage ;;
    *) usage ;;
  esac
  case $1 in
    --build) build=$2 ;;
    --seconds) seconds=$2 ;;
    --svg) svg=$2 ;;
    --out) out=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ ${#panels[@]} -gt 0 ] || panels=(voices width pools)
build=$(cd "$build" && pwd)
folder=$build/sweep
mkdir -p "$folder"

# model ARGUMENT...: a weights file of these sizes, made once.
model() {
  local file
  file=$folder/$(tr -dc 'a-z0-9,=-' <<<"$*").safetensors
  [ -f "$file" ] || { "$root/bench/make_model.py" "$file.new" "$@" && mv "$file.new" "$file"; }
  echo "$file"
}

precisions=()
for precision in f32 bf16 int8 int4; do
  if "$build/cli/cenote" bench "$(model --width 64)" --precision $precision --seconds 0.01 \
    >/dev/null 2>&1; then
    precisions+=("$precision")
  else
    echo "sweep: skipped: this cenote has no $precision" >&2
  fi
done

# measure MODEL VOICES THREADS KEY=VALUE,...: in every precision.
measure() {
  local precision
  for precision in "${precisions[@]}"; do
    "$build/cli/cenote" bench "$1" --json --voices "$2" --threads "$3" --precision "$precision" \
      --seconds "$(awk "BEGIN { print $seconds * (1 + $2 / 8) }")" \
      >"$folder/$4,voices=$2,threads=$3,precision=$precision.json"
  done
}

sweep_voices() {
  local sc09 voices
  sc09=$(model)
  for voices in 1 2 4 8 16; do measure "$sc09" $voices 1 panel=voices; done
  [ "$(nproc)" -gt 1 ] || return 0
  for voices in 2 4 8 16; do measure "$sc09" $voices 2 panel=voices; done
}

sweep_width() {
  local width
  for width in 64 96 128 192 256; do
    measure "$(model --width $width)" 1 1 "panel=width,width=$width"
  done
}

# Pool factors, entries of a level, and the pairs of blocks that these make.
sweep_pools() {
  local order=0 pools entries pairs
  while read -r pools entries pairs; do
    measure "$(model --pools "${pools//-/,}" --pairs "$entries")" 1 1 \
      "panel=pools,order=$order,pools=$pools,pairs=$pairs"
    order=$((order + 1))
  done <<<"2-4-4-5 4 36
4-4-4-4 4 36
4-4-5 4 28
8-8-5 4 28
2-4 4 20
none 8 8
none 36 36"
}

for panel in "${panels[@]}"; do
  echo "sweep: $panel" >&2
  rm -f "$folder/panel=$panel,"*.json
  "sweep_$panel"
done
"$root/bench/results.py" gather "$folder" "${out:=$build/sweep.json}" bench/sweep.sh \
  --seconds "$seconds"
"$root/bench/results.py" sweep "$out"
"$root/bench/figure.py" "$out" "${svg:=$build/sweep.svg}"
echo "sweep: written: $out, $svg" >&2
