#!/bin/sh
# SPDX-License-Identifier: ISC
# `cenote render` as a user meets it: the same samples however they are asked for (twice, in parts,
# several at once, in any lossless format), and nothing on the disk when it did not succeed.
# Usage: check_render.sh CENOTE
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cenote=${CENOTE_BUILD_ROOT:-$here/build}/cli/cenote
model=$here/tests/golden/tiny.safetensors
other=$here/tests/golden/real_rms.safetensors
failures=0
for file in "$cenote" "$model" "$other"; do
  [ -e "$file" ] || {
    echo "check_render: no $file" >&2
    exit 1
  }
done
command -v sox >/dev/null || {
  echo "check_render: skipped: no sox to read the files with"
  exit 77
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$work/out"
out=$work/out

bad() {
  echo "check_render: $*" >&2
  failures=$((failures + 1))
}

# What there is in $out.
listing() {
  find "$out" | sort
}

# render ARGUMENT...: a run that must succeed, of the small model.
render() {
  "$cenote" render "$model" "$@" || bad "render $*: exit $?"
}

same() {
  cmp -s "$1" "$2" || bad "$3: $(basename "$1") and $(basename "$2") differ"
}

# refused STATUS TEXT MODEL ARGUMENT...: exit status, TEXT in the first line on standard error,
# nothing on standard output, and not one file more or less in $out.
refused() {
  want=$1 text=$2
  shift 2
  listing >"$work/before"
  timeout 60 "$cenote" render "$@" >"$work/stdout" 2>"$work/stderr"
  status=$?
  [ $status -eq "$want" ] || bad "render $*: exit $status, want $want"
  head -n 1 "$work/stderr" | grep -qF -- "$text" || bad "render $*: no '$text' in: $(cat "$work/stderr")"
  [ "$want" -eq 2 ] || [ "$(wc -l <"$work/stderr")" -eq 1 ] || bad "render $*: not one line: $(cat "$work/stderr")"
  [ ! -s "$work/stdout" ] || bad "render $*: wrote on standard output"
  listing | cmp -s - "$work/before" || bad "render $*: left $(listing | comm -3 - "$work/before")"
}

# The seed alone decides; -d and --samples are two ways to say how long.
render --samples 4000 --seed 7 -o "$out/a.wav"
render -d 0.25 --seed 7 -o "$out/b.wav"
render --samples 4000 --seed 8 -o "$out/c.wav"
render --samples 4000 --seed 0 -o "$out/seed0.wav"
render --samples 4000 -o "$out/unseeded.wav"
same "$out/a.wav" "$out/b.wav" "a second run"
same "$out/seed0.wav" "$out/unseeded.wav" "the default seed"
cmp -s "$out/a.wav" "$out/c.wav" && bad "seeds 7 and 8 sound the same"
[ "$(wc -c <"$out/a.wav")" -eq 8044 ] || bad "a.wav: $(wc -c <"$out/a.wav") bytes, want 44 + 2 * 4000"
[ "$(soxi -r "$out/a.wav") $(soxi -c "$out/a.wav") $(soxi -b "$out/a.wav") $(soxi -s "$out/a.wav")" = "16000 1 16 4000" ] ||
  bad "a.wav: $(soxi "$out/a.wav")"

# The sampler's controls take hold, and at temperature 0 the seed does not matter.
render --samples 4000 --seed 7 --temperature 0.5 -o "$out/cool.wav"
render --samples 4000 --seed 7 --temperature 0 -o "$out/cold7.wav"
render --samples 4000 --seed 8 --temperature 0 -o "$out/cold8.wav"
render --samples 4000 --seed 9 --top-k 1 -o "$out/top1.wav"
render --samples 4000 --seed 9 --top-p 0 -o "$out/top0.wav"
render --samples 4000 --seed 7 --temperature 1 --top-k 256 --top-p 1 -o "$out/plain.wav"
cmp -s "$out/a.wav" "$out/cool.wav" && bad "--temperature 0.5 changes nothing"
for file in cold8 top1 top0; do same "$out/cold7.wav" "$out/$file.wav" "the likeliest code"; done
same "$out/a.wav" "$out/plain.wav" "the defaults spelled out"

# Several files are so many runs, whatever number of threads makes them.
render --samples 4000 --seed 7 --count 2 -o "$out/row.wav"
render --samples 4000 --seed 7 --count 3 --threads 3 -o "$out/side.wav"
same "$out/a.wav" "$out/row-1.wav" "--count 2"
same "$out/c.wav" "$out/row-2.wav" "--count 2"
same "$out/a.wav" "$out/side-1.wav" "--threads 3"
same "$out/c.wav" "$out/side-2.wav" "--threads 3"
[ ! -e "$out/row.wav" ] || bad "--count 2 wrote row.wav as well"

# A slot cuts a run in two, at an odd place; options given beside it win over what it holds.
render --samples 1237 --seed 7 --temperature 0.9 --top-k 40 --save-slot "$out/slot" -o "$out/first.raw"
render --samples 2763 --slot "$out/slot" -o "$out/second.raw"
render --samples 4000 --seed 7 --temperature 0.9 --top-k 40 -o "$out/whole.raw"
cat "$out/first.raw" "$out/second.raw" >"$out/both.raw"
same "$out/whole.raw" "$out/both.raw" "a run cut by a slot"
cp "$out/second.raw" "$out/second-whole.raw"
render --samples 2763 --slot "$out/slot" --seed 9 -o "$out/reseeded.raw"
cmp -s "$out/second.raw" "$out/reseeded.raw" && bad "--seed changes nothing beside --slot"
render --samples 2763 --slot "$out/slot" --temperature 0 -o "$out/recooled.raw"
cmp -s "$out/second.raw" "$out/recooled.raw" && bad "--temperature changes nothing beside --slot"

# Cut at each phase of a period (of 8 steps), at the beginning and at the end.
render --samples 40 --seed 7 -o "$out/short.raw"
for cut in 0 1 2 3 4 5 6 7 8 9 39 40; do
  render --samples $cut --seed 7 --save-slot "$out/cut" -o "$out/first.raw"
  render --samples $((40 - cut)) --slot "$out/cut" -o "$out/second.raw"
  cat "$out/first.raw" "$out/second.raw" | cmp -s - "$out/short.raw" || bad "a run cut after $cut samples"
done
# The state alone; then several goings-on: the first as the slot has it, the others on seeds 8, 9.
render --samples 1237 --seed 7 --temperature 0.9 --top-k 40 --save-slot "$out/alone"
same "$out/slot" "$out/alone" "--save-slot without -o"
render --samples 2763 --slot "$out/slot" --count 3 --threads 2 -o "$out/fan.raw" --save-slot "$out/fan.slot"
render --samples 2763 --slot "$out/slot" --seed 8 -o "$out/eight.raw" --save-slot "$out/eight.slot"
same "$out/second-whole.raw" "$out/fan-1.raw" "--slot with --count"
same "$out/eight.raw" "$out/fan-2.raw" "--slot with --count"
same "$out/eight.slot" "$out/fan-2.slot" "--save-slot with --count"
[ -e "$out/fan-3.raw" ] && [ -e "$out/fan-3.slot" ] || bad "--count 3 is not three"

# Listening first changes what comes, and not its length.
render --samples 4000 --seed 7 --prime "$here/tests/audio/valid/drums.flac" -o "$out/primed.wav"
cmp -s "$out/a.wav" "$out/primed.wav" && bad "--prime changes nothing"
[ "$(soxi -s "$out/primed.wav")" = 4000 ] || bad "--prime: $(soxi -s "$out/primed.wav") frames, want 4000"

# Lossless formats hold the same samples, by the file's ending or by --format.
render --samples 4000 --seed 7 -o "$out/a.raw"
sox "$out/a.wav" -t raw "$work/pcm"
same "$work/pcm" "$out/a.raw" "raw"
for format in rf64 w64 flac au; do
  render --samples 4000 --seed 7 --format $format -o "$out/a.$format"
  render --samples 4000 --seed 7 -o "$out/ending.$format"
  same "$out/a.$format" "$out/ending.$format" "--format $format and the ending"
  case $format in # sox does not know RF64 by name; one this short is a WAV
  rf64) type='-t wav' ;;
  *) type="-t $format" ;;
  esac
  # shellcheck disable=SC2086 # two words
  sox -V1 $type "$out/a.$format" -t raw -e signed -b 16 -L "$work/$format.pcm" || bad "sox cannot read $format"
  same "$work/pcm" "$work/$format.pcm" "$format"
