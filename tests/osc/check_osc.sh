#!/bin/sh
# SPDX-License-Identifier: ISC
# check_osc.sh send|oscsend|pd|node|hostile|quit [MS]: a real client plays a real daemon. After a flood
# of nonsense it must answer within MS (1000; builds with sanitizers need more).
set -u
client=${1:?which client: send, oscsend, pd, node, hostile or quit}
patience=${2:-1000}
check="check_osc $client"
. "$(dirname "$0")/daemon.sh"

# Two voices of the smallest model.
start_tiny() {
  cp "$here/tests/golden/tiny.safetensors" "$work/media/"
  echo 'not a model' >"$work/media/garbage.safetensors"
  start_daemon --voices 2 "$work/media/tiny.safetensors"
}

# ends STATUS REGEX ARGS...: how cenote send ends, and a line that it prints.
ends() {
  wanted=$1 line=$2
  shift 2
  "$cenote" send "$@" >"$work/out" 2>&1
  status=$?
  [ $status -eq "$wanted" ] || bad "send $*: ends with $status, not $wanted"
  grep -Eq -- "$line" "$work/out" || bad "send $*: no '$line' in: $(cat "$work/out")"
  case $line in
  no\ reply*) ;;
  *) ! grep -q 'no reply' "$work/out" || bad "send $*: waits in vain: $(cat "$work/out")" ;;
  esac
}

# Until some sound has been made since: on a loaded machine, with sanitizers, that takes its time.
await_sound() {
  began=$(sample_clock)
  for _ in $(seq 1200); do
    [ "$(sample_clock)" -gt $((began + 1000)) ] && return
    sleep 0.1
  done
  bad "no sound is made"
}

# The last of /status.reply.
sample_clock() {
  "$cenote" send --port "$port" /status | sed 's/.* //'
}

check_send() {
  start_tiny
  for tcp in '' --tcp; do
    ends 0 '^/status\.reply 1 0 [0-9]+ 2 [0-9]+ ' $tcp --port "$port" /status
    ends 0 '^/version\.reply ' $tcp --port "$port" /version
    says '/synced 3' $tcp /sync 3
    says '' $tcp /voice/1/gain -6
    says '/voice/1/gain -6' $tcp /voice/1/gain
    says '' $tcp /voice/1/temperature 99
    says '/voice/1/temperature 4' $tcp /voice/1/temperature
    says '' $tcp '/voice/*/mute' T
    says '/voice/2/mute 1' $tcp /voice/2/mute
    says '' $tcp /voice/1/seed h:12345678901
    says '/voice/1/seed 12345678901' $tcp /voice/1/seed
    says '' $tcp /voice/1/reset
    ends 1 '^/fail /nope .* 1$' $tcp --port "$port" /nope
    ends 1 '^cenote send: /voice/1/gain: ' $tcp --port "$port" /voice/1/gain f:nan
    ends 1 '^/fail /voice/1/gain .* 2$' $tcp --port "$port" /voice/1/gain d:-inf
    ends 1 '^/fail /voice/1/gain .* 2$' $tcp --port "$port" /voice/1/gain s:3
    ends 1 '^/fail /voice/9/gain .* 3$' $tcp --port "$port" /voice/9/gain 0
    ends 0 '^/done /model/load ' $tcp --port "$port" /model/load tiny.safetensors
    ends 1 '^/fail /model/load .* 4$' $tcp --port "$port" /model/load none.safetensors
    ends 0 '^/done /preset/load ' $tcp --port "$port" /preset/load starter
    ends 0 '^/done /rec/start ' $tcp --port "$port" /rec/start "take$tcp.wav"
    await_sound
    ends 0 '^/done /rec/stop .* [1-9][0-9]*$' $tcp --port "$port" /rec/stop
    [ -s "$work/media/take$tcp.wav" ] || bad "/rec/start: no file"
  done
  ends 0 '^/status\.reply ' --host localhost --port "$port" /status
  ends 2 'begins with' --port "$port" status
  ends 2 'whole number' --port "$port" /voice/1/seed i:x
  ends 2 'no ADDRESS' --port "$port"
  ends 2 '--port' --port 70000 /status
  ends 0 '^Usage: cenote send' --help
  "$cenote" send --port "$port" /status >&- 2>"$work/out" && bad "send, standard output closed: exit 0"
  [ "$(wc -l <"$work/out")" -eq 1 ] || bad "send, standard output closed: $(cat "$work/out")"
  quit_daemon
  ends 1 'nobody listens there' --port "$port" /status
  ends 1 'nobody listens there' --tcp --port "$port" /status
}

