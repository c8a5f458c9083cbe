#!/bin/sh
# SPDX-License-Identifier: ISC
# check_examples.sh evening|installation|open-stage-control|pd|sclang|tidal: the example of doc/examples
# is played, faster than its own time.
set -u
example=${1:?which example: evening, installation, open-stage-control, pd, sclang or tidal}
check="check_examples $example"
. "$(dirname "$0")/daemon.sh"
examples=$here/doc/examples

# Its answers are in $work/said, one a line: WANTED regexes are among them, a refusal is not.
answers() {
  for wanted; do
    grep -Eq "$wanted" "$work/said" || bad "no '$wanted' in: $(cat "$work/said")"
  done
  ! grep -E 'list fail|/fail|refuses|^error|ERROR' "$work/said" || bad "see above"
}

play() {
  start_daemon --voices 4 starter
}

check_evening() {
  play
  CENOTE=$cenote "$examples/evening.sh" 0.02 "$port" >"$work/said" 2>&1 || bad "ends with $?: $(cat "$work/said")"
  answers '^1: ' '^2: ' '^3: ' '^4: '
  take=$(cd "$work/media" && ls evening-*.wav)
  [ -s "$work/media/$take" ] || bad "no recording"
  says '/gain 0' /gain
  says '/voice/1/run 0' /voice/1/run
  says '/voice/1/level/2/freeze 0' /voice/1/level/2/freeze
  ! "$cenote" send --port "$port" /rec/stop "$take" >"$work/stop" 2>&1 || bad "the recording goes on"
  quit_daemon
  CENOTE=$cenote "$examples/evening.sh" 0.02 "$port" >"$work/said" 2>&1 && bad "no daemon, and all is well"
}

check_pd() {
  need pd puredata-core
  play
  timeout 30 pd -nogui -noaudio -stderr -open "$examples/cenote.pd" -open "$here/tests/osc/press.pd" \
    -send "press $port" >"$work/said" 2>&1 || bad "pd ends with $?"
  # Pd's [oscparse] reads no 64-bit numbers, and says so.
  sed -i '/oscparse: unknown tag/d' "$work/said"
  for command in /voice/1/slot/1/save /voice/1/slot/2/save /voice/1/slot/1/load /voice/1/slot/2/load \
    '/trigger [1-4]' /voice/1/morph '/rec/start take-1.wav' '/rec/stop take-1.wav'; do
    answers "^cenote: list done $command"
  done
  says '/voice/1/temperature 0.75' /voice/1/temperature
  says '/gain -6' /gain
  says '/voice/1/level/0/gain 0.5' /voice/1/level/0/gain
  says '/voice/1/level/3/gain 2' /voice/1/level/3/gain
  quit_daemon
}

check_sclang() {
  need sclang supercollider-language
  play
  mkdir "$work/home"
  HOME=$work/home XDG_CONFIG_HOME=$work/home XDG_DATA_HOME=$work/home XDG_RUNTIME_DIR=$work/home \
    QTWEBENGINE_DISABLE_SANDBOX=1 QT_QPA_PLATFORM=offscreen CENOTE_PORT=$port \
    CENOTE_EXAMPLE=$examples/cenote.scd \
    timeout 60 sclang -D "$here/tests/osc/examples.scd" </dev/null >"$work/said" 2>&1
  answers '^played: true' '/slot/low/save' '/slot/high/save' '/done, /trigger, [1-4]'
  [ "$(grep -c '/done, /trigger' "$work/said")" -eq 10 ] || bad "not ten triggers: $(cat "$work/said")"
  says '/voice/3/temperature 1' /voice/3/temperature
  quit_daemon
}

check_tidal() {
  need node nodejs
  play
  "$cenote" send --port "$port" /voice/1/slot/kick/save >"$work/out" || bad "save: $(cat "$work/out")"
  timeout 60 node "$here/tests/osc/tidal.mjs" "$examples/tidal.hs" "$port" || bad "see above"
  quit_daemon
}

check_open_stage_control() {
  need python3 python3
  play
  "$cenoted" --help-osc >"$work/help" || bad "--help-osc fails"
  python3 "$here/tests/osc/surface.py" "$examples/cenote-open-stage-control.json" "$work/help" \
    >"$work/sends" || bad "see above"
  [ -s "$work/sends" ] || bad "it sends nothing"
  while read -r line; do
    # shellcheck disable=SC2086
    "$cenote" send --port "$port" $line >"$work/out" 2>&1 || bad "$line: $(cat "$work/out")"
  done <"$work/sends"
  quit_daemon
}

# Two seconds of it, twice as after a crash; and its units, beside the one that is installed.
check_installation() {
  conf=$examples/installation/cenoted.conf
  for run in 1 2; do
    (cd "$work/media" && exec "$cenoted" --config "$conf" --port 0 --fast --duration 2) \
      2>"$work/log" || bad "run $run ends with $?: $(cat "$work/log")"
  done
  [ "$(cd "$work/media" && echo *)" = 'day-0001.wav day-0002.wav' ] || bad "files: $(ls "$work/media")"
  cmp -s "$work/media/day-0001.wav" "$work/media/day-0002.wav" || bad "the second run differs"
  # The keys that are remarks are options all the same.
  for key in $(sed -n 's/^#\([a-z-]*\) = .*/\1/p' "$conf"); do
    "$cenoted" --help | grep -q -- "--$key " || bad "no option --$key"
  done
  need systemd-analyze systemd
  mkdir -p "$work/units/cenoted.service.d" "$work/run"
  sed "s|^ExecStart=.*|ExecStart=\"$cenoted\"|" "$build/daemon/systemd/cenoted-user.service" \
    >"$work/units/cenoted.service"
  cp "$examples/installation/installation.conf" "$work/units/cenoted.service.d/"
  cp "$examples/installation/"cenoted-clean.* "$work/units/"
  XDG_RUNTIME_DIR=$work/run SYSTEMD_UNIT_PATH=$work/units: systemd-analyze --user --man=no verify \
    "$work/units/cenoted.service" "$work/units/cenoted-clean.timer" \
    "$work/units/cenoted-clean.service" >"$work/verify" 2>&1 || bad "verify: $(cat "$work/verify")"
  ! grep "cenoted" "$work/verify" || bad "see above"
}

case $example in
evening | installation | pd | sclang | tidal) "check_$example" ;;
open-stage-control) check_open_stage_control ;;
*) echo "check_examples: no example called $example" >&2 && exit 2 ;;
esac
[ $failures -eq 0 ]