done
render --samples 4000 --seed 7 -o "$out/a.ogg"
[ "$(soxi -s "$out/a.ogg")" = 4000 ] || bad "ogg: $(soxi -s "$out/a.ogg") frames, want 4000"

# A pipe gets the very bytes of the file, with true sizes in the header.
"$cenote" render "$model" --samples 4000 --seed 7 -o - | cat >"$work/pipe.wav"
same "$out/a.wav" "$work/pipe.wav" "a pipe"
"$cenote" render "$model" --samples 4000 --seed 7 -o - | sox -t wav - -t raw "$work/pipe.pcm" || bad "sox cannot read the pipe"
same "$work/pcm" "$work/pipe.pcm" "sox reading a pipe"
for format in raw au flac; do
  "$cenote" render "$model" --samples 4000 --seed 7 --format $format -o - |
    sox -V1 -t $format -r 16000 -e signed -b 16 -c 1 -L - -t raw -e signed -b 16 -L "$work/piped.pcm" 2>"$work/sox" ||
    bad "sox cannot read $format on a pipe: $(cat "$work/sox")"
  same "$work/pcm" "$work/piped.pcm" "$format on a pipe"
done
render --samples 4000 -o /dev/null
[ -c /dev/null ] || bad "/dev/null is no device any more"

