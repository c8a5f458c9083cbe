#!/bin/sh
# SPDX-License-Identifier: ISC
# check_threads.sh: however many threads share the voices, the samples are the same.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# play FILE ARGUMENT...
play() {
  file=$1
  shift
  "$build/daemon/cenoted" --fast --format raw --output "$file" --port 0 --seed 7 --duration 0.5 "$@" \
    "$here/tests/golden/tiny.safetensors" 2>"$work/log" && return
  echo "check_threads: $*: $(cat "$work/log")" >&2
  failures=$((failures + 1))
}

for rate in 16000 48000; do
  for voices in 1 2 3 5; do
    play "$work/want" --rate $rate --voices $voices
    for threads in 2 3 5; do
      play "$work/got" --rate $rate --voices $voices --threads $threads
      cmp -s "$work/want" "$work/got" && continue
      echo "check_threads: $rate Hz, $voices voices: other samples with $threads threads" >&2
      failures=$((failures + 1))
    done
  done
done
[ "$(wc -c <"$work/got")" -eq $((24000 * 4)) ] || failures=$((failures + 1))
[ $failures -eq 0 ]