# Only loopback addresses listen: /proc/net has them in hexadecimal.
check_bound() {
  hex=$(printf ':%04X' "$port")
  for table in udp tcp udp6 tcp6; do
    [ -r /proc/net/$table ] || continue
    awk -v port="$hex" 'substr($2, length($2) - 4) == port { print $2 }' /proc/net/$table |
      grep -Ev '^(0100007F|00000000000000000000000001000000):' &&
      bad "listens beyond loopback on $table"
  done
}

check_quit() {
  start_tiny
  check_bound
  "$cenoted" --no-audio --port "$port" "$work/media/tiny.safetensors" 2>"$work/second"
  status=$?
  [ $status -eq 1 ] || bad "a second daemon on the same port ends with $status"
  grep -q "port $port: .*--port" "$work/second" ||
    bad "a second daemon on the same port says: $(cat "$work/second")"
  quit_daemon
  for signal in INT TERM; do
    start_tiny
    kill -$signal "$daemon"
    await_end "on SIG$signal"
  done
}

# oscsend tells nothing of replies: what it did is asked for afterwards, or heard by oscdump.
check_oscsend() {
  need oscsend liblo-tools
  need oscdump liblo-tools
  start_tiny
  oscsend 127.0.0.1 "$port" /voice/1/gain f -9
  says '/voice/1/gain -9' /voice/1/gain
  oscsend 127.0.0.1 "$port" /voice/1/top_k i 1000
  says '/voice/1/top_k 256' /voice/1/top_k
  oscsend 127.0.0.1 "$port" '/voice/*/mute' T
  says '/voice/2/mute 1' /voice/2/mute
  oscsend "osc.tcp://127.0.0.1:$port" /voice/2/gain d -4
  says '/voice/2/gain -4' /voice/2/gain
  oscsend 127.0.0.1 "$port" /voice/2/gain s loud
  oscsend 127.0.0.1 "$port" /no/such/thing
  says '/voice/2/gain -4' /voice/2/gain
  for dump in 17771 27772 37773; do # a port for oscdump that is free
    oscdump -L "$dump" >"$work/dump" 2>/dev/null &
    dumper=$!
    sleep 0.3
    kill -0 "$dumper" 2>/dev/null && break
  done
  oscsend 127.0.0.1 "$port" /notify ii 1 "$dump"
  says '' /voice/2/gain 50
  for _ in $(seq 240); do
    grep -q '/voice/2/gain f 12' "$work/dump" && break
    sleep 0.05
  done
  ends 1 'no reply from .* within 200 ms' --port "$dump" --timeout 200 /status # it never answers
  kill "$dumper"
  grep -q '/voice/2/gain f 12' "$work/dump" || bad "oscdump hears no feedback: $(cat "$work/dump")"
  quit_daemon
}

check_pd() {
  need pd puredata-core
  start_tiny
  timeout 20 pd -nogui -noaudio -stderr -open "$here/tests/osc/drive.pd" -send "port $port" \
    >"$work/pd" 2>&1 || bad "pd ends with $?"
  for line in 'reply: list voice 1 gain -12.5' 'reply: list fail /nope .* 1' \
    'reply: list synced 7'; do
    grep -q "$line" "$work/pd" || bad "pd does not print '$line': $(cat "$work/pd")"
  done
  says '/voice/2/mute 1' /voice/2/mute
  says '/voice/1/top_k 256' /voice/1/top_k
  quit_daemon
}

check_node() {
  need node nodejs
  start_tiny
  transports='udp tcp slip'
  grep -qs '^0*1 ' /proc/net/if_inet6 && transports="$transports udp6"
  for transport in $transports; do
    timeout 100 node "$here/tests/osc/commands.mjs" "$port" "$transport" || bad "over $transport"
    [ -s "$work/media/$transport.wav" ] || bad "no recording over $transport"
  done
  quit_daemon
}

check_hostile() {
  need node nodejs
  start_tiny
  timeout 100 node "$here/tests/osc/hostile.mjs" "$port" 3000 "$patience" || bad "see above"
  quit_daemon
}

case $client in
send | oscsend | pd | node | hostile | quit) "check_$client" ;;
*) echo "check_osc: no client called $client" >&2 && exit 2 ;;
esac
[ $failures -eq 0 ]