# Another rate: as many frames as the time asks for, rounded.
for rate in 44100:11025 48000:12000 8000:2000 22050:5513 11025:2756; do
  render --samples 4000 --seed 7 --rate ${rate%:*} -o "$out/rate.wav"
  [ "$(soxi -r "$out/rate.wav"):$(soxi -s "$out/rate.wav")" = $rate ] ||
    bad "--rate ${rate%:*}: $(soxi -r "$out/rate.wav"):$(soxi -s "$out/rate.wav"), want $rate"
done
render --samples 4000 --seed 7 --rate 16000 -o "$out/own.wav"
same "$out/a.wav" "$out/own.wav" "--rate of the model itself"
# A single frame, shorter than any filter.
render --samples 1 --rate 48000 -o "$out/one.wav"
[ "$(soxi -s "$out/one.wav")" = 3 ] || bad "one sample at 48 kHz: $(soxi -s "$out/one.wav") frames, want 3"

# Weights that overflow: 1e38 in the last block's output. The voice fails, the run says where.
size=$(wc -c <"$model")
head -c $((size - 2176)) "$model" >"$work/wild.safetensors"
yes | head -n 512 | while read -r _; do printf '\231\166\226\176'; done >>"$work/wild.safetensors"
tail -c 128 "$model" >>"$work/wild.safetensors"
[ "$(wc -c <"$work/wild.safetensors")" -eq "$size" ] || bad "the overflowing model has another size"

