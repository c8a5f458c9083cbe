#!/bin/sh
# SPDX-License-Identifier: ISC
# check_outputs.sh: several outputs of cenoted at once; files in a row; what a slow reader, a full
# disk and a kill do to one of them, and do not do to the others.
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
reader=
trap 'kill -9 $daemon $reader 2>/dev/null; rm -rf "$work"' EXIT

bad() {
  echo "check_outputs: $*" >&2
  failures=$((failures + 1))
}

# fast ARGUMENT...: two seconds of the same sound, as fast as it can.
fast() {
  "$cenoted" --fast --port 0 --seed 7 --duration 2 "$@" "$model" 2>"$work/log"
}

# begin ARGUMENT...: a daemon in the background, with its port in $port.
begin() {
  rm -f "$work/log"
  "$cenoted" --port 0 --seed 7 --media-dir "$work" "$@" "$model" 2>"$work/log" &
  daemon=$!
  port=
  for _ in $(seq 1200); do
    port=$(sed -n 's/^cenoted: ready: udp 127.0.0.1:\([0-9]*\),.*/\1/p' "$work/log" 2>/dev/null)
    [ -n "$port" ] && return
    sleep 0.05
  done
  bad "not ready: $(cat "$work/log")"
}

# raw FILE: its samples, without a header.
raw() {
  sox "$1" -t raw -e signed -b 16 -L -
}

# same FILE...: each holds the samples of the one alone.
same() {
  for file in "$@"; do
    raw "$file" >"$work/raw"
    cmp -s "$work/raw" "$work/alone.raw" || bad "$file: other samples than alone"
  done
}

# frames FILE...: of all together.
frames() {
  total=0
  for file in "$@"; do total=$((total + $(soxi -s "$file" 2>/dev/null || echo -1000000))); done
  echo $total
}

command -v sox >/dev/null || { echo "skipped: sox is not installed (Debian: sox)"; exit 77; }
cd "$work" || exit 1

fast --output alone.wav || bad "alone: $(cat log)"
raw alone.wav >alone.raw
[ "$(frames alone.wav)" -eq 32000 ] || bad "alone: $(frames alone.wav) frames"

# Formats before and after; several at once; what is wrong usage.
fast --output a.wav --format flac && same a.wav && fast --format flac --output b.wav || bad "$(cat log)"
[ "$(head -c 4 a.wav)$(head -c 4 b.wav)" = fLaCfLaC ] || bad "--format of a single output"
fast --output a.wav --format w64 --output b.w64 --format flac --output c.flac --output d.flac ||
  bad "several: $(cat log)"
same a.wav b.w64 c.flac d.flac
for wrong in "--output a --output b --format flac" "--output a --output a" "--output - --output -" \
  "--output a --split 0" "--output icecast://x:y@z/m" "--output 1 --output 2 --output 3 --output 4 \
  --output 5 --output 6 --output 7 --output 8 --output 9"; do
  fast $wrong
  [ $? -eq 2 ] || bad "$wrong is not wrong usage"
done

