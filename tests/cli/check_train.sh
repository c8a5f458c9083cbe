#!/bin/sh
# SPDX-License-Identifier: ISC
# `cenote train` as a user meets it: from a folder of recordings to weights that the daemon plays;
# broken off anyhow and gone on with, it ends with the same weights; what is wrong is said, and
# what was there stays.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
cenote=$build/cli/cenote
case $cenote in /*) ;; *) cenote=$PWD/$cenote ;; esac
cenoted=$build/daemon/cenoted
audio=$here/tests/audio
failures=0
[ -x "$cenote" ] || {
  echo "check_train: no $cenote" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

bad() {
  echo "check_train: $*" >&2
  failures=$((failures + 1))
}

# value KEY FILE: the last number of that name in a log or an answer.
value() {
  sed -n "s/.*\"$1\": *\([-0-9.e+]*\).*/\1/p" "$2" | tail -n 1
}

# near A B LIMIT
near() {
  awk -v a="$1" -v b="$2" -v l="$3" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d < l && -d < l) }'
}

# less A B
less() {
  awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a < b) }'
}

# refused STATUS TEXT ARGUMENT...: of a run that writes $work/no.safetensors, which must not be.
refused() {
  want=$1 text=$2
  shift 2
  "$cenote" train "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ $status -eq "$want" ] || bad "$*: exit $status, want $want: $(cat "$work/err")"
  grep -qF -- "$text" "$work/err" || bad "$*: no '$text' in: $(cat "$work/err")"
  [ ! -e "$work/no.safetensors" ] || bad "$*: wrote weights"
}

# A model that is quickly learnt, and steps that are quickly taken; each run in a folder of its own,
# so that the name in the metadata is the same.
cat >"$work/config.json" <<'END'
{"base_dim": 16, "pool_temporal": [4, 4], "pool_features": [1, 1],
 "model_structure": [["rglru"], ["rglru"], ["rglru"]], "rnn": {"d_hidden": 32, "n_diag_blocks": 4},
 "batch": 4, "length": 1000, "warmup_steps": 10, "ema_rate": 0.9, "dropout": 0.1}
END
set -- --config "$work/config.json" --steps 60 --threads 2 --checkpoint-every 7 --valid-every 25 --sample-seconds 0.25

# The whole way.
"$cenote" train "$audio" -o "$work/me.safetensors" "$@" >"$work/told" 2>"$work/err" || bad "train: $(cat "$work/err")"
[ ! -s "$work/err" ] || bad "train warns: $(cat "$work/err")"
for text in 'counting needs .* (order 0), .* (order 1)' 'training takes [0-9]* MB' 'step 60 of 60'; do
  grep -q "$text" "$work/told" || bad "no '$text' in: $(cat "$work/told")"
done
less "$(value valid_bits "$work/me.jsonl")" 7.75 || bad "nothing learnt: $(value valid_bits "$work/me.jsonl") bits"
"$cenote" eval "$work/me.safetensors" "$audio/valid" --json >"$work/eval" || bad "eval"
near "$(sed -n 's/.*"bits_per_sample": \([0-9.]*\).*/\1/p' "$work/eval" | head -n 1)" "$(value valid_bits "$work/me.jsonl")" 1e-5 ||
  bad "eval and the log differ: $(head -n 3 "$work/eval") $(value valid_bits "$work/me.jsonl")"
"$cenote" info "$work/me.safetensors" >"$work/info" || bad "info"
for text in 'valid_bits_per_sample: [0-9]' '"learning_rate":0.0025' '"dropout":0.1' 'training_data: audio: 4 clips' 'steps: 60' 'base_dim  *16'; do
  grep -q "$text" "$work/info" || bad "no '$text' in info"
done
[ "$(wc -c <"$work/me.60.wav")" -eq 8044 ] || bad "no quarter of a second in me.60.wav"
head -c 5 "$work/me.svg" | grep -q '<svg' && grep -q 'order 1' "$work/me.svg" || bad "no curve"
if command -v python3 >/dev/null; then
  python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/me.svg" || bad "the curve is no XML"
  python3 -c 'import sys, json; [json.loads(l) for l in open(sys.argv[1])]' "$work/me.jsonl" || bad "the log is no JSON"
fi
"$cenote" render "$work/me.safetensors" --samples 4000 --seed 0 -o "$work/render.wav" || bad "render"
cmp -s "$work/render.wav" "$work/me.60.wav" || bad "the sample is not what render gives"
if [ -x "$cenoted" ]; then
  "$cenoted" --fast --no-audio --port 0 --output "$work/played.wav" --duration 0.25 "$work/me.safetensors" 2>"$work/err" ||
    "$cenoted" --fast --port 0 --output "$work/played.wav" --duration 0.25 "$work/me.safetensors" 2>"$work/err" ||
    bad "cenoted: $(cat "$work/err")"
  [ "$(wc -c <"$work/played.wav")" -gt 8000 ] || bad "cenoted wrote no sound"