# What fails leaves what was there as it was, and nothing beside it.
cp "$out/a.wav" "$out/kept.wav"
refused 1 "step" "$work/wild.safetensors" -d 1 -o "$out/kept.wav"
refused 1 "step" "$work/wild.safetensors" -d 1 -o "$out/new.wav"
refused 1 "$work/gone.safetensors" "$work/gone.safetensors" -d 1 -o "$out/kept.wav"
refused 1 "$work/gone" "$model" -d 1 --slot "$work/gone" -o "$out/kept.wav"
refused 1 "$work/gone" "$model" -d 1 --prime "$work/gone" -o "$out/kept.wav"
refused 1 "$out: this is a folder, want an audio file" "$model" -d 1 --prime "$out" -o "$out/kept.wav"
mkfifo "$work/unwritten"
refused 1 "$work/unwritten: cannot read it" "$model" -d 1 --prime "$work/unwritten" -o "$out/kept.wav"
head -c 100 "$out/slot" >"$work/short"
{ cat "$out/slot"; echo; } >"$work/long"
head -c -1 "$out/slot" >"$work/flipped" # the last number, one byte of it other
printf '\132' >>"$work/flipped"
cmp -s "$out/slot" "$work/flipped" && bad "the flipped byte is the same"
refused 1 "$work/flipped: damaged: " "$model" -d 1 --slot "$work/flipped" -o "$out/kept.wav"
for slot in short long; do refused 1 "$work/$slot" "$model" -d 1 --slot "$work/$slot" -o "$out/kept.wav"; done
refused 1 "tiny" "$other" -d 1 --slot "$out/slot" -o "$out/kept.wav"
refused 1 "$out/no/a.wav" "$model" -d 1 -o "$out/no/a.wav"
refused 1 "/dev/full" "$model" -d 2 -o /dev/full
refused 1 "$out/no/slot" "$model" -d 1 --save-slot "$out/no/slot" -o "$work/elsewhere.wav"
# What fits no more: a limit of 64 KiB (128 blocks of 512) on what this shell's children write.
(
  ulimit -f 128
  refused 1 "$out/kept.wav" "$model" -d 10 -o "$out/kept.wav"
  exit $failures
) || bad "a full disk"
mkdir "$out/folder.wav"
refused 1 "$out/folder.wav" "$model" -d 1 -o "$out/folder.wav"
# What is read stays, however it is spelled.
cp "$model" "$out/own.safetensors"
ln -s own.safetensors "$out/link.safetensors"
cp "$out/a.wav" "$out/take-2.wav"
for name in own link ./own; do
  refused 1 "this is MODEL itself" "$out/own.safetensors" --samples 9 -o "$out/$name.safetensors"
  refused 1 "this is MODEL itself" "$out/own.safetensors" --samples 9 --save-slot "$out/$name.safetensors"
done
refused 1 "this is AUDIO itself" "$model" --samples 9 --prime "$out/a.wav" -o "$out/../out/a.wav"
refused 1 "this is AUDIO itself" "$model" --samples 9 --prime "$out/take-2.wav" --count 3 -o "$out/take.wav"
refused 1 "this is --slot's FILE itself" "$model" --samples 9 --slot "$out/slot" -o "$out/slot"
cmp -s "$model" "$out/own.safetensors" && cmp -s "$out/a.wav" "$out/take-2.wav" || bad "what is read was written over"
cp "$out/slot" "$out/onward"
render --samples 9 --slot "$out/onward" --save-slot "$out/onward"
cmp -s "$out/slot" "$out/onward" && bad "a slot is not taken further in its place"
# What is replaced keeps its rights, and a link, also to nothing, stays one.
mkdir "$out/below"
render --samples 9 -o "$out/below/private.wav"
chmod 600 "$out/below/private.wav"
ln -s below/private.wav "$out/link1.wav"
ln -s "$out/link1.wav" "$out/link2.wav"
ln -s below/later.wav "$out/link3.wav"
ln -s round.wav "$out/round.wav"
render --samples 20 -o "$out/link2.wav"
render --samples 20 -o "$out/link3.wav"
[ -L "$out/link1.wav" ] && [ -L "$out/link2.wav" ] && [ -L "$out/link3.wav" ] || bad "a link became a file"
[ "$(stat -c '%a %s' "$out/below/private.wav")" = "600 84" ] || bad "behind links: $(stat -c '%a %s' "$out/below/private.wav")"
same "$out/below/private.wav" "$out/below/later.wav" "behind a link to nothing"
[ "$(stat -c %a "$out/below/later.wav")" = "$(stat -c %a "$out/a.wav")" ] || bad "a new file has rights $(stat -c %a "$out/below/later.wav")"
refused 1 "$out/round.wav: cannot write" "$model" --samples 9 -o "$out/round.wav"
# Stopped halfway.
for signal in INT TERM; do
  listing >"$work/before"
  # A shell's background jobs are deaf to SIGINT; what `timeout` starts is not.
  timeout -s $signal 0.7 "$cenote" render "$model" -d 100000 -o "$out/kept.wav" 2>/dev/null
  status=$?
  [ $status -ne 0 ] || bad "SIG$signal: exit 0"
  listing | cmp -s - "$work/before" || bad "SIG$signal left $(listing | comm -3 - "$work/before")"
