#!/bin/sh
# SPDX-License-Identifier: ISC
# Twenty minutes of learning on each set: bits a sample on what was not heard. The figures of
# doc/training.md. Usage: bench/train_runs.sh [BUILD] [MINUTES] [SET...]; see train_lib.sh.
set -u
. "$(dirname "$0")/train_lib.sh"
[ $# -gt 0 ] && shift
minutes=${1:-20}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- drums piano
for set; do
  options="--size small --minutes $minutes"
  train "$set-$minutes" "$set" $options
  result "$set-$minutes" "$set" "$options"
done
echo
echo "| set | minutes | steps | samples a second | bits, valid | bits, test | order 1, valid |"
echo "| --- | --- | --- | --- | --- | --- | --- |"
for set; do
  f=$results/$set-$minutes.json
  echo "| $set | $minutes | $(value steps "$f") | $(value samples_per_s "$f") | $(value valid_bits "$f") | $(value test_bits "$f") | $(value order1_bits "$f") |"
done
