#!/bin/sh
# SPDX-License-Identifier: ISC
# check_daemon.sh: what cenoted writes is what cenote renders; pipes, kills, signals, bad input.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$here/tests/support/await.sh"
build=${CENOTE_BUILD_ROOT:-$here/build}
cenote=$build/cli/cenote
cenoted=$build/daemon/cenoted
model=$here/tests/golden/tiny.safetensors
failures=0
work=$(mktemp -d)
daemon=
trap '[ -n "$daemon" ] && kill -9 "$daemon" 2>/dev/null; rm -rf "$work"' EXIT

bad() {
  echo "check_daemon: $*" >&2
  failures=$((failures + 1))
}

# begin ARGUMENT...: a daemon in the background; the log of the one before must not speak for it.
begin() {
  rm -f "$work/log"
  "$cenoted" --port 0 "$@" 2>"$work/log" &
  daemon=$!
  wait_for "$work/log"
}

# wait_for FILE: until the daemon that logs there is ready.
wait_for() {
  await_ready "$1" || bad "not ready: $(cat "$1")"
}

command -v sox >/dev/null || { echo "skipped: sox is not installed (Debian: sox)"; exit 77; }

# The same samples whatever the block, in both channels.
"$cenote" render "$model" --seed 7 -d 2 -o "$work/render.wav" || bad "render fails"
sox "$work/render.wav" -t raw "$work/render.raw"
for block in 16 64 1000; do
  "$cenoted" --fast --output "$work/a.wav" --rate 16000 --voices 1 --seed 7 --duration 2 --dry \
    --port 0 --block $block "$model" 2>"$work/log" || bad "block $block: $(cat "$work/log")"
  for channel in 1 2; do
    sox "$work/a.wav" -t raw "$work/a.raw" remix $channel
    cmp -s "$work/render.raw" "$work/a.raw" || bad "block $block, channel $channel: other samples"
  done
done

# --precision of the first model; what is none of them is refused.
for precision in f32 bf16 int8; do
  "$cenote" render "$model" --precision $precision --seed 7 -d 1 -o "$work/p.wav"
  "$cenoted" --fast --output "$work/a.wav" --seed 7 --duration 1 --dry --port 0 \
    --precision $precision "$model" 2>"$work/log" || bad "$precision: $(cat "$work/log")"
  grep -q "^cenoted: .* ($precision, " "$work/log" || bad "$precision: not in: $(cat "$work/log")"
  sox "$work/p.wav" -t raw "$work/p.$precision"
  sox "$work/a.wav" -t raw "$work/a.raw" remix 1
  cmp -s "$work/p.$precision" "$work/a.raw" || bad "$precision: daemon and render differ"
done
cmp -s "$work/p.f32" "$work/p.int8" && bad "int8 has the samples of f32"
"$cenoted" --precision f16 2>/dev/null
[ $? -eq 2 ] || bad "--precision f16 is not wrong usage"
"$cenoted" --threads 0 2>/dev/null
[ $? -eq 2 ] || bad "--threads 0 is not wrong usage"

# Models loaded later have it too. The time ahead that a model needs: said, and warned of.
begin --no-audio --ahead 1 --precision bf16 "$model"
port=$(sed -n 's/^cenoted: ready: udp 127.0.0.1:\([0-9]*\),.*/\1/p' "$work/log")
grep -q '^cenoted: .*(bf16, .*: needs [0-9.]* ms ahead, has 1 ms$' "$work/log" ||
  bad "no time ahead in: $(cat "$work/log")"
grep -q '^cenoted: --ahead 1 is too short' "$work/log" || bad "--ahead 1: $(cat "$work/log")"
"$cenote" send --port "$port" /model/load "$model" again >"$work/reply" || bad "/model/load again"
"$cenote" send --port "$port" /model/info again >"$work/reply"
grep -q 'precision.*bf16' "$work/reply" || bad "/model/info: $(cat "$work/reply")"
kill -INT $daemon
wait $daemon
begin --no-audio "$model"
grep -q 'has 20 ms$' "$work/log" && ! grep -q 'too short' "$work/log" ||
  bad "--ahead 20: $(cat "$work/log")"
kill -INT $daemon
wait $daemon
daemon=

