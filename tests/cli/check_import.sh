#!/bin/sh
# SPDX-License-Identifier: ISC
# `cenote import` as a user meets it: every golden model, turned into a checkpoint as Flax would
# write it, comes back with the answers it had; what is no checkpoint is refused by name.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cenote=${CENOTE_BUILD_ROOT:-$here/build}/cli/cenote
golden=$here/tests/golden
failures=0
[ -x "$cenote" ] || {
  echo "check_import: no $cenote" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

bad() {
  echo "check_import: $*" >&2
  failures=$((failures + 1))
}

# refused STATUS TEXT ARGUMENT...
refused() {
  want=$1 text=$2
  shift 2
  "$cenote" import "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ $status -eq "$want" ] || bad "$*: exit $status, want $want"
  grep -qF -- "$text" "$work/err" || bad "$*: no '$text' in: $(cat "$work/err")"
  [ ! -s "$work/out" ] || bad "$*: wrote on standard output"
}

hash_of() {
  "$cenote" info "$1" --json | sed -n 's/.*"hash": "\([0-9a-f]*\)".*/\1/p'
}

"$cenote" import "$golden/flax_small.msgpack" -o "$work/a.safetensors" --min-max-scaling || bad "the golden checkpoint"
[ "$(hash_of "$work/a.safetensors")" = "$(hash_of "$golden/flax_small.safetensors")" ] ||
  bad "the golden checkpoint gives another model"
"$cenote" info "$work/a.safetensors" | grep -q 'flax_small.msgpack, weights_ema, step 12345' || bad "no source in the notes"
"$cenote" render "$work/a.safetensors" --samples 100 -o - | cmp -s - /dev/null && bad "it does not play"

# What names and shapes tell, on other configurations. The hash covers configuration and weights.
if command -v python3 >/dev/null; then
  for name in tiny real_rms lru_conv cnn widening no_unet longer quiet; do
    python3 "$here/tests/cli/flax_write.py" "$golden/$name.safetensors" "$work/run_$name" || bad "flax_write $name"
    set --
    case $name in
      no_unet) set -- --encoding linear ;;
    esac
    # These three are not in a checkpoint, so they are taken from the file itself.
    config=$("$cenote" info "$golden/$name.safetensors" --json)
    case $config in *'"min_max_scaling": true'*) set -- "$@" --min-max-scaling ;; esac
    case $config in *'"input_norm": false'*) set -- "$@" --no-input-norm ;; esac
    set -- "$@" --log-a-scale "$(echo "$config" | sed -n 's/.*"log_a_scale": \([-0-9.]*\).*/\1/p')"
    set -- "$@" --sample-rate "$(echo "$config" | sed -n 's/.*"sample_rate": \([0-9]*\).*/\1/p' | head -n 1)"
    "$cenote" import "$work/run_$name" -o "$work/$name.safetensors" "$@" || bad "$name"
    same=$("$cenote" logits "$work/$name.safetensors" "$golden/$name.expect.safetensors" -o "$work/logits" &&
      tail -c 4 "$work/logits" | od -An -tf4)
    want=$("$cenote" logits "$golden/$name.safetensors" "$golden/$name.expect.safetensors" -o "$work/logits" &&
      tail -c 4 "$work/logits" | od -An -tf4)
    [ "$same" = "$want" ] || bad "$name: answers differ: $same, want $want"
    # What a layer kind that the model has none of would be like is not in a checkpoint either.
    if [ "$name" != lru_conv ] && [ "$name" != no_unet ]; then
      "$cenote" info "$work/$name.safetensors" --json | sed -n '/"config"/,/^  }/p' >"$work/config.a"
      echo "$config" | sed -n '/"config"/,/^  }/p' >"$work/config.b"
      grep -v 'conv_kernel_size\|conv_feature_group_count' "$work/config.a" | sort >"$work/a"
      grep -v 'conv_kernel_size\|conv_feature_group_count' "$work/config.b" | sort >"$work/b"
      cmp -s "$work/a" "$work/b" || bad "$name: the configuration differs: $(diff "$work/a" "$work/b")"
    fi
  done
else
  echo "no python3: only the golden checkpoint is checked"
fi

# Refused, and what was there stays.
echo kept >"$work/kept"
head -c 30000 "$golden/flax_small.msgpack" >"$work/cut"
refused 1 "$work/cut: " "$work/cut" -o "$work/kept"
refused 1 "cut off at byte 30000" "$work/cut" -o "$work/kept"
refused 1 "(is this a Flax checkpoint?)" "$here/tests/golden/README.md" -o "$work/kept"
refused 1 "$golden/tiny.safetensors: " "$golden/tiny.safetensors" -o "$work/kept"
refused 1 "$work/gone: cannot open" "$work/gone" -o "$work/kept"
refused 1 "$work: cannot open: not a regular file" "$work" -o "$work/kept"
refused 1 "/nowhere/x: cannot write" "$golden/flax_small.msgpack" -o /nowhere/x
refused 2 "no CHECKPOINT" -o "$work/kept"
refused 2 "where to?" "$golden/flax_small.msgpack"
# What is replaced keeps its rights, and a link stays one.
cp "$work/kept" "$work/private"
chmod 640 "$work/private"
ln -s private "$work/link"
ln -s round "$work/round"
"$cenote" import "$golden/flax_small.msgpack" -o "$work/link" --min-max-scaling || bad "import through a link"
[ -L "$work/link" ] && [ "$(stat -c %a "$work/private")" = 640 ] && cmp -s "$work/private" "$work/a.safetensors" ||
  bad "import through a link: $(stat -c '%a %F' "$work/link" "$work/private")"
refused 1 "$work/round: cannot write" "$golden/flax_small.msgpack" -o "$work/round"
cp "$golden/flax_small.msgpack" "$work/own"
refused 1 "this is CHECKPOINT itself" "$work/own" -o "$work/own"
cmp -s "$golden/flax_small.msgpack" "$work/own" || bad "the checkpoint was written over"
for name in '' -; do refused 2 "the name of a file" "$golden/flax_small.msgpack" -o "$name"; done
refused 2 "--encoding: alaw" "$golden/flax_small.msgpack" -o "$work/kept" --encoding alaw
refused 2 "--sample-rate: 0" "$golden/flax_small.msgpack" -o "$work/kept" --sample-rate 0
refused 2 "--log-a-scale: x" "$golden/flax_small.msgpack" -o "$work/kept" --log-a-scale x
refused 2 "--frob: no such option" --frob
[ "$(cat "$work/kept")" = kept ] || bad "a failed import wrote over its output"
[ -z "$(find "$work" -name 'kept.*')" ] || bad "a failed import left a file"
"$cenote" import --help | grep -q "^Usage: cenote import" || bad "--help"

[ "$failures" -eq 0 ] || exit 1
