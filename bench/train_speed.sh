#!/bin/sh
# SPDX-License-Identifier: ISC
# The trainer against a PyTorch port of the same model, side by side: codes a second of whole steps
# (forward, back, optimiser) on one clip of 16000, the best of several, one thread and two.
#   bench/train_speed.sh BUILD PORT [MODEL...]      models: sc09 small flat
# PORT is a folder with the port's bench.py (and its kernels built); PYTHON a python3 with torch.
# Prints Markdown; a line for each run goes to BUILD/train_speed.jsonl. Wants an idle machine.
set -eu
[ $# -ge 2 ] || { sed -n '3,8s/^# //p' "$0" >&2; exit 2; }
build=$1
port=$2
shift 2
[ $# -gt 0 ] || set -- sc09 small flat
python=${PYTHON:-python3}
log=$build/train_speed.jsonl
: >"$log"

# Its large tensors in huge pages that are not given back; of the ways to wait for two threads the
# better one counts.
port_lines() { # MODEL THREADS
  (
    cd "$port"
    export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456
    export GLIBC_TUNABLES=glibc.malloc.hugetlb=1
    OMP_WAIT_POLICY=passive "$python" bench.py "$2" "$1"
    [ "$2" = 1 ] || OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 "$python" bench.py "$2" "$1"
  )
}
best() { # KIND DROPOUT < port's lines
  awk -v kind="$1" -v drop="$2" '
    $6 == kind && $9 == drop ":" { if ($14 > most) most = $14 }
    END { print most + 0 }'
}
ours() { # MODEL THREADS NUMBERS DROPOUT
  "$build/bench/train_speed" "$1" "$2" 16000 1 "$3" "$4" | tee -a "$log" |
    sed 's/.*"tokens_per_s": \([0-9]*\).*"share_of_sgemm": \([0-9.]*\).*/\1 \2/'
}

grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: /CPU: /'
echo
echo '| model | threads | dropout | port plain | port fused | float | of sgemm | times plain | bfloat16 | times plain |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'
for model; do
  for threads in 1 2; do
    lines=$(port_lines "$model" "$threads")
    for dropout in 0 0.2; do
      drop=$dropout
      [ "$drop" = 0 ] && drop=0.0
      plain=$(echo "$lines" | best plain "$drop")
      fused=$(echo "$lines" | best fused "$drop")
      float=$(ours "$model" "$threads" float "$dropout")
      bfloat=$(ours "$model" "$threads" bfloat16 "$dropout")
      echo "$model $threads $dropout $plain $fused $float $bfloat" |
        awk '{ printf "| %s | %s | %s | %d | %s | %d | %.0f %% | %.2f | %d | %.2f |\n", $1, $2, $3, $4,
               ($5 > 0 ? $5 : "-"), $6, 100 * $7, $6 / $4, $8, $8 / $4 }'
    done
  done
done

echo
echo 'Clips of 1 to 16 seconds, small, one thread, float; memory as planned and as used (VmHWM), MiB:'
echo
echo '| codes | codes a second | planned | used |'
echo '| --- | --- | --- | --- |'
for length in 16000 32000 64000 128000 256000; do
  "$build/bench/train_speed" small 1 "$length" 1 float 0 | tee -a "$log" |
    sed 's/.*"length": \([0-9]*\).*"tokens_per_s": \([0-9]*\).*"planned_mib": \([0-9.]*\), "vmhwm_mib": \([0-9.]*\).*/| \1 | \2 | \3 | \4 |/'
done