else
  echo "no cenoted: the daemon is not checked"
fi

# The same again is the same, whatever happens on the way.
mkdir "$work/again" "$work/int" "$work/term" "$work/kill"
"$cenote" train "$audio" -o "$work/again/me.safetensors" "$@" >"$work/told" || bad "train again"
cmp -s "$work/again/me.safetensors" "$work/me.safetensors" || bad "the same run gives other weights"
# Long enough to be broken off: the run so far, and more of it. Its length is not the learning
# rate's here.
long="--config $work/config.json --steps 250 --threads 2 --cosine=false --valid-every 1000 --checkpoint-every 5 --sample-seconds 0"
mkdir "$work/long"
"$cenote" train "$audio" -o "$work/long/me.safetensors" $long >"$work/told" || bad "train, 250 steps"
for signal in int term; do
  "$cenote" train "$audio" -o "$work/$signal/me.safetensors" $long >"$work/told" 2>"$work/err" &
  pid=$!
  while kill -0 $pid 2>/dev/null && ! grep -q '"step":2[0-9],' "$work/$signal/me.jsonl" 2>/dev/null; do sleep 0.02; done
  # Meanwhile nobody else writes there.
  "$cenote" train "$audio" -o "$work/$signal/me.safetensors" --resume >"$work/out" 2>"$work/other" && bad "two runs at once"
  grep -q 'another run is writing it' "$work/other" || bad "two runs at once: $(cat "$work/other")"
  # A shell's background jobs ignore SIGINT; the program catches it all the same.
  kill -s "$(echo $signal | tr a-z A-Z)" $pid
  wait $pid || bad "SIG$signal: exit $?: $(cat "$work/err")"
  grep -q "stopped at step [0-9]*; --resume goes on" "$work/told" || bad "SIG$signal: $(cat "$work/told")"
  "$cenote" info "$work/$signal/me.safetensors" >/dev/null || bad "SIG$signal: no weights"
  "$cenote" train "$audio" -o "$work/$signal/me.safetensors" --resume >"$work/told" 2>"$work/err" || bad "resume: $(cat "$work/err")"
  grep -q 'going on from step' "$work/told" || bad "resume begins anew"
  cmp -s "$work/$signal/me.safetensors" "$work/long/me.safetensors" || bad "SIG$signal: resumed, other weights"
done
# The same command until it ends, killed at moments that no part of it knows of.
kills=0
while :; do
  "$cenote" train "$audio" -o "$work/kill/me.safetensors" $long --resume >"$work/told" 2>"$work/err" &
  pid=$!
  sleep "$(awk -v s=$kills 'BEGIN { srand(s); print 0.15 + 0.3 * rand() }')"
  [ $kills -lt 4 ] && kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  status=$?
  [ $status -eq 0 ] && break
  [ $status -eq 137 ] || bad "killed and resumed: exit $status: $(cat "$work/err")"
  kills=$((kills + 1))
  [ $kills -lt 20 ] || break
done
cmp -s "$work/kill/me.safetensors" "$work/long/me.safetensors" || bad "killed $kills times: other weights"
[ "$(grep -c '"event":"step"' "$work/kill/me.jsonl")" -eq 250 ] || bad "killed: the log has $(grep -c '"event":"step"' "$work/kill/me.jsonl") steps"
[ -z "$(find "$work/kill" -name '*.part')" ] || bad "killed: $(find "$work/kill" -name '*.part') is left"

# What a resumed run may and may not change.
cp -r "$work/int" "$work/more"
"$cenote" train "$audio" -o "$work/more/me.safetensors" --resume --steps 260 >"$work/told" 2>"$work/err" || bad "ten more steps: $(cat "$work/err")"
grep -q 'step 260 of 260' "$work/told" || bad "ten more steps: $(cat "$work/told")"
cp "$work/int/me.safetensors" "$work/kept"
resumed() {
  want=$1 text=$2
  shift 2
  "$cenote" train "$@" -o "$work/int/me.safetensors" --resume >"$work/out" 2>"$work/err"
  status=$?
  [ $status -eq "$want" ] || bad "--resume $*: exit $status, want $want"
  grep -qF -- "$text" "$work/err" || bad "--resume $*: no '$text' in: $(cat "$work/err")"
  cmp -s "$work/int/me.safetensors" "$work/kept" || bad "--resume $*: wrote weights"
}
resumed 2 "learning_rate: the run that --resume goes on with has another" "$audio" --learning-rate 0.1
resumed 2 "another model" "$audio" --base-dim 32
resumed 1 "not the recordings that" "$audio/train"
cp "$work/int/me.ckpt" "$work/ckpt"
head -c 20000 "$work/ckpt" >"$work/int/me.ckpt"
resumed 1 "$work/int/me.ckpt: " "$audio"
{ head -c 30000 "$work/ckpt" && printf x && tail -c +30002 "$work/ckpt"; } >"$work/int/me.ckpt"
resumed 1 "me.ckpt: damaged" "$audio"
cp "$here/tests/golden/tiny.safetensors" "$work/int/me.ckpt"
resumed 1 "me.ckpt: not a checkpoint of this program" "$audio"
cp "$work/ckpt" "$work/int/me.ckpt"

