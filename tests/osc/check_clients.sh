#!/bin/sh
# SPDX-License-Identifier: ISC
# check_clients.sh oscsend|pd|sclang|node: a set is played on four voices by a real client, which
# triggers, saves, loads, morphs and records, and hears by its own library what is answered.
set -u
client=${1:?which client: oscsend, pd, sclang or node}
check="check_clients $client"
. "$(dirname "$0")/daemon.sh"

# recorded FILE: a WAV that holds some sound.
recorded() {
  [ "$(head -c 4 "$work/media/$1" 2>/dev/null)" = RIFF ] || bad "$1 is no recording"
  [ "$(od -An -v -tx1 -j 112 -N 8000 "$work/media/$1" | tr -d ' \n0' | wc -c)" -gt 100 ] ||
    bad "$1 is silence"
}

# What oscsend sets going is heard by oscdump, which prints it as liblo reads it.
dumped() {
  grep -Eq "$1" "$work/dump"
}

hears() {
  await 10 dumped "$1" || bad "oscdump does not hear '$1': $(cat "$work/dump")"
}

check_oscsend() {
  need oscsend liblo-tools
  need oscdump liblo-tools
  for dump in 17781 27782 37783; do # a port for oscdump that is free
    oscdump -L "$dump" >"$work/dump" 2>/dev/null &
    dumper=$!
    sleep 0.3
    kill -0 "$dumper" 2>/dev/null && break
  done
  play() { oscsend 127.0.0.1 "$port" "$@"; }
  play /notify ii 1 "$dump"
  play /voice/1/slot/1/save
  play /voice/2/slot/kick/save i 1
  play /rec/start s oscsend.wav
  play /trigger sff kick 0.1 -3
  hears '/voice/[1-4]/ended( |$)'
  play /voice/1/slot/kick/load
  play /voice/1/morph isf 1 kick 0.25
  play /voice/1/morph/x f 0.75
  play /dirt/play sssisf s kick orbit 2 sustain 0.2
  hears '/voice/3/ended( |$)'
  play /rec/stop s oscsend.wav
  # Jobs are done in their order: once this is answered, that has been done.
  ! "$cenote" send --port "$port" /rec/stop s:oscsend.wav >"$work/again" 2>&1 ||
    bad "/rec/stop: the recording went on: $(cat "$work/again")"
  kill "$dumper"
  recorded oscsend.wav
}

# pd prints what [oscparse] makes of the answers. It reads no d and no h, nor what comes after them.
check_pd() {
  need pd puredata-core
  timeout 60 pd -nogui -noaudio -stderr -open "$here/tests/osc/play.pd" -send "port $port" \
    >"$work/pd" 2>&1 || bad "pd ends with $?"
  for line in 'done /voice/1/slot/1/save' 'done /voice/2/slot/kick/save' 'done /rec/start pd.wav' \
    'done /trigger [1-4]' 'fail /trigger .*nobody.* 3' 'done /voice/1/slot/kick/load' \
    'done /voice/1/morph' 'done /voice/1/morph/x' 'status.reply 1 0 [0-4] 4 1 [0-9.]+ [0-9.]+ ' \
    'voice [1-4] ended' 'done /rec/stop pd.wav'; do
    grep -Eq "^reply: list $line" "$work/pd" || bad "pd does not print '$line': $(cat "$work/pd")"
  done
  recorded pd.wav
}

# sclang in a home of its own, with no screen. Its classes take it a second or two.
check_sclang() {
  need sclang supercollider-language
  mkdir "$work/home"
  HOME=$work/home XDG_CONFIG_HOME=$work/home XDG_DATA_HOME=$work/home XDG_RUNTIME_DIR=$work/home \
    QTWEBENGINE_DISABLE_SANDBOX=1 QT_QPA_PLATFORM=offscreen CENOTE_PORT=$port \
    timeout 90 sclang -D "$here/tests/osc/play.scd" </dev/null >"$work/sclang" 2>&1
  grep -q '^check: end$' "$work/sclang" || bad "sclang: $(cat "$work/sclang")"
  ! grep -E '^check: (want|no)|ERROR' "$work/sclang" || bad "see above"
  recorded sclang.wav
}

check_node() {
  need node nodejs
  timeout 60 node "$here/tests/osc/play.mjs" "$port" || bad "see above"
  recorded node.wav
}

case $client in
oscsend | pd | sclang | node) ;;
*) echo "check_clients: no client called $client" >&2 && exit 2 ;;
esac
start_daemon --voices 4 starter
"check_$client"
quit_daemon
[ $failures -eq 0 ]
