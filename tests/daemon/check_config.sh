#!/bin/sh
# SPDX-License-Identifier: ISC
# cenoted's configuration file: where it is found, that the command line comes first, what is wrong
# with a line; and the levels of what it says on standard error.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cenoted=${CENOTE_BUILD_ROOT:-$here/build}/daemon/cenoted
model=$here/tests/golden/tiny.safetensors
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/home/.config/cenote" "$work/own/cenote" "$work/a/cenote" "$work/b/cenote" "$work/none"
file=$work/given.conf

bad() {
  echo "check_config: $*" >&2
  failures=$((failures + 1))
}

# play ARGUMENT...: a tenth of a second.
play() {
  timeout 20 "$cenoted" --port 0 --duration 0.05 "$@" >"$work/stdout" 2>"$work/log"
}

# block N ARGUMENT...: plays blocks of N frames, as the file in force says.
block() {
  want=$1
  shift
  play --no-audio "$@" "$model" || bad "$*: exit $?: $(cat "$work/log")"
  grep -q "^cenoted: ready: .* $want frames" "$work/log" || bad "$*: not $want frames: $(cat "$work/log")"
}

# refused TEXT: the lines on standard input are wrong usage, and TEXT, after the file's name, tells.
refused() {
  cat >"$file"
  play --no-audio --config "$file" "$model"
  status=$?
  [ $status -eq 2 ] || bad "exit $status for: $(cat "$file")"
  head -n 1 "$work/log" | grep -qF "cenoted: $file$1" || bad "no '$file$1' in: $(cat "$work/log")"
}

# Where it is found.
export HOME="$work/home"
unset XDG_CONFIG_HOME
export XDG_CONFIG_DIRS="$work/none:$work/a:$work/b"
block 128
echo 'block = 11' >"$work/b/cenote/cenoted.conf"
block 11
echo 'block = 12' >"$work/a/cenote/cenoted.conf"
block 12
echo 'block = 13' >"$work/home/.config/cenote/cenoted.conf"
block 13
export XDG_CONFIG_HOME="$work/own"
block 12
echo 'block = 14' >"$work/own/cenote/cenoted.conf"
block 14
block 128 --no-config
block 15 --block 15
echo 'block = 16' >"$file"
block 16 --config "$file"
block 16 "--config=$file"
block 17 --block 17 --config "$file"
XDG_CONFIG_HOME=own block 12 # XDG wants whole paths
echo rubbish >"$work/own/cenote/cenoted.conf"
play --no-audio "$model" && bad "rubbish in the default file is no error"
for question in --help --version --help-osc; do
  "$cenoted" $question >"$work/stdout" 2>&1 || bad "$question is answered with: $(cat "$work/stdout")"
done
export XDG_CONFIG_HOME="$work/none"

# What a file may say: a whole command line.
printf '# %s\n\n \tblock=32 \r\nahead =  7.5\nno-audio = yes\ndry = no\npreset = %s\n  # end\nvoices = 2' \
  "a remark" "$model" >"$file"
play --config "$file" || bad "exit $?: $(cat "$work/log")"
grep -q 'ready: .* 32 frames, ahead 7.5 ms' "$work/log" || bad "the file is not obeyed: $(cat "$work/log")"
grep -q "^cenoted: $model " "$work/log" || bad "preset = is not obeyed: $(cat "$work/log")"
# The place that the command line names for the sound replaces the file's.
play --config "$file" --output "$work/out.flac" || bad "exit $?: $(cat "$work/log")"
[ "$(head -c 4 "$work/out.flac")" = fLaC ] || bad "--output gives way to no-audio = yes"
printf 'output = %s\nformat = au\n' "$work/out.au" >"$file"
play --config "$file" --no-audio "$model" || bad "exit $?: $(cat "$work/log")"
[ ! -e "$work/out.au" ] || bad "--no-audio gives way to output ="
play --config "$file" "$model" || bad "exit $?: $(cat "$work/log")"
[ "$(head -c 4 "$work/out.au")" = .snd ] || bad "output = and format = are not obeyed"
# An address on the command line is the only one.
printf 'bind = 192.0.2.1\nbind = 192.0.2.2\n' >"$file"
play --config "$file" --no-audio "$model" && bad "bind = is not obeyed"
play --config "$file" --no-audio --bind 127.0.0.1 "$model" || bad "--bind does not replace bind ="

