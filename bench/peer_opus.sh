#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Compile Opus' matrix-vector kernels out of its source tree and time them on the chain of
# gemv_chain.h, as bench/gemv times ours. AVX2 build, with VNNI where this CPU has it.
# Usage: bench/peer_opus.sh OPUS_SOURCE_FOLDER (a checkout of Opus)
# Prints one JSON object a line.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
opus=${1:?usage: peer_opus.sh OPUS_SOURCE_FOLDER}

skip() {
  echo "peer_opus: skipped, $*" >&2
  exit 77
}
[ -f "$opus/dnn/vec_avx.h" ] || skip "no dnn/vec_avx.h in $opus"
has() { grep -qwm1 "$1" /proc/cpuinfo; }
has avx2 || skip "this CPU has no AVX2"

flags=(-mavx2 -mfma)
if has avx512_vnni && has avx512vl; then
  flags+=(-mavx512f -mavx512vl -mavx512vnni)
elif has avx_vnni; then
  flags+=(-mavxvnni)
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${CC:-cc}" -std=gnu11 -O3 -w "${flags[@]}" -DOPUS_X86_MAY_HAVE_SSE2 -I"$here" \
  -isystem "$opus/dnn" -isystem "$opus/include" -isystem "$opus" \
  "$here/peer_opus.c" "$here/gemv_chain.c" -o "$folder/peer_opus" -lm
"$folder/peer_opus"