done
same "$out/a.wav" "$out/kept.wav" "a failed run"
# A reader that goes away is told of, in one line.
{ "$cenote" render "$model" -d 20 -o - 2>"$work/stderr"; echo $? >"$work/status"; } | head -c 100 >/dev/null
[ "$(cat "$work/status")" -eq 1 ] || bad "a closed pipe: exit $(cat "$work/status"), want 1"
[ "$(wc -l <"$work/stderr")" -eq 1 ] || bad "a closed pipe: not one line: $(cat "$work/stderr")"

# Nor does one that reads nothing hold up a signal.
mkfifo "$work/fifo"
sleep 20 3<>"$work/fifo" &
holder=$!
timeout 2 "$cenote" render "$model" -d 100000 --format flac -o "$work/fifo" 2>/dev/null
[ $? -eq 124 ] || bad "a full pipe: not ended by SIGTERM"
kill $holder

# Wrong usage: 2, and nothing is begun.
new=$out/new.wav
refused 2 "4 GB" "$model" -d 200000 -o "$new"
refused 2 "rf64 needs a file" "$model" -d 1 --format rf64 -o -
refused 2 "factor of 256" "$model" -d 1 --rate 60 -o "$new"
refused 2 "0 samples" "$model" -d 0.00001 -o "$new"
refused 2 "$new" "$model" -d 1 --save-slot "$new" -o "$new"
refused 2 "not the name of a file" "$model" -d 1 -o ''
refused 2 "not the name of a file" "$model" -d 1 -o "$new" --save-slot ''
refused 2 "" "$model" -d 1 -o - --count 2
refused 2 "" "$model" -d 1
refused 2 "" -d 1 -o "$new"
refused 2 "" "$model" "$model" -d 1 -o "$new"
refused 2 "" "$model" -o "$new"
refused 2 "" "$model" -d 1 --samples 5 -o "$new"
refused 2 "-d" "$model" -o "$new" -d
refused 2 "--frob" "$model" -d 1 -o "$new" --frob
while read -r option value; do
  refused 2 "$option" "$model" --samples 9 -o "$new" "$option" "$value"
done <<'END'
--samples -1
--samples 1.5
--seed -1
--seed 18446744073709551616
--seed x
--temperature 4.1
--temperature nan
--temperature 1x
--top-k 0
--top-k 257
--top-p 1.01
--top-p -0.1
--rate 0
--rate x
--count 0
--threads 0
--precision int5
--format mp3
END
for seconds in 0 -1 nan inf x ''; do refused 2 "" "$model" -d "$seconds" -o "$new"; done
"$cenote" render --help | grep -q '^Usage: cenote render' || bad "--help"

[ $failures -eq 0 ]
