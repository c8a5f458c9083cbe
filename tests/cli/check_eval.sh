#!/bin/sh
# SPDX-License-Identifier: ISC
# `cenote eval` and `cenote logits` as a user meets them: one number from both ways through the
# model, right whatever form the audio has, and a line that names the file when it cannot be had.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cenote=${CENOTE_BUILD_ROOT:-$here/build}/cli/cenote
model=$here/tests/golden/tiny.safetensors
tokens=$here/tests/golden/tiny.expect.safetensors # holds `tokens`, and more
audio=$here/tests/audio/valid
failures=0
[ -x "$cenote" ] || {
  echo "check_eval: no $cenote" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

bad() {
  echo "check_eval: $*" >&2
  failures=$((failures + 1))
}

# refused STATUS TEXT ARGUMENT...: exit status, and TEXT in one line on standard error.
refused() {
  want=$1 text=$2
  shift 2
  timeout 60 "$cenote" "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ $status -eq "$want" ] || bad "$*: exit $status, want $want"
  grep -qF -- "$text" "$work/err" || bad "$*: no '$text' in: $(cat "$work/err")"
  [ ! -s "$work/out" ] || bad "$*: wrote on standard output"
}

# value KEY FILE: the first number of that name in an answer.
value() {
  sed -n "s/.*\"$1\": \([0-9.e+-]*\).*/\1/p" "$2" | head -n 1
}

# near A B LIMIT
near() {
  awk -v a="$1" -v b="$2" -v l="$3" 'BEGIN { d = a - b; exit !(a != "" && d < l && -d < l) }'
}

# The same number both ways, and the folder in the order of its names.
for mode in step sequence; do
  "$cenote" eval "$model" "$audio" --json --mode $mode >"$work/$mode" || bad "eval --mode $mode"
done
near "$(value bits_per_sample "$work/step")" "$(value bits_per_sample "$work/sequence")" 1e-5 ||
  bad "step and sequence differ: $(value bits_per_sample "$work/step") $(value bits_per_sample "$work/sequence")"
[ "$(value clips "$work/step")" = 4 ] || bad "clips: $(value clips "$work/step"), want 4"
[ "$(value samples "$work/step")" = 128000 ] || bad "samples: $(value samples "$work/step")"
grep -o '[a-z]*\.flac' "$work/step" >"$work/names"
sort -c "$work/names" || bad "files are not sorted: $(cat "$work/names")"
"$cenote" eval "$model" "$audio" >"$work/text" || bad "eval without --json"
near "$(tail -n 1 "$work/text" | awk '{ print $1 }')" "$(value bits_per_sample "$work/sequence")" 1e-6 ||
  bad "text and --json differ"

# The mean is over samples, not over clips.
awk '/bits_per_sample/ && n++ { split($2, b, ","); bits = b[1] }
     /samples/ && n > 1 { split($2, s, ","); all += bits * s[1]; count += s[1] }
     END { printf "%.9f\n", all / count }' "$work/step" >"$work/mean"
near "$(cat "$work/mean")" "$(value bits_per_sample "$work/step")" 1e-8 || bad "the mean is not over samples"

# The same sound in other files.
one=$audio/drums.flac
"$cenote" eval "$model" "$one" --json >"$work/one" || bad "eval of one file"
mkdir -p "$work/set/below/deeper" "$work/set/empty" "$work/none"
if command -v sox >/dev/null; then
  sox "$one" "$work/set/below/deeper/16.WAV"
  sox "$one" -e floating-point -b 32 "$work/set/float.wav"
  sox "$one" -b 24 -c 2 "$work/set/below/stereo.aiff"
  echo text >"$work/set/notes.txt"
  "$cenote" eval "$model" "$work/set" --json >"$work/forms" || bad "eval of other forms"
  [ "$(value clips "$work/forms")" = 3 ] || bad "clips: $(value clips "$work/forms"), want 3"
  near "$(value bits_per_sample "$work/forms")" "$(value bits_per_sample "$work/one")" 1e-9 ||
    bad "16-bit, float and stereo files of one sound differ"
  sox "$one" -r 48000 "$work/48.wav"
  "$cenote" eval "$model" "$work/48.wav" --json >"$work/48" || bad "eval at another rate"
  near "$(value samples "$work/48")" 32000 2 || bad "48 kHz gives $(value samples "$work/48") samples"
  near "$(value bits_per_sample "$work/48")" "$(value bits_per_sample "$work/one")" 0.2 ||
    bad "48 kHz gives $(value bits_per_sample "$work/48") bits"
  sox -n -r 16000 -c 1 -b 16 "$work/silent.wav" trim 0 0
  refused 1 "$work/silent.wav: no samples" eval "$model" "$work/silent.wav"
  head -c 20000 "$one" >"$work/cut.flac"
  refused 1 "$work/cut.flac: cannot read" eval "$model" "$work/cut.flac"
else
  echo "no sox: other forms of audio are not checked"
fi

# A float that is none: a WAV of one, written byte by byte.
printf 'RIFF\050\0\0\0WAVEfmt \020\0\0\0\003\0\001\0\200\076\0\0\0\372\0\0\004\0\040\0data\004\0\0\0\0\0\300\177' >"$work/nan.wav"
refused 1 "$work/nan.wav: frame 0 is not a finite number" eval "$model" "$work/nan.wav"

echo text >"$work/text.wav"
refused 1 "$work/text.wav: cannot read it as audio" eval "$model" "$work/text.wav"
mkfifo "$work/fifo"
refused 1 "$work/fifo: cannot read it as audio: not a regular file" eval "$model" "$work/fifo"
refused 1 "$work/none: no audio" eval "$model" "$work/none"
refused 1 "$work/gone: cannot open" eval "$model" "$work/gone"
refused 1 "no such model" eval "./no such model.safetensors" "$one"
refused 2 "want MODEL and PATH" eval "$model"
refused 2 "--mode is voices=0" eval "$model" "$one" --mode voices=0
refused 2 "sequence computes in f32" eval "$model" "$one" --mode sequence --precision int8
refused 2 "--frob: no such option" eval "$model" "$one" --frob

# logits: the golden answer's mean, both ways; the last four bytes are nll_bits.
for mode in step sequence voices=5; do
  "$cenote" logits "$model" "$tokens" -o "$work/answer" --mode $mode || bad "logits --mode $mode"
  near "$(tail -c 4 "$work/answer" | od -An -tf4 | tr -d ' ')" 4.1661 1e-4 ||
    bad "logits --mode $mode: nll_bits $(tail -c 4 "$work/answer" | od -An -tf4)"
done
for isa in scalar portable avx2 avx512 amx neon; do
  CENOTE_ISA=$isa "$cenote" info "$model" >/dev/null 2>&1 || continue # not on this machine
  for precision in bf16 int8; do
    CENOTE_ISA=$isa "$cenote" logits "$model" "$tokens" -o "$work/$isa" --precision $precision ||
      bad "logits --precision $precision on $isa"
    [ -e "$work/$precision" ] || cp "$work/$isa" "$work/$precision"
    cmp -s "$work/$isa" "$work/$precision" || bad "$precision differs between instruction sets"
    near "$(tail -c 4 "$work/$isa" | od -An -tf4 | tr -d ' ')" 4.1661 0.05 || bad "$precision: bits"
  done
done
"$cenote" eval "$model" "$one" --precision int8 --json >"$work/8" || bad "eval in int8"
near "$(value bits_per_sample "$work/8")" "$(value bits_per_sample "$work/one")" 0.05 ||
  bad "eval in int8: $(value bits_per_sample "$work/8") bits"
cp "$work/answer" "$work/kept"
refused 1 "no tensor tokens" logits "$model" "$model" -o "$work/answer"
refused 1 "$work/gone" logits "$model" "$work/gone" -o "$work/answer"
refused 1 "/nowhere/answer" logits "$model" "$tokens" -o /nowhere/answer
refused 2 "want -o OUT" logits "$model" "$tokens"
cp "$tokens" "$work/own.safetensors"
refused 1 "this is TOKENS itself" logits "$model" "$work/own.safetensors" -o "$work/own.safetensors"
refused 1 "this is MODEL itself" logits "$work/own.safetensors" "$tokens" -o "$work/set/../own.safetensors"
cmp -s "$tokens" "$work/own.safetensors" || bad "logits wrote over what it reads"
for name in '' -; do refused 2 "the name of a file" logits "$model" "$tokens" -o "$name"; done
refused 2 "--precision: int9 is none of" logits "$model" "$tokens" -o "$work/answer" --precision int9
refused 2 "--mode is voices=x" logits "$model" "$tokens" -o "$work/answer" --mode voices=x
cmp -s "$work/answer" "$work/kept" || bad "a failed command wrote over its output"

for command in eval logits; do
  "$cenote" $command --help | grep -q "^Usage: cenote $command" || bad "$command --help"
done

[ $failures -eq 0 ]
