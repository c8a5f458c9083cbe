#!/bin/sh
# SPDX-License-Identifier: ISC
# Does pooling pay? The same pairs of blocks, as wide, in four levels or all at the sample rate, for
# the same time. SIZE=small (14 pairs) unless it says tiny (7).
# Usage: bench/train_pooling.sh [BUILD] [MINUTES] [SET...]; see train_lib.sh.
set -u
. "$(dirname "$0")/train_lib.sh"
[ $# -gt 0 ] && shift
minutes=${1:-20}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- drums piano
size=${SIZE:-small}
pair='"rglru"'
seven=$pair,$pair,$pair,$pair,$pair,$pair,$pair
[ "$size" = tiny ] && blocks="[[$seven]]" || blocks="[[$seven,$seven]]"
for set; do
  common="--size $size --minutes $minutes --sample-seconds 0"
  train "$set-$size-pools-$minutes" "$set" $common
  result "$set-$size-pools-$minutes" "$set" "$common"
  train "$set-$size-flat-$minutes" "$set" $common --pool-temporal '[]' --pool-features '[]' --model-structure "$blocks"
  result "$set-$size-flat-$minutes" "$set" "$common, no pools"
done
echo
echo "| set, $size | pooling | samples a second | steps | bits a sample on valid after $minutes min |"
echo "| --- | --- | --- | --- | --- |"
for set; do
  for form in pools flat; do
    f=$results/$set-$size-$form-$minutes.json
    echo "| $set | $([ $form = pools ] && echo "4, 4, 5" || echo none) | $(value samples_per_s "$f") | $(value steps "$f") | $(value valid_bits "$f") |"
  done
done
