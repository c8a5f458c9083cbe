#!/bin/sh
# SPDX-License-Identifier: ISC
# `cenote quantize` as a user meets it: what it notes is what `cenote eval` tells, the file runs in
# the precision that it was written in, and what was there stays if that cannot be.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cenote=${CENOTE_BUILD_ROOT:-$here/build}/cli/cenote
model=$here/tests/golden/tiny.safetensors
tokens=$here/tests/golden/tiny.expect.safetensors
failures=0
[ -x "$cenote" ] || {
  echo "check_quantize: no $cenote" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

bad() {
  echo "check_quantize: $*" >&2
  failures=$((failures + 1))
}

# refused STATUS TEXT ARGUMENT...: exit status, and TEXT in the first line on standard error.
refused() {
  want=$1 text=$2
  shift 2
  "$cenote" quantize "$@" >"$work/stdout" 2>"$work/stderr"
  status=$?
  [ $status -eq "$want" ] || bad "$*: exit $status, want $want"
  head -n 1 "$work/stderr" | grep -qF -- "$text" || bad "$*: no '$text' in: $(cat "$work/stderr")"
  [ "$want" -eq 2 ] || [ "$(wc -l <"$work/stderr")" -eq 1 ] || bad "$*: not one line: $(cat "$work/stderr")"
  [ ! -s "$work/stdout" ] || bad "$*: wrote on standard output"
}

# value KEY FILE: what a key of that name has in an answer.
value() {
  sed -n "s/.*\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$2" | head -n 1
}

# near A B LIMIT
near() {
  awk -v a="$1" -v b="$2" -v l="$3" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d <= l && -d <= l) }'
}

