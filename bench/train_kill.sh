#!/bin/bash
# SPDX-License-Identifier: ISC
# kill -9 at random moments, 20 times, each time gone on with; the weights must be those of a run
# that nobody touched. Usage: bench/train_kill.sh [BUILD] [KILLS]; see train_lib.sh.
set -u
. "$(dirname "$0")/train_lib.sh"
kills=${2:-20}
audio=$root/tests/audio
options="--size tiny --steps 600 --length 2000 --batch 4 --warmup-steps 20 --dropout 0.1 --valid-every 50 --checkpoint-every 3 --sample-seconds 0.25"
rm -rf "$out/kill" "$out/whole"
mkdir -p "$out/kill" "$out/whole"
${WRAP:-} "$cenote" train "$audio" -o "$out/whole/me.safetensors" $options >"$out/whole/out" || exit 1
done=0
while [ $done -lt "$kills" ]; do
  "$cenote" train "$audio" -o "$out/kill/me.safetensors" $options --resume >>"$out/kill/out" 2>&1 &
  pid=$!
  sleep "$(awk -v s=$RANDOM 'BEGIN { srand(s); print 0.05 + 0.6 * rand() }')"
  if ! kill -KILL $pid 2>/dev/null; then
    # It was done before the kill: begin again, with the kills so far.
    wait $pid || exit 1
    cmp "$out/kill/me.safetensors" "$out/whole/me.safetensors" || exit 1
    rm -f "$out"/kill/*
    continue
  fi
  wait $pid 2>/dev/null
  done=$((done + 1))
  echo "kill $done: at step $(value step "$out/kill/me.jsonl")"
done
"$cenote" train "$audio" -o "$out/kill/me.safetensors" $options --resume >>"$out/kill/out" 2>&1 || exit 1
if cmp "$out/kill/me.safetensors" "$out/whole/me.safetensors"; then
  echo "killed $kills times: the same weights"
else
  exit 1
fi
