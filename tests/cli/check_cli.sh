#!/bin/sh
# SPDX-License-Identifier: ISC
# `cenote` but for the sound it makes: what info, bench and presets tell, how each command refuses
# what it cannot do, the manual page.
# Usage: check_cli.sh CENOTE
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cenote=${CENOTE_BUILD_ROOT:-$here/build}/cli/cenote
model=$here/tests/golden/tiny.safetensors
commands='info render logits eval quantize train import bench presets replay send'
failures=0
[ -x "$cenote" ] || {
  echo "check_cli: no $cenote" >&2
  exit 1
}
"$cenote" --help | grep -q '^  send ' || commands=${commands% replay send} # a build without the daemon

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

bad() {
  echo "check_cli: $*" >&2
  failures=$((failures + 1))
}

# refused STATUS TEXT ARGUMENT...: exit status, nothing on standard output, TEXT in the first line
# on standard error; the only one, when the status is 1, and printable.
refused() {
  want=$1 text=$2
  shift 2
  timeout 60 "$cenote" "$@" >"$work/stdout" 2>"$work/stderr"
  status=$?
  [ $status -eq "$want" ] || bad "$*: exit $status, want $want"
  head -n 1 "$work/stderr" | grep -qF -- "$text" || bad "$*: no '$text' in: $(cat "$work/stderr")"
  [ "$want" -eq 2 ] || [ "$(wc -l <"$work/stderr")" -eq 1 ] || bad "$*: not one line: $(cat "$work/stderr")"
  [ ! -s "$work/stdout" ] || bad "$*: wrote on standard output"
  if LC_ALL=C tr -d '\n' <"$work/stderr" | LC_ALL=C grep -q '[[:cntrl:]]'; then bad "$*: control characters"; fi
}

# json PROGRAM FILE: a Python expression that must hold of the answer `a`.
json() {
  if ! command -v python3 >/dev/null; then return; fi
  python3 -c 'import json, sys
a = json.load(open(sys.argv[2]))
sys.exit(not eval(sys.argv[1]))' "$1" "$2" || bad "not so: $1 in: $(cat "$2")"
}

# tensor FILE NAME NUMBER...: put float32 numbers at the beginning of a tensor.
tensor() {
  python3 -c 'import json, struct, sys
path, name, *numbers = sys.argv[1:]
with open(path, "r+b") as f:
    size = struct.unpack("<Q", f.read(8))[0]
    begin = json.loads(f.read(size))[name]["data_offsets"][0]
    f.seek(8 + size + begin)
    f.write(struct.pack("<%df" % len(numbers), *map(float, numbers)))' "$@"
}

# What every command does.
"$cenote" --help >"$work/help" || bad "--help: exit $?"
[ "$("$cenote" --version)" = "cenote $("$cenote" bench "$model" --seconds 0.01 --json | sed -n 's/.*"version": "\(.*\)".*/\1/p')" ] ||
  bad "--version: $("$cenote" --version)"