# check MODEL PRECISION LIMIT AUDIO NAMES [OPTION]...: write it, and hold the file to what it says.
check() {
  from=$1 precision=$2 limit=$3 audio=$4 names=$5
  shift 5
  to=$work/$precision.safetensors
  "$cenote" quantize "$from" -o "$to" --precision "$precision" --on "$audio" --json "$@" >"$work/answer" ||
    bad "$from in $precision: exit $?"
  "$cenote" info "$to" --json >"$work/info" || bad "info of $from in $precision"
  "$cenote" eval "$to" "$audio" --json >"$work/eval" || bad "eval of $from in $precision"
  original=$work/float-${from##*/}-${audio##*/}
  [ -s "$original" ] || "$cenote" eval "$from" "$audio" --json --precision f32 >"$original" || bad "eval of $from"
  [ "$(value precision "$work/info")" = "$precision" ] || bad "$from runs in $(value precision "$work/info")"
  [ "$(value stored "$work/info")" = "$precision" ] || bad "$from is stored in $(value stored "$work/info")"
  [ "$(value precision "$work/eval")" = "$precision" ] || bad "$from is measured in $(value precision "$work/eval")"
  bits=$(value bits_per_sample "$work/eval")
  float=$(value bits_per_sample "$original")
  near "$(value quantize.bits "$work/info")" "$bits" 0.6e-6 || bad "$from in $precision: notes $(value quantize.bits "$work/info"), has $bits"
  near "$(value bits "$work/answer")" "$bits" 1e-12 || bad "$from in $precision: tells $(value bits "$work/answer"), has $bits"
  near "$(value quantize.bits_float "$work/info")" "$float" 0.6e-6 || bad "$from: notes $(value quantize.bits_float "$work/info") in f32, has $float"
  near "$(value quantize.bits_lost "$work/info")" "$(awk -v a="$bits" -v b="$float" 'BEGIN { print a - b }')" 1e-5 ||
    bad "$from in $precision: notes $(value quantize.bits_lost "$work/info") lost"
  near "$(value quantize.bits_lost "$work/info")" 0 "$limit" || bad "$from in $precision: $(value quantize.bits_lost "$work/info") bits lost"
  grep -qF '"quantize.on": "'"$names"'"' "$work/info" ||
    bad "$from: quantize.on: $(grep quantize.on "$work/info")"
  [ "$(value license "$work/info")" ] || bad "$from: its notes are gone"
  [ "$(value bytes "$work/answer")" -eq "$(wc -c <"$to")" ] || bad "$from: bytes: $(value bytes "$work/answer")"
  # Step by step, the original in this precision: only with one scale a row.
  [ $# -eq 0 ] || return
  "$cenote" logits "$from" "$tokens" -o "$work/want" --precision "$precision" || bad "logits of $from"
  "$cenote" logits "$to" "$tokens" -o "$work/got" || bad "logits of $to"
  cmp -s "$work/want" "$work/got" || bad "$from: other logits than --precision $precision"
  "$cenote" logits "$to" "$tokens" -o "$work/sequence" --mode sequence --precision f32 || bad "a whole sequence of $to"
  bits=$(tail -c 4 "$work/sequence" | od -An -tf4 | tr -d ' ')
  near "$bits" "$(tail -c 4 "$work/got" | od -An -tf4 | tr -d ' ')" 0.05 || bad "$from: sequence $bits"
  "$cenote" render "$to" --samples 400 -o "$work/a.wav" --precision "$precision" &&
    "$cenote" render "$to" --samples 400 -o "$work/b.wav" && cmp -s "$work/a.wav" "$work/b.wav" ||
    bad "$from: does not play in $precision by itself"
}

# The limits: twice what was measured; for the starter, what plain rounding is to keep.
all=$here/tests/audio/valid one=$here/tests/audio/valid/drums.flac
four='drums.flac, piano.flac, speech.flac, texture.flac (4 clips, 128000 samples)'
check "$model" bf16 0.01 "$all" "$four"
check "$model" int8 0.01 "$all" "$four"
check starter bf16 0.003 "$one" 'drums.flac (1 clip, 32000 samples)'
check starter int8 0.004 "$all" "$four"
lost=$(value quantize.bits_lost "$work/info")
[ "$(wc -c <"$work/int8.safetensors")" -lt 900000 ] || bad "starter in int8: $(wc -c <"$work/int8.safetensors") bytes"
check starter int8 0.002 "$all" "$four" --groups 2
awk -v a="$(value quantize.bits_lost "$work/info")" -v b="$lost" 'BEGIN { exit !(a < b) }' || bad "two scales a row lose no less"

# The lines for people; the same call, the same bytes.
"$cenote" quantize "$model" -o "$work/a.safetensors" --precision int8 --on "$one" >"$work/text" || bad "without --json"
grep -q 'in int8, [0-9.-]* lost$' "$work/text" || bad "says: $(cat "$work/text")"
"$cenote" quantize "$model" -o "$work/b.safetensors" --precision int8 --on "$one" >/dev/null || bad "a second time"
cmp -s "$work/a.safetensors" "$work/b.safetensors" || bad "the same call, other bytes"
"$cenote" info "$work/a.safetensors" | grep -q 'quantize.on: drums.flac (1 clip, 32000 samples)' || bad "info lacks the notes"
"$cenote" info "$work/a.safetensors" | grep -q 'matrices stored in int8' || bad "info lacks the precision"
# In the folder that it is called from.
(cd "$work" && "$cenote" quantize "$model" -o here --precision bf16 --on "$one" >/dev/null) && [ -s "$work/here" ] ||
  bad "-o here"

# A model that loses more is noted to run in f32 unless --force: tiny with its head 60 times over.
if command -v python3 >/dev/null; then
  python3 - "$model" "$work/loud.safetensors" <<'END' || bad "cannot make loud.safetensors"
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack_from("<Q", data)[0]
begin, end = json.loads(data[8:8 + size])["head.weight"]["data_offsets"]
for at in range(8 + size + begin, 8 + size + end, 4):
    struct.pack_into("<f", data, at, 60 * struct.unpack_from("<f", data, at)[0])
open(sys.argv[2], "wb").write(data)
END
  for force in '' --force; do
    # shellcheck disable=SC2086 # an option or none
    "$cenote" quantize "$work/loud.safetensors" -o "$work/loud8" --precision int8 --on "$one" $force >/dev/null 2>"$work/stderr" ||
      bad "loud $force: exit $?"
    grep -q 'lost in int8, more than 0.01' "$work/stderr" || bad "loud $force: says $(cat "$work/stderr")"
    "$cenote" info "$work/./loud8" --json >"$work/info"
    want=f32
    [ -z "$force" ] || want=int8
    [ "$(value precision "$work/info")" = $want ] || bad "loud $force: runs in $(value precision "$work/info")"
  done
fi

# What cannot be: one line, and what was there stays.
echo kept >"$work/kept"
refused 1 "int8 already" "$work/a.safetensors" -o "$work/kept" --precision int8 --on "$one"
refused 1 "no row of it divides into 2 groups" "$model" -o "$work/kept" --precision int8 --on "$one" --groups 2
refused 1 "starter" no-such-preset -o "$work/kept" --precision int8 --on "$one"
refused 1 "$work/gone: cannot open" "$model" -o "$work/kept" --precision int8 --on "$work/gone"
mkdir "$work/none"
refused 1 "$work/none: no audio" "$model" -o "$work/kept" --precision int8 --on "$work/none"
echo text >"$work/text.wav"
refused 1 "$work/text.wav: cannot read it as audio" "$model" -o "$work/kept" --precision int8 --on "$work/text.wav"
cp "$model" "$work/own.safetensors"
ln "$work/own.safetensors" "$work/linked"
refused 1 "this is MODEL itself" "$work/own.safetensors" -o "$work/own.safetensors" --precision int8 --on "$one"
refused 1 "this is MODEL itself" "$work/own.safetensors" -o "$work/linked" --precision bf16 --on "$one"
refused 1 "this is AUDIO itself" "$model" -o "$work/text.wav" --precision int8 --on "$work/text.wav"
cmp -s "$model" "$work/own.safetensors" || bad "MODEL was written over"
refused 1 "/nowhere/out: cannot write" "$model" -o /nowhere/out --precision int8 --on "$one"
refused 2 "want the name of a file" "$model" -o - --precision int8 --on "$one"
refused 1 "/dev/null: cannot write: not a regular file" "$model" -o /dev/null --precision int8 --on "$one"
[ "$(cat "$work/kept")" = kept ] || bad "a failed command wrote over its output"
[ -z "$(find "$work" -name '.cenote*' -o -name '*.safetensors.*')" ] || bad "left behind: $(ls -A "$work")"
refused 2 "no MODEL" -o "$work/kept" --precision int8 --on "$one"
refused 2 "more than one MODEL" "$model" "$model" -o "$work/kept" --precision int8 --on "$one"
refused 2 "want -o OUT" "$model" --precision int8 --on "$one"
refused 2 "want --precision bf16 or int8" "$model" -o "$work/kept" --on "$one"
refused 2 "want --precision bf16 or int8" "$model" -o "$work/kept" --precision f32 --on "$one"
refused 2 "--precision: int9 is none of" "$model" -o "$work/kept" --precision int9 --on "$one"
refused 2 "want --on AUDIO" "$model" -o "$work/kept" --precision int8
refused 2 "--groups is for int8" "$model" -o "$work/kept" --precision bf16 --groups 2 --on "$one"
for groups in 0 -1 x 2049 ''; do
  refused 2 "--groups: $groups is no whole number" "$model" -o "$work/kept" --precision int8 --on "$one" --groups "$groups"
done

[ $failures -eq 0 ]
