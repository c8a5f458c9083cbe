#!/bin/sh
# SPDX-License-Identifier: ISC
# How cenoted begins and ends: what it refuses before it has touched a file, and what ends it.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$here/tests/support/await.sh"
build=${CENOTE_BUILD_ROOT:-$here/build}
cenoted=$build/daemon/cenoted
failures=0
work=$(mktemp -d)
daemon=
trap '[ -n "$daemon" ] && kill -9 $daemon 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
cp "$here/tests/golden/tiny.safetensors" my.safetensors
cp my.safetensors whole

bad() {
  echo "check_ends: $*" >&2
  failures=$((failures + 1))
}

# refused STATUS REGEX ARGS...: at once, said, and keep.wav and the weights as they were.
refused() {
  wanted=$1 line=$2
  shift 2
  echo kept >keep.wav
  timeout 20 "$cenoted" --no-config --port 0 --duration 0.1 "$@" >out 2>log
  status=$?
  [ $status -eq "$wanted" ] || bad "$*: ends with $status, not $wanted"
  grep -Eq -- "$line" log || bad "$*: no '$line' in: $(cat log)"
  [ "$(cat keep.wav)" = kept ] || bad "$*: keep.wav is written over"
  cmp -s my.safetensors whole || bad "$*: the weights are written over"
}

# An option whose value is missing takes no other argument for it.
refused 2 'requires an argument' --fast my.safetensors --output
refused 2 'requires an argument' my.safetensors --no-audio --media-dir
# Nothing of value is written over, whatever its name is spelt like.
refused 1 'is the weights themselves' --fast my.safetensors --output my.safetensors
refused 1 'is the weights themselves' --fast my.safetensors --output ./my.safetensors
ln -s my.safetensors link.wav
refused 1 'is the weights themselves' --fast my.safetensors --output link.wav
refused 1 'is an output already' --fast my.safetensors --output p.wav --output ./p.wav
refused 1 'No such file' --fast my.safetensors --output keep.wav --output none/x.wav
refused 1 'Is a directory' --fast my.safetensors --output keep.wav --output .
refused 1 'cannot go to a pipe' --fast my.safetensors --output keep.wav --format ogg --output -
refused 2 'name is empty' --fast my.safetensors --output=
refused 2 'LOW:HIGH' --fast --no-audio my.safetensors --watchdog-bits 1
refused 1 'no such folder' --fast --no-audio my.safetensors --media-dir whole
refused 1 'is a folder' --fast --no-audio my.safetensors --input .
refused 1 'keep.wav' --fast --no-audio my.safetensors --input keep.wav

# However short, an end.
timeout 20 "$cenoted" --no-config --port 0 --fast --duration 1e-7 --output one.wav my.safetensors \
  2>log || bad "--duration 1e-7: ends with $?"
"$cenoted" --no-config --port 0 --fast --duration 0.1 --output heard.wav my.safetensors 2>log ||
  bad "heard.wav: $(cat log)"
refused 1 'is the input itself' --fast my.safetensors --input heard.wav --output ./heard.wav

# It says what it listens on.
"$cenoted" --no-config --port 0 --bind ::1 --fast --no-audio --duration 0.1 my.safetensors 2>log &&
  { grep -q 'ready: udp \[::1\]:[1-9]' log || bad "--bind ::1: $(cat log)"; }

# A pipe that nobody writes to, with no clock; a terminal that is closed.
mkfifo silent
for signal in TERM HUP; do
  "$cenoted" --no-config --port 0 --fast --input silent --output x.wav my.safetensors 2>log &
  daemon=$!
  await_ready log
  kill -$signal $daemon
  for _ in $(seq 600); do
    kill -0 $daemon 2>/dev/null || break
    sleep 0.1
  done
  kill -9 $daemon 2>/dev/null && bad "$signal does not end it while it waits for its input"
  wait $daemon
  status=$?
  [ $status -eq 0 ] || bad "$signal: ends with $status"
  daemon=
done

# What is asked for and cannot be written; standard streams that are closed.
if [ -w /dev/full ]; then
  "$cenoted" --help >/dev/full 2>log && bad "--help to a full disk: exit 0"
fi
"$cenoted" --no-config --port 0 --fast --output y.wav --duration 0.1 my.safetensors <&- >&- 2>&- ||
  bad "without standard streams: ends with $?"
[ "$(head -c 4 y.wav)" = RIFF ] || bad "without standard streams: $(head -c 64 y.wav)"
[ $failures -eq 0 ]
