#!/bin/sh
# SPDX-License-Identifier: ISC
# Does it pay to carry the state from crop to crop? As many steps (which take as long), short crops
# and long ones, with and without. SIZE=tiny unless it says otherwise.
# Usage: bench/train_carry.sh [BUILD] [STEPS] [SET...]; see train_lib.sh.
set -u
. "$(dirname "$0")/train_lib.sh"
[ $# -gt 0 ] && shift
steps=${1:-1500}
size=${SIZE:-tiny}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- drums piano
for set; do
  for length in 2000 8000; do
    for carry in false true; do
      options="--size $size --steps $steps --sample-seconds 0 --length $length --batch $((16000 / length)) --carry=$carry"
      train "$set-$size-$length-$carry-$steps" "$set" $options
      result "$set-$size-$length-$carry-$steps" "$set" "$options"
    done
  done
done
echo
echo "| set, $size | crops | carried | bits a sample on valid after $steps steps |"
echo "| --- | --- | --- | --- |"
for set; do
  for length in 2000 8000; do
    for carry in false true; do
      f=$results/$set-$size-$length-$carry-$steps.json
      echo "| $set | $((16000 / length)) x $length | $carry | $(value valid_bits "$f") |"
    done
  done
done