# One weight changed, the sound changes in both.
python3 - "$model" "$work/other.safetensors" <<'PY' || bad "python3 is needed to change a weight"
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
begin = 8 + size + json.loads(data[8:8 + size])["head.bias"]["data_offsets"][0] + 4 * 128
data[begin:begin + 4] = struct.pack("<f", 3.0)
open(sys.argv[2], "wb").write(data)
PY
"$cenote" render "$work/other.safetensors" --seed 7 -d 2 -o "$work/other.wav" || bad "other fails"
cmp -s "$work/render.wav" "$work/other.wav" && bad "a changed weight does not change the sound"
"$cenoted" --fast --output "$work/b.wav" --rate 16000 --seed 7 --duration 2 --dry --port 0 \
  "$work/other.safetensors" 2>/dev/null
sox "$work/other.wav" -t raw "$work/other.raw"
sox "$work/b.wav" -t raw "$work/b.raw" remix 1
cmp -s "$work/other.raw" "$work/b.raw" || bad "a changed weight: daemon and render differ"

# A pipe: a WAV without end.
"$cenoted" --output - --duration 1 --port 0 "$model" 2>/dev/null |
  sox -t wav - -n stat 2>"$work/stat" || bad "sox cannot read the pipe"
grep -q 'Samples read: *32000' "$work/stat" || bad "the pipe: $(cat "$work/stat")"
"$cenoted" --output - --port 0 "$model" 2>"$work/log" | head -c 100000 >/dev/null
grep -q 'cannot\|fault' "$work/log" && bad "reader gone: $(cat "$work/log")"

# kill -9 leaves files that open, short of less than a second.
for format in rf64 wav; do
  begin --output "$work/k.wav" --format $format "$model"
  port=$(sed -n 's/^cenoted: ready: udp 127.0.0.1:\([0-9]*\),.*/\1/p' "$work/log")
  sleep 3
  # The last of /status.reply is the sample clock: a loaded machine may be behind the wall's.
  clock=$("$cenote" send --port "$port" /status | tail -n 1)
  clock=${clock##* }
  kill -9 $daemon
  wait $daemon 2>/dev/null
  daemon=
  frames=$(soxi -s "$work/k.wav" 2>/dev/null || echo 0)
  [ "$clock" -gt 16000 ] && [ "$frames" -ge $((clock - 16000)) ] ||
    bad "kill -9, $format: $frames frames of $clock"
done

# Signals end it cleanly; what it cannot do it says.
for signal in INT TERM; do
  begin --output "$work/s.flac" "$model"
  kill -$signal $daemon
  wait $daemon || bad "SIG$signal: ends with $?"
  daemon=
  soxi "$work/s.flac" >/dev/null 2>&1 || bad "SIG$signal: no good file"
done
"$cenoted" --port 0 /nowhere.safetensors --no-audio 2>"$work/log"
[ $? -eq 1 ] && grep -q '/nowhere.safetensors' "$work/log" || bad "no model: $(cat "$work/log")"
"$cenoted" --block 0 2>/dev/null
[ $? -eq 2 ] || bad "--block 0 is not wrong usage"
"$cenoted" --no-audio --port 0 --media-dir /nowhere "$model" 2>/dev/null
[ $? -eq 1 ] || bad "--media-dir /nowhere starts"
printf keep >"$work/keep.wav"
"$cenoted" --output "$work/keep.wav" --fast --duration 1 --port 0 /nowhere.safetensors 2>/dev/null
[ "$(cat "$work/keep.wav")" = keep ] || bad "a file is written over though nothing could play"

# Weights whose state overflows: silence and a message, no NaN, and it stays alive.
python3 - "$model" "$work/wild.safetensors" <<'PY'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
begin, end = header["levels.0.up.3.out.bias"]["data_offsets"]
for at in range(8 + size + begin, 8 + size + end, 4):
    data[at:at + 4] = struct.pack("<f", 3e38)
open(sys.argv[2], "wb").write(data)
PY
"$cenoted" --fast --output "$work/w.wav" --duration 1 --port 0 "$work/wild.safetensors" \
  2>"$work/log" || bad "weights that overflow end the daemon with $?"
grep -q 'no longer finite' "$work/log" || bad "weights that overflow: no message"
"$cenote" render "$work/wild.safetensors" -d 1 -o "$work/w2.wav" 2>"$work/log"
[ $? -eq 1 ] && [ ! -e "$work/w2.wav" ] || bad "render of weights that overflow"
[ $failures -eq 0 ]