for command in $commands; do
  grep -q "^  $command  *[a-z]" "$work/help" || bad "--help: no $command"
  "$cenote" "$command" --help >"$work/$command.help" || bad "$command --help: exit $?"
  grep -q "^Usage: cenote $command" "$work/$command.help" || bad "$command --help: $(cat "$work/$command.help")"
  [ "$("$cenote" "$command" --version)" = "$("$cenote" --version)" ] || bad "$command --version"
  refused 2 "--no-such-option" "$command" --no-such-option
  [ "$(cat "$work/stderr")" = "cenote $command: --no-such-option: no such option
Try 'cenote $command --help'." ] || bad "$command --no-such-option: $(cat "$work/stderr")"
  "$cenote" "$command" -h | cmp -s - "$work/$command.help" || bad "$command -h"
done
"$cenote" --help >/dev/full 2>"$work/stderr" && bad "a full disk is not noticed"
[ "$(wc -l <"$work/stderr")" -eq 1 ] || bad "a full disk: $(cat "$work/stderr")"

# Standard ones that are closed are not taken by files or sockets, and what cannot be said fails.
for command in "info $model" "presets --json" "eval $model $here/tests/audio/valid/drums.flac"; do
  # shellcheck disable=SC2086 # a command and its arguments
  "$cenote" $command >&- 2>"$work/stderr" && bad "$command: said nothing, exit 0"
  [ "$(wc -l <"$work/stderr")" -eq 1 ] || bad "$command, closed: $(cat "$work/stderr")"
done
"$cenote" render "$model" --samples 9 -o "$work/closed.wav" <&- >&- 2>&- || bad "render, all closed: exit $?"
[ "$(wc -c <"$work/closed.wav")" -eq 62 ] || bad "render, all closed: $(wc -c <"$work/closed.wav") bytes"
"$cenote" info "$work/gone.safetensors" 2>&- >"$work/stdout" && bad "info, standard error closed: exit 0"
[ ! -s "$work/stdout" ] || bad "info, standard error closed: $(cat "$work/stdout")"

# Wrong usage.
refused 2 "Usage: cenote COMMAND"
refused 2 "cenote play: no such command" play
for command in info bench; do
  refused 2 "no MODEL" $command
  refused 2 "more than one MODEL" $command "$model" "$model"
  refused 2 "--json=1: this option takes no value" $command "$model" --json=1
  refused 2 "-x: no such option" $command "$model" -x
done
refused 2 "extra" presets extra
refused 2 "--s: ambiguous: --samples, --seed, --slot" render "$model" --s 10
refused 2 "--s=1: ambiguous: --seconds, --spread" bench "$model" --s=1
refused 2 "--seconds: a value is missing" bench "$model" --seconds
for value in 0 -1 nan 0x10 ' 1' 1s 1e9 ''; do refused 2 "--seconds: $value" bench "$model" --seconds "$value"; done
for value in 0 -1 1.5 257 x ''; do refused 2 "--voices: $value" bench "$model" --voices "$value"; done
"$cenote" bench "$model" --seconds 0.05 --voices 3 --spread --precision int8 --json >"$work/int8.json" || bad "bench --spread: exit $?"
json 'a["precision"] == "int8"' "$work/int8.json"
refused 2 "threads" bench "$model" --threads 2
refused 2 "int5" bench "$model" --precision int5

# A model that is none.
printf '\377\377\377\377\377\377\377\177{' >"$work/huge.safetensors"
head -c 3000 "$model" >"$work/cut.safetensors"
: >"$work/empty.safetensors"
for command in info bench 'render -d 1 -o /dev/null'; do
  # shellcheck disable=SC2086 # a command and its options
  for file in huge cut empty gone; do refused 1 "$work/$file.safetensors" $command "$work/$file.safetensors"; done
done
refused 1 "$work/" info "$work/"
refused 1 "starter" info no-such-preset
refused 1 "" info ''
refused 1 "" info ..
refused 1 "" info "$(printf '\033[2J\na/b')"

# info
"$cenote" info "$model" >"$work/info" || bad "info: exit $?"
grep -q 'mulaw' "$work/info" && grep -q '16000' "$work/info" || bad "info: $(cat "$work/info")"
"$cenote" info "$model" --json >"$work/info.json" || bad "info --json: exit $?"
json 'a["sample_rate"] == 16000 and a["encoding"] == "mulaw" and a["precision"] == "f32"' "$work/info.json"
json 'a["parameters"] > 10000 and len(a["hash"]) == 16 and a["state_bytes"] < a["voice_bytes"]' "$work/info.json"
json 'len(a["levels"]) == len(a["config"]["pool_temporal"]) + 1' "$work/info.json"
json 'all(l["rate_hz"] * l["every"] == a["sample_rate"] for l in a["levels"])' "$work/info.json"
json 'a["period"] == a["levels"][-1]["every"]' "$work/info.json"
json 'a["macs_worst"] == sum(l["macs"] for l in a["levels"])' "$work/info.json"
json 'abs(a["macs_mean"] - sum(l["macs"] / l["every"] for l in a["levels"])) < 1e-6 * a["macs_mean"]' "$work/info.json"
python3 - "$work/info.json" <<'PY' || bad "info: ahead_ms is not the longest backlog"
import json, sys
a = json.load(open(sys.argv[1]))
backlog = worst = 0.0
for step in range(1, 3 * a["period"] + 1):
    macs = sum(l["macs"] for l in a["levels"] if step % l["every"] == 0)
    backlog = max(0.0, backlog + macs / a["macs_mean"] - 1.0)
    worst = max(worst, backlog)
sys.exit(abs(worst * 1e3 / a["sample_rate"] - a["ahead_ms"]) > 1e-6)
PY
json 'a["kernel"] in ("amx", "avx512", "avx2", "neon", "portable")' "$work/info.json"
CENOTE_ISA=scalar "$cenote" info "$model" --json >"$work/scalar.json" || bad "info, scalar: exit $?"
json 'a["kernel"] == "scalar"' "$work/scalar.json"
CENOTE_ISA=z80 "$cenote" info "$model" >/dev/null 2>"$work/stderr" && bad "CENOTE_ISA=z80: exit 0"
grep -q z80 "$work/stderr" || bad "CENOTE_ISA=z80: $(cat "$work/stderr")"
# A name that is no UTF-8 is still an answer.
odd=$work/$(printf 'm\351lodie.safetensors')
cp "$model" "$odd"
"$cenote" info "$odd" --json >"$work/odd.json" || bad "info --json of a Latin-1 name: exit $?"
json 'a["file"].endswith("m?lodie.safetensors")' "$work/odd.json"

# bench
"$cenote" bench "$model" --seconds 0.05 >"$work/bench" || bad "bench: exit $?"
grep -q '^for a report: cenote .*/f32' "$work/bench" || bad "bench: $(cat "$work/bench")"
"$cenote" bench "$model" --seconds 0.05 --voices 3 --threads 2 --json >"$work/bench.json" || bad "bench --json: exit $?"
json 'a["voices"] == 3 and a["threads"] == 2 and a["kernel"]' "$work/bench.json"
json '0 < a["clean_us"] <= a["us_per_step"] and a["clean_us"] <= a["clean_worst_us"] <= a["max_us"]' "$work/bench.json"
json '0 < a["p50_us"] <= a["p99_us"] <= a["max_us"] and a["us_per_step"] > 0' "$work/bench.json"
json 'abs(a["x_realtime"] * a["us_per_step"] * a["sample_rate"] - 1e6) < 1' "$work/bench.json"

# bench --full. Times of 30 ms jitter, so that they may add up in one of three tries.
refused 2 "--full" bench "$model" --full --threads 1
mixed=$here/tests/golden/mixed.safetensors
"$cenote" info "$mixed" --json >"$work/info.json" || bad "info: exit $?"
for try in 1 2 3; do
  "$cenote" bench "$mixed" --full --seconds 0.03 --json >"$work/full.json" 2>"$work/stderr" || bad "bench --full: exit $?"
  ! grep "s left" "$work/stderr" || bad "bench --full: progress off a terminal"
  command -v python3 >/dev/null || break
  python3 -c 'import json, sys
a = json.load(open(sys.argv[1]))
sys.exit(abs(a["layers_us"] / a["voices"][0]["clean_us"] - 1) > 0.4)' "$work/full.json" && break
  [ $try -lt 3 ] || bad "the layers do not add up to a step: $(cat "$work/full.json")"
done
json 'abs(sum(l["macs"] for l in a["layers"]) / a["macs_mean"] - 1) < 1e-12' "$work/full.json"
json 'abs(sum(l["us"] for l in a["layers"]) / a["layers_us"] - 1) < 1e-12' "$work/full.json"
json "a['macs_mean'] == json.load(open('$work/info.json'))['macs_mean']" "$work/full.json"
json '{l["layer"] for l in a["layers"]} == {"rglru", "lru", "conv", "mlp", "pools", "input+head", "sampling"}' "$work/full.json"
json 'all(l["gbs"] > 0 and l["gmacs"] > 0 for l in a["layers"] if l["us"] > 0 and l["layer"] != "sampling")' "$work/full.json"
json '[(v["voices"], v["spread"]) for v in a["voices"] if v["threads"] == 1] == [(1, False), (2, False), (4, False), (8, False), (8, True), (16, False)]' "$work/full.json"
json 'all(0 < v["p50_us"] <= v["p99_us"] <= v["max_us"] and v["clean_us"] <= v["clean_worst_us"] for v in a["voices"])' "$work/full.json"
json '[p["precision"] for p in a["precisions"]] == ["f32", "bf16", "int8"] and a["precisions"][0] == a["voices"][0]' "$work/full.json"
json 'a["held"][0]["threads"] == 1 and all(h["voices"] > 0 for h in a["held"])' "$work/full.json"
# 16 voices of this model are faster than real time on most machines: in proportion beyond.
json 'max(v["clean_us"] for v in a["voices"]) >= 62.5 or abs(a["held"][0]["voices"] * a["voices"][5]["clean_us"] / 1000 - 1) < 1e-9' "$work/full.json"
# No run is longer than as many of its worst quarters, nor than as many of the worst step.
json '[r["steps"] for r in a["runs"]] == [16, 64, 256]' "$work/full.json"
json 'all(x >= y * (1 - 1e-6) for r in [[v["clean_worst_us"] / v["clean_us"] for v in a["voices"][:1]] + [r["times_mean"] for r in a["runs"]] + [1]] for x, y in zip(r, r[1:]))' "$work/full.json"
json 'a["lag_us"] is None or 0 <= a["lag_us"] < a["period"] * a["voices"][0]["clean_us"]' "$work/full.json"
json 'a["limits"]["read_gbs"] > 0 and a["limits"]["gmacs"] > 0 and a["limits"]["isa"]' "$work/full.json"
"$cenote" bench "$model" --full --seconds 0.01 --precision int8 >"$work/full" || bad "bench --full: exit $?"
[ "$(grep -c '^for a report: cenote .*/int8.* limits ' "$work/full")" = 1 ] || bad "bench --full: $(cat "$work/full")"
[ "$(grep -c '^  int8 ' "$work/full")" = 1 ] && ! grep -q '^  bf16 ' "$work/full" || bad "bench --full int8: $(cat "$work/full")"

# presets
"$cenote" presets >"$work/presets" || bad "presets: exit $?"
grep -q '^\* starter$' "$work/presets" || bad "presets: $(cat "$work/presets")"
"$cenote" presets --json >"$work/presets.json" || bad "presets --json: exit $?"
json '[p for p in a if p["default"]][0]["name"] == "starter"' "$work/presets.json"
mkdir -p "$work/path/mine" "$work/path/broken"
cp "$model" "$work/path/mine/weights.safetensors"
echo no >"$work/path/broken/weights.safetensors"
CENOTE_PRESET_PATH=$work/path "$cenote" presets --json >"$work/presets.json" || bad "presets, own path: exit $?"
json '{"mine", "broken", "starter"} <= {p["name"] for p in a}' "$work/presets.json"
json '[p for p in a if p["name"] == "broken"][0]["description"]' "$work/presets.json"
CENOTE_PRESET_PATH=$work/path "$cenote" info mine >/dev/null || bad "info of a preset: exit $?"

# At temperature 0 each code of render is the likeliest of `cenote logits`.
if command -v python3 >/dev/null; then
  "$cenote" render "$model" --temperature 0 --samples 300 --format raw -o "$work/cold.raw" || bad "render: exit $?"
  python3 - "$work/cold.raw" "$work/codes.safetensors" <<'END' || bad "the codes of a render"
import json, struct, sys
pcm = struct.unpack("<300h", open(sys.argv[1], "rb").read())
mulaw = lambda z: (256 ** abs(z) - 1) / 255 * (1 if z > 0 else -1)
code = {round(32767 * mulaw(2 * c / 255 - 1)): c for c in range(256)}
header = json.dumps({"tokens": {"dtype": "I32", "shape": [300], "data_offsets": [0, 1200]}}).encode()
with open(sys.argv[2], "wb") as f:
    f.write(struct.pack("<Q", len(header)) + header + struct.pack("<300i", *(code[s] for s in pcm)))
END
  "$cenote" logits "$model" "$work/codes.safetensors" -o "$work/logits.safetensors" || bad "logits: exit $?"
  python3 - "$work/codes.safetensors" "$work/logits.safetensors" <<'END' || bad "temperature 0 is not the argmax of logits"
import json, struct, sys
def read(path, name, letter):
    data = open(path, "rb").read()
    size = struct.unpack_from("<Q", data)[0]
    begin, end = json.loads(data[8:8 + size])[name]["data_offsets"]
    return struct.unpack_from("<%d%s" % ((end - begin) // 4, letter), data, 8 + size + begin)
codes = read(sys.argv[1], "tokens", "i")
logits = read(sys.argv[2], "logits", "f")
rows = (logits[256 * t:256 * t + 256] for t in range(len(codes)))
sys.exit(any(row.index(max(row)) != c for row, c in zip(rows, codes)))
END
  # Changing one weight changes the sound.
  "$cenote" render "$model" --samples 2000 -o "$work/a.raw" || bad "render: exit $?"
  cp "$model" "$work/other.safetensors"
  tensor "$work/other.safetensors" head.bias 3
  "$cenote" render "$work/other.safetensors" --samples 2000 -o "$work/b.raw" || bad "render: exit $?"
  cmp -s "$work/a.raw" "$work/b.raw" && bad "another weight, the same sound"
fi

# The manual page knows every option of every --help.
page=$here/doc/cenote.1
sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Cm \([a-z]*\)$/\1/p' "$page" >"$work/synopsis"
"$cenote" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p' >"$work/named"
for command in $commands $(cat "$work/named"); do
  grep -qx "$command" "$work/synopsis" || bad "cenote.1: no $command in its synopsis"
  grep -qx ".Ss $command" "$page" || bad "cenote.1: no section $command"
done
for command in $commands; do
  for option in $(sed -n 's/^  .\{4\}\(--[a-z-]*\).*/\1/p' "$work/$command.help"); do
    grep -qF -- "Fl -${option#--}" "$page" || bad "cenote.1 lacks $option of $command"
  done
done
if command -v mandoc >/dev/null; then
  mandoc -T lint -W error "$page" || bad "cenote.1"
fi

[ $failures -eq 0 ]
