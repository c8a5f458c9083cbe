#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Speed, memory and start-up of the starter preset, and of the paper's SC09 size where its weights
# lie beside this folder, against the same chain of products by OpenBLAS: a table for the README.
# Usage: bench/run.sh [BUILD] (a release build; default build). Let nothing else run meanwhile.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "${1:-$root/build}" && pwd)
export OPENBLAS_NUM_THREADS=1

models=("$root/presets/starter/weights.safetensors")
sc09=$root/../shared/golden/sc09.safetensors
[ ! -f "$sc09" ] || models+=("$sc09")

# first_byte COMMAND...: milliseconds from its start to the first sample on its standard output,
# the best of five. Its end, by a closed pipe, is not counted.
first_byte() {
  local begin end best=
  for _ in 1 2 3 4 5; do
    begin=$(date +%s%N)
    end=$("$@" 2>/dev/null | { head -c 48 >/dev/null && date +%s%N; }) || true
    [ -n "$best" ] && [ $(((end - begin) / 1000)) -ge "$best" ] || best=$(((end - begin) / 1000))
  done
  awk "BEGIN { printf \"%.0f\", $best / 1000 }"
}

echo "| model | engine, us a step | times real time | products by sgemv, us a step | engine is so many times as fast | memory, MB | from start to first sound, ms: \`cenote render\` | \`cenoted\` |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
for model in "${models[@]}"; do
  result=$("$build/bench/sgemv" "$model")
  get() { sed -n "s/^$1 *//p" <<<"$result"; }
  echo "| $(get model) | $(get engine_us) | $(get x_realtime) | $(get sgemv_us) | $(get ratio) | $(get resident_mb) | $(first_byte "$build/cli/cenote" render "$model" -d 1000 -o -) | $(first_byte "$build/daemon/cenoted" --port 0 --output - "$model") |"
done
echo
echo "One core of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(get kernel) kernels, f32; OpenBLAS for $(get blas)."