# Weights in the folder that is learnt, or in one in it: what the run writes is not its data.
mkdir -p "$work/within/below"
cp "$audio"/valid/*.flac "$work/within"
within="--config $work/config.json --sample-seconds 0.25 --cosine=false --valid-every 2"
for at in . ./below; do
  (
    cd "$work/within" || exit 1
    "$cenote" train . -o $at/me.safetensors $within --steps 3 >"$work/told" 2>"$work/err" || exit 1
    [ -e $at/me.2.wav ] && [ -e $at/me.3.wav ] || exit 1
    "$cenote" train ../within -o $at/me.safetensors $within --steps 5 --resume >"$work/told" 2>"$work/err" || exit 1
    "$cenote" train . -o "$PWD/$at/me.safetensors" $within --steps 2 --force >"$work/told" 2>"$work/err"
  ) || bad "weights in the data, in $at: $(cat "$work/err")"
  grep -q 'in 3 clips, valid .* in 1; 0 skipped' "$work/told" || bad "weights in the data: $(cat "$work/told")"
  mv "$work/within/$at/me.2.wav" "$work/sound.wav"
  rm -f "$work/within/$at"/me.*
done
# But recordings of such a name elsewhere are.
cp "$work/sound.wav" "$work/within/me.2.wav"
cp "$work/sound.wav" "$work/within/below/you.2.wav"
(cd "$work/within" && "$cenote" train . -o below/me.safetensors $within --steps 2) >"$work/told" 2>"$work/err" || bad "others' files: $(cat "$work/err")"
clips=$(sed -n 's/.* in \([0-9]*\) clips, valid .* in \([0-9]*\); 0 skipped/\1 + \2/p' "$work/told")
[ "$clips" = "5 + 1" ] || bad "others' files are no data: $(cat "$work/told")"

# A disk that is full (here: files that may not grow): said, and the last checkpoint stays.
cp -r "$work/long" "$work/full"
(
  ulimit -f 40
  exec "$cenote" train "$audio" -o "$work/full/me.safetensors" --resume --steps 260
) >"$work/out" 2>"$work/err"
[ $? -eq 1 ] || bad "full disk: exit 0"
grep -q 'me.ckpt: cannot write: ' "$work/err" || bad "full disk: $(cat "$work/err")"
cmp -s "$work/full/me.ckpt" "$work/long/me.ckpt" || bad "full disk: the checkpoint is not what it was"
[ -z "$(find "$work/full" -name '*.part')" ] || bad "full disk: $(find "$work/full" -name '*.part') is left"
(
  ulimit -f 40
  exec "$cenote" train "$audio" -o "$work/no.safetensors" "$@"
) >"$work/out" 2>"$work/err"
[ $? -eq 1 ] || bad "full disk from the start: exit 0"
rm -f "$work/no.jsonl"

# Breakdown.
refused 1 "the run has broken down" "$audio" -o "$work/no.safetensors" "$@" --learning-rate 10 --clip 1e30 --skip-threshold none --warmup-steps 0 --valid-every 1000 --steps 300
rm -f "$work"/no.*

# Data that teaches nothing.
mkdir "$work/empty" "$work/mixed" "$work/silent" "$work/one"
refused 1 "$work/gone: cannot open" "$work/gone" -o "$work/no.safetensors"
refused 1 "$work/empty: no audio in this folder" "$work/empty" -o "$work/no.safetensors"
wav() { # FRAMES, of zeros, but the first
  printf 'RIFF\377\377\377\177WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\0\175\0\0\002\0\020\0data'
  printf "\\$(printf %o $((2 * $1 % 256)))\\$(printf %o $((2 * $1 / 256)))\0\0"
  head -c $((2 * $1)) /dev/zero
}
wav 8000 >"$work/silent/a.wav"
refused 1 "a.wav: silent" "$work/silent" -o "$work/no.safetensors"
grep -q "none of its files can be used" "$work/err" || bad "silence alone: $(cat "$work/err")"
wav 1 >"$work/one/a.wav"
refused 1 "a.wav: a single sample" "$work/one" -o "$work/no.safetensors"
cp "$audio"/valid/*.flac "$work/mixed"
echo text >"$work/mixed/text.wav"
head -c 20000 "$audio/valid/drums.flac" >"$work/mixed/cut.flac"
refused 1 "/mixed/cut.flac: cannot read" "$work/mixed" -o "$work/no.safetensors" --strict
"$cenote" train "$work/mixed" -o "$work/mixed.safetensors" --config "$work/config.json" --steps 2 --sample-seconds 0 >"$work/out" 2>"$work/err" || bad "bad files: exit $?"
grep -q 'left out: .*text.wav' "$work/err" && grep -q 'left out: .*cut.flac' "$work/err" || bad "bad files are not named: $(cat "$work/err")"
grep -q '2 skipped' "$work/out" || bad "bad files are not counted"

# Wrong usage.
touch "$work/there.safetensors"
refused 1 "there.safetensors: is there already" "$audio" -o "$work/there.safetensors"
refused 1 "/nowhere/no.safetensors: cannot write" "$audio" -o /nowhere/no.safetensors "$@"
mkdir -p "$work/folder/me.safetensors" "$work/folder/you.ckpt"
for name in me you; do
  refused 1 "/folder/$name" "$audio" -o "$work/folder/$name.safetensors" "$@" --force
  grep -q 'cannot write: Is a directory' "$work/err" || bad "-o of a folder: $(cat "$work/err")"
done
[ "$(ls -A "$work/folder" | wc -l)" -eq 2 ] || bad "weights into a folder leave $(ls -A "$work/folder")"
mkdir "$work/nothing"
for name in '' -; do
  (cd "$work/nothing" && failures=0 && refused 2 "the name of a file" "$audio" -o "$name" "$@" && exit $failures) || bad "train -o '$name'"
done
[ -z "$(ls -A "$work/nothing")" ] || bad "no name leaves $(ls -A "$work/nothing")"
cp "$audio/valid/drums.flac" "$work/own.flac"
refused 1 "this is DATA itself" "$work/own.flac" -o "$work/own.flac" --force "$@"
refused 2 "no DATA" -o "$work/no.safetensors"
refused 2 "where to?" "$audio"
refused 2 "--size: huge is none of" "$audio" -o "$work/no.safetensors" --size huge
refused 2 "learning_rate: want a number from 0 to 10" "$audio" -o "$work/no.safetensors" --learning-rate 11
refused 2 "learning_rate: abc is not a number" "$audio" -o "$work/no.safetensors" --learning_rate abc
refused 2 "base_dim is 0" "$audio" -o "$work/no.safetensors" --base-dim 0
refused 2 "model_structure is not a list of 3 lists" "$audio" -o "$work/no.safetensors" --pool-temporal 4,4 --pool-features 1,1
refused 2 "--frob: no such option" "$audio" -o "$work/no.safetensors" --frob
echo '{"frob": 1}' >"$work/frob.json"
refused 2 "--config: $work/gone.json: No such file" "$audio" -o "$work/no.safetensors" --config "$work/gone.json"
refused 2 "frob.json: unknown key frob" "$audio" -o "$work/no.safetensors" --config "$work/frob.json"
refused 1 "at least" "$audio" -o "$work/no.safetensors" --memory 1M
"$cenote" train --help >"$work/out" || bad "--help"
grep -q '^Usage: cenote train' "$work/out" && grep -q -- '--skip-threshold=' "$work/out" && grep -q -- '--rnn.d-hidden=' "$work/out" || bad "--help lacks something"

# Two processes with half the batch each, where there is MPI.
if command -v mpirun >/dev/null && grep -q 'mpirun -n N' "$work/out"; then
  mkdir "$work/one-process" "$work/two"
  "$cenote" train "$audio" -o "$work/one-process/me.safetensors" "$@" --threads 1 >"$work/told" || bad "one process"
  # What MPI itself leaves behind is not ours to find.
  ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" \
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 60 mpirun --oversubscribe -n 2 \
    "$cenote" train "$audio" -o "$work/two/me.safetensors" "$@" --threads 1 >"$work/told" 2>"$work/err"
  status=$?
  if grep -q 'built without MPI' "$work/err"; then
    echo "skipped: cenote is built without MPI"
  else
    [ $status -eq 0 ] || bad "two processes: exit $status: $(cat "$work/err")"
    near "$(value valid_bits "$work/two/me.jsonl")" "$(value valid_bits "$work/one-process/me.jsonl")" 1e-4 ||
      bad "two processes: $(value valid_bits "$work/two/me.jsonl") bits, one: $(value valid_bits "$work/one-process/me.jsonl")"
    near "$(value train_bits "$work/two/me.jsonl")" "$(value train_bits "$work/one-process/me.jsonl")" 1e-4 ||
      bad "two processes learn otherwise"
  fi
else
  echo "skipped: no mpirun"
fi

echo "killed $kills times"
[ "$failures" -eq 0 ] || exit 1