# What it may not.
refused ':2: blok: no such key' <<END
# one
blok = 3
END
refused ':1: --block 0: want' <<END
block = 0
END
refused ':1: dry: maybe: want yes or no' <<END
dry = maybe
END
for key in config no-config help version help-osc list-devices; do
  echo "$key = yes" | refused ":1: $key: no such key"
done
refused ':1: block: want KEY = VALUE' <<END
block
END
refused ':1: block: want KEY = VALUE' <<END
block =
END
refused ':1: no key: want KEY = VALUE' <<END
 = 3
END
printf 'block = 3\n\0' | refused ': not a text file'
head -c 1100000 /dev/zero | tr '\0' '#' | refused ': longer than'
rm -f "$file"
play --no-audio --config "$file" "$model" 2>/dev/null
[ $? -eq 2 ] && grep -q "$file: No such file" "$work/log" || bad "a file that is not there: $(cat "$work/log")"
play --no-audio --config "$work" "$model"
[ $? -eq 2 ] && grep -q "$work: Is a directory" "$work/log" || bad "a folder: $(cat "$work/log")"

# A default file that is closed to us is an error, one in a folder that is closed is not there.
# Root opens everything.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  cp "$model" "$work/none/m.safetensors"
  chmod 755 "$work" "$work/none"
  mkdir -p "$work/closed/cenote"
  echo 'block = 18' >"$work/closed/cenote/cenoted.conf"
  chmod 700 "$work/closed/cenote/cenoted.conf"
  for mode in 755 700; do
    chmod $mode "$work/closed"
    XDG_CONFIG_HOME="$work/closed" XDG_CONFIG_DIRS="$work/none" setpriv --reuid 65534 --regid 65534 \
      --clear-groups "$cenoted" --port 0 --no-audio --duration 0.05 "$work/none/m.safetensors" \
      >"$work/log" 2>&1
    status=$?
    case $mode in 755) want=2 ;; 700) want=0 ;; esac
    [ $status -eq $want ] || bad "mode $mode: exit $status: $(cat "$work/log")"
  done
fi

# What is said.
lines() {
  play --no-audio "$@" "$model" || bad "$*: exit $?"
  wc -l <"$work/log"
}
[ "$(lines)" -eq 2 ] || bad "without --log-level: $(cat "$work/log")"
[ "$(lines --log-level info)" -eq 2 ] || bad "info: $(cat "$work/log")"
[ "$(lines --log-level warn)" -eq 0 ] || bad "warn: $(cat "$work/log")"
[ "$(lines --log-level warn --ahead 0)" -eq 1 ] || bad "warn, of a short --ahead: $(cat "$work/log")"
[ "$(lines --log-level error --ahead 0)" -eq 0 ] || bad "error, of a short --ahead: $(cat "$work/log")"
echo 'log-level = debug' >"$file"
[ "$(lines --config "$file")" -gt 2 ] || bad "debug: $(cat "$work/log")"
play --no-audio --log-level error "$work/gone.safetensors" && bad "no model, exit 0"
[ "$(wc -l <"$work/log")" -eq 1 ] || bad "error, of a model that is not there: $(cat "$work/log")"
play --no-audio --log-level loud "$model"
[ $? -eq 2 ] || bad "--log-level loud is taken"

# Priorities only where standard error is the journal's.
: >"$work/journal"
JOURNAL_STREAM=$(stat -c %d:%i "$work/journal") timeout 20 "$cenoted" --port 0 --duration 0.05 \
  --ahead 0 --no-audio "$model" 2>>"$work/journal"
grep -q '^<6>cenoted: ready: ' "$work/journal" && grep -q '^<4>cenoted: --ahead' "$work/journal" ||
  bad "in the journal: $(cat "$work/journal")"
JOURNAL_STREAM=1:2 play --no-audio "$model"
grep -q '^cenoted: ready: ' "$work/log" || bad "with another's JOURNAL_STREAM: $(cat "$work/log")"

[ $failures -eq 0 ]