# A row of files: no frame lost or doubled, each of the length asked for.
fast --output r.wav --output s.flac --split 0.7 || bad "--split: $(cat log)"
for kind in r:wav s:flac; do
  name=${kind%:*} end=${kind#*:}
  [ "$(frames $name-0001.$end) $(frames $name-0002.$end) $(frames $name-0003.$end)" = \
    "11200 11200 9600" ] || bad "--split: $name"
  [ ! -e $name.$end ] && [ ! -e $name-0004.$end ] || bad "--split: a file too many"
  for part in 1 2 3; do raw $name-000$part.$end; done >raw
  cmp -s raw alone.raw || bad "--split: the files of $name are not the sound"
done

# What is started again goes on after the files that are there, which stay as they are.
cp r-0001.wav before
rm r-0002.wav
fast --output r.wav --split 0.7 || bad "--split again: $(cat log)"
cmp -s r-0001.wav before || bad "--split again: an earlier file is lost"
[ "$(ls r-*.wav | tr '\n' ' ')" = "r-0001.wav r-0002.wav r-0003.wav r-0004.wav r-0005.wav " ] ||
  bad "--split again: $(ls r-*.wav)"

# A FIFO without a reader keeps nobody; one read at a tenth of the speed misses frames, told, and
# its neighbour none; one whose reader goes ends alone.
mkfifo fifo
timeout -k 2 20 "$cenoted" --fast --port 0 --seed 7 --duration 2 --output a.wav --output fifo "$model" \
  2>log || bad "a FIFO without a reader: $(cat log)"
same a.wav
python3 -c '
import time
with open("fifo", "rb") as fifo:
    while fifo.read(3200): time.sleep(0.5)' &
reader=$!
"$cenoted" --fast --port 0 --seed 7 --duration 20 --output 20.wav "$model" 2>log || bad "20 s"
begin --fast --duration 20 --output a.wav --output fifo
wait $daemon || bad "a slow reader: $(cat log)"
kill $reader
wait $reader 2>/dev/null
cmp -s a.wav 20.wav || bad "a slow reader of the FIFO changes the file"
grep -q '^cenoted: fifo does not keep up: frames are dropped$' log &&
  grep -q '^cenoted: fifo: [1-9][0-9]* frames dropped in all$' log ||
  bad "a slow reader: drops are not told: $(cat log)"
[ "$(grep -c 'keep up' log)" -lt 5 ] || bad "a slow reader: told too often"
head -c 3000 fifo >/dev/null &
reader=$!
begin --duration 2 --output a.wav --output fifo
wait $daemon || bad "a reader that goes: $(cat log)"
wait $reader
same a.wav
"$cenoted" --port 0 --output - --duration 30 "$model" 2>log | head -c 3000 >/dev/null
grep -q 'frames dropped' log && bad "the only pipe closed: $(cat log)"
# Ctrl-C with a reader that reads nothing: over soon, however slow this machine.
sleep 30 <fifo &
reader=$!
begin --output fifo
sleep 1.5
kill -INT $daemon
for _ in $(seq 400); do kill -0 $daemon 2>/dev/null && sleep 0.05; done
kill -0 $daemon 2>/dev/null && bad "a reader that reads nothing: it does not end"
kill -9 $daemon $reader 2>/dev/null
wait $daemon || bad "a reader that reads nothing: $(cat log)"
wait $reader 2>/dev/null

# No room: the only output fails the run in one line; beside another it does not. What was written
# is whole. A limit on the size of files stands for the full disk.
(ulimit -f 60; fast --output full.wav)
[ $? -eq 1 ] && [ "$(grep -c 'full.wav' log)" -eq 1 ] && grep -q 'full.wav: File too large' log ||
  bad "no room: $(cat log)"
raw full.wav >raw
size=$(wc -c <raw)
[ "$size" -gt 20000 ] && head -c "$size" alone.raw | cmp -s - raw || bad "no room: not whole"
(ulimit -f 60; fast --output full.wav --output - >/dev/null) || bad "no room beside: $(cat log)"
(ulimit -f 60; fast --output full.wav --output - 2>/dev/null) | tail -c +45 | cmp -s - alone.raw ||
  bad "no room: the pipe beside it suffers"
fast --output /dev/full
[ $? -eq 1 ] && grep -q '/dev/full: No space left' log || bad "/dev/full: $(cat log)"

# A take without room says why; a link and a FIFO are no places for one.
(
  ulimit -f 60
  exec "$cenoted" --port 0 --no-audio --seed 7 --media-dir "$work" "$model" 2>log
) &
daemon=$!
await_ready log
port=$(sed -n 's/^cenoted: ready: udp 127.0.0.1:\([0-9]*\),.*/\1/p' log)
ln -s elsewhere.wav link.wav
for place in link.wav fifo; do
  "$cenote" send --port "$port" /rec/start $place >reply 2>/dev/null && bad "/rec/start $place"
  grep -q ' 4$' reply || bad "/rec/start $place: $(cat reply)"
done
[ ! -e elsewhere.wav ] || bad "a take goes through a link"
"$cenote" send --port "$port" /rec/start take.wav >reply || bad "/rec/start: $(cat reply)"
for _ in $(seq 600); do grep -q 'take.wav: File too large' log && break || sleep 0.05; done
"$cenote" send --port "$port" /rec/stop >reply 2>/dev/null && bad "/rec/stop of a take without room"
grep -q '^/fail /rec/stop .*take.wav: File too large.* 4$' reply || bad "/rec/stop: $(cat reply)"
[ "$(frames take.wav)" -gt 5000 ] || bad "a take without room is not whole"
"$cenote" send --port "$port" /quit >/dev/null
wait $daemon || bad "after a take without room: $(cat log)"

# Takes in a row, and /rec/file for each.
begin --no-audio --split 0.5
python3 - "$port" >heard <<'PY' &
import socket, sys, time
osc = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
osc.settimeout(20)
osc.sendto(b"/notify\0,i\0\0\0\0\0\1", ("127.0.0.1", int(sys.argv[1])))
for _ in range(100):
    data = osc.recv(2000)
    if data.startswith(b"/rec/file\0"):
        print(data[16:].split(b"\0")[0].decode(), int.from_bytes(data[-8:], "big"), flush=True)
        break
PY
reader=$!
sleep 0.3
"$cenote" send --port "$port" /rec/start row.wav >reply || bad "/rec/start: $(cat reply)"
wait $reader
"$cenote" send --port "$port" /rec/stop >reply || bad "/rec/stop: $(cat reply)"
[ "$(cat heard)" = "row-0001.wav 8000" ] || bad "/rec/file: $(cat heard)"
held=$(sed 's/.* //' reply)
[ "$(frames row-*.wav)" -eq "$held" ] || bad "takes in a row: $held frames, files $(frames row-*.wav)"
"$cenote" send --port "$port" /quit >/dev/null
wait $daemon

# kill -9 with three outputs and a take: all open, short of less than a second.
begin --output k.wav --format wav --output l.wav --format w64 --output m.w64
"$cenote" send --port "$port" /rec/start n.wav >/dev/null || bad "/rec/start"
sleep 2.5
clock=$("$cenote" send --port "$port" /status | tail -n 1)
clock=${clock##* }
kill -9 $daemon
wait $daemon 2>/dev/null
daemon=
[ "$clock" -gt 16000 ] || bad "kill -9: it made $clock frames"
for file in k.wav l.wav m.w64 n.wav; do
  [ "$(frames $file)" -ge $((clock - 16000)) ] || bad "kill -9: $file: $(frames $file) of $clock"
done
[ $failures -eq 0 ]
