#!/bin/sh
# SPDX-License-Identifier: ISC
# Does it pay to carry the state from crop to crop? Equal time, short crops and long ones, with and
# without. Usage: bench/train_carry.sh [BUILD] [MINUTES] [SET...]; see train_lib.sh.
set -u
. "$(dirname "$0")/train_lib.sh"
[ $# -gt 0 ] && shift
minutes=${1:-5}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- drums piano
for set; do
  for length in 2000 8000; do
    for carry in false true; do
      options="--size small --minutes $minutes --sample-seconds 0 --length $length --batch $((16000 / length)) --carry=$carry"
      train "$set-$length-$carry-$minutes" "$set" $options
      result "$set-$length-$carry-$minutes" "$set" "$options"
    done
  done
done
echo
echo "| set | crops | carried | steps | bits a sample on valid after $minutes min |"
echo "| --- | --- | --- | --- | --- |"
for set; do
  for length in 2000 8000; do
    for carry in false true; do
      f=$results/$set-$length-$carry-$minutes.json
      echo "| $set | $((16000 / length)) x $length | $carry | $(value steps "$f") | $(value valid_bits "$f") |"
    done
  done
done
