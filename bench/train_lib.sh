# SPDX-License-Identifier: ISC
# For the scripts that train for long: sourced, not run. Each run goes on where it was broken off,
# so a script can be ended at any time and started again.
#   WRAP   put in front of each piece of a run, e.g. "timeout -s INT 60" to train by the minute
#   OUT    folder of the runs (default bench-train in the current one)
#   DATA   folder of the data sets (default ../shared/data beside the sources)
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 1
out=${OUT:-$PWD/bench-train}
data=${DATA:-$root/../shared/data}
cenote=$build/cli/cenote
results=$out/results
mkdir -p "$out" "$results"
[ -x "$cenote" ] || {
  echo "no $cenote: build first" >&2
  exit 1
}
[ -d "$data" ] || {
  echo "no $data: set DATA" >&2
  exit 1
}

# train NAME SET OPTION...: to the end, in as many pieces as WRAP makes of it.
train() {
  name=$1 set=$2
  shift 2
  echo "$name: cenote train $set $*" >&2
  # The last line of the log tells whether it is done.
  until tail -n 1 "$out/$name.jsonl" 2>/dev/null | grep -q '"whole":true'; do
    ${WRAP:-} "$cenote" train "$data/$set" -o "$out/$name.safetensors" --resume "$@" >>"$out/$name.out" 2>&1
    status=$?
    [ $status -eq 0 ] || [ $status -eq 124 ] || {
      echo "$name: exit $status" >&2
      tail -n 3 "$out/$name.out" >&2
      exit 1
    }
  done
}

# value KEY FILE: the last number of that name.
value() {
  sed -n "s/.*\"$1\": *\([-0-9.e+]*\).*/\1/p" "$2" | tail -n 1
}

# bits MODEL PATH
bits() {
  ${WRAP_EVAL:-} "$cenote" eval "$1" "$2" --json | sed -n 's/.*"bits_per_sample": *\([0-9.]*\).*/\1/p' | head -n 1
}

cpu() {
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1
}

# result NAME SET COMMAND-OPTIONS: a line of JSON about a run that is done.
result() {
  log=$out/$1.jsonl
  printf '{"name": "%s", "data": "%s", "options": "%s", "steps": %s, "samples_per_s": %s, "minutes": %s, "valid_bits": %s, "test_bits": %s, "order0_bits": %s, "order1_bits": %s, "cpu": "%s", "threads": %s}\n' \
    "$1" "$2" "$3" "$(value step "$log")" \
    "$(sed -n 's/.*"tokens_per_s":\([0-9.e+]*\).*/\1/p' "$log" | sort -g | awk '{ a[NR] = $1 } END { printf "%.0f", a[int((NR + 1) / 2)] }')" \
    "$(value elapsed_s "$log" | awk '{ printf "%.1f", $1 / 60 }')" \
    "$(value valid_bits "$log")" "$(bits "$out/$1.safetensors" "$data/$2/test")" \
    "$(value order0_bits "$log")" "$(value order1_bits "$log")" "$(cpu)" "$(value threads "$log")" |
    tee "$results/$1.json"
}
