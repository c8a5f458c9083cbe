#!/bin/sh
# SPDX-License-Identifier: ISC
# Does pooling pay? The same 14 pairs of blocks, as wide, in four levels or all at the sample rate,
# for the same time. Usage: bench/train_pooling.sh [BUILD] [MINUTES] [SET...]; see train_lib.sh.
set -u
. "$(dirname "$0")/train_lib.sh"
[ $# -gt 0 ] && shift
minutes=${1:-5}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- drums piano
fourteen='[["rglru","rglru","rglru","rglru","rglru","rglru","rglru","rglru","rglru","rglru","rglru","rglru","rglru","rglru"]]'
for set; do
  common="--size small --minutes $minutes --sample-seconds 0"
  train "$set-pools-$minutes" "$set" $common
  result "$set-pools-$minutes" "$set" "$common"
  train "$set-flat-$minutes" "$set" $common --pool-temporal '[]' --pool-features '[]' --model-structure "$fourteen"
  result "$set-flat-$minutes" "$set" "$common, no pools"
done
echo
echo "| set | pooling | samples a second | steps | bits a sample on valid after $minutes min |"
echo "| --- | --- | --- | --- | --- |"
for set; do
  for form in pools flat; do
    f=$results/$set-$form-$minutes.json
    echo "| $set | $([ $form = pools ] && echo "4, 4, 5" || echo none) | $(value samples_per_s "$f") | $(value steps "$f") | $(value valid_bits "$f") |"
  done
done
