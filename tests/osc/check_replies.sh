#!/bin/sh
# SPDX-License-Identifier: ISC
# How arguments are read and what answers say: tags come back, numbers are rounded or cut, a refusal
# names what is at fault.
set -u
check=check_replies
. "$(dirname "$0")/daemon.sh"
tiny=$here/tests/golden/tiny.safetensors
cp "$tiny" "$work/media/"
"$cenote" render "$tiny" --duration 0.5 -o "$work/media/heard.wav" || bad "render"

# refused REGEX ARGS...: the line of /fail.
refused() {
  wanted=$1
  shift
  "$cenote" send --port "$port" "$@" >"$work/out" 2>&1
  [ $? -eq 1 ] || bad "send $*: is not refused: $(cat "$work/out")"
  tr -d '"' <"$work/out" | grep -Eq -- "^/fail $wanted\$" || bad "send $*: no '$wanted' in: $(cat "$work/out")"
}

start_daemon --voices 2 "$tiny"

# A tag comes back: in /done and in /fail, as any number that is whole; never another argument.
says '/done /log/start l.log 11' /log/start l.log 11
says '/done /log/stop l.log 12' /log/stop 12
refused '/model/load .* 3 45' /model/load nopreset 45
refused '/model/load .* 4 46' /model/load none.safetensors 46
refused '/voice/1/model .* 3 47' /voice/1/model nopreset f:47
refused '/voice/1/prime .* 4 48' /voice/1/prime none.wav 48
refused '/rec/stop .* 3 49' /rec/stop none.wav 49
refused '/slot/write .* 3 50' /slot/write 9 none.slot 50
refused '/model/free .* 3 51' /model/free none d:51
says '/done /rec/start t.wav 0 52' /rec/start t.wav 52
says '/done /rec/start u.wav 0 53' /rec/start u.wav wav 1 53
refused '/rec/start .*no voice 95.* 3' /rec/start v.wav wav 95
"$cenote" send --port "$port" /rec/stop t.wav 54 | grep -q '^/done /rec/stop t.wav [0-9]* 54$' ||
  bad "/rec/stop: no tag"
"$cenote" send --port "$port" /rec/stop u.wav | grep -q '^/done /rec/stop u.wav [0-9]*$' ||
  bad "/rec/stop: more than it should say"
"$cenote" send --port "$port" /voice/1/prime heard.wav 55 | grep -q '^/done .*/prime [0-9.]* 55$' ||
  bad "/voice/1/prime: no tag"
"$cenote" send --port "$port" /voice/1/prime heard.wav 0.1 0.2 56 | grep -q ' 56$' ||
  bad "/voice/1/prime: no tag after start and seconds"
"$cenote" send --port "$port" /voice/1/prime heard.wav -1 0.2 | grep -q '^/done' ||
  bad "/voice/1/prime: a start before the file is not cut to it"
refused '/voice/1/prime .*argument 2 .*want a number 2' /voice/1/prime heard.wav s:x

# What comes back of a ping is what was sent.
says '/pong 1099511627776 3.25 T F x' /ping h:1099511627776 d:3.25 T F s:x

# A switch is a whole number; a key is cut to its range.
says '' /mute 0.4
says '/mute 0' /mute
says '' /voice/2/run 0.6
says '/voice/2/run 1' /voice/2/run
says '' /map 200 3
says '/map 127 3' /map 127
refused '/mnote .*argument 2 is missing 2' /mnote 60

# Slots: any name, whose answer is its own; a pattern to save means the free ones too.
says '/done /voice/1/slot/rewind/save' /voice/1/slot/rewind/save
long=a23456789012345678901234567890123456789012345678901234567890123
says "/done /voice/1/slot/$long/save" "/voice/1/slot/$long/save"
refused '/voice/1/slot/128/save no slot 128, there are 0 to 127 3' /voice/1/slot/128/save
refused '/voice/1/slot/-1/save no slot -1, .* 3' /voice/1/slot/-1/save
says '/done /voice/1/slot/1/save
/done /voice/1/slot/7/save' '/voice/1/slot/{1,7}/save'
for slot in 1 7; do
  says "/done /voice/2/slot/$slot/load" /voice/2/slot/$slot/load
done

# A refusal names what is at fault.
refused '/voice/1/morph/x no two slots have been morphed yet 3' /voice/1/morph/x 0.5
says '/done /voice/1/morph' /voice/1/morph 1 7 0.5
refused '/voice/1/morph slot 9 is empty 3' /voice/1/morph 1 9 0.5
says '/done /voice/1/morph/x' /voice/1/morph/x 0.25 # of the pair that was morphed
says '/voice/1/morph/x 0.25' /voice/1/morph/x
refused '/voice/01/gain no voice 01, .* 3' /voice/01/gain 0
refused '/voice/\{7,8\}/gain no voice \{7,8\}, .* 3' '/voice/{7,8}/gain' 0
refused '/voice/\*/level/5/gain its model has no level 5 3' '/voice/*/level/5/gain' 1
"$cenote" send --port "$port" /preset/load starter | grep -q '^/done' || bad "/preset/load"
refused '/voice/1/morph slot 1 is of another model, .* 3' /voice/1/morph 1 7 0.5
"$cenote" send --port "$port" /voice/1/model tiny.safetensors | grep -q '^/done' || bad "/model"
refused '/voice/1/copy the two voices play different models 3' /voice/1/copy 2
says '/done /slot/write s.slot' /slot/write 1 s.slot
quit_daemon

# A slot of a model that is not loaded is refused by that model's name.
start_daemon starter
refused '/slot/read s.slot: of another model, tiny.* 5' /slot/read 1 s.slot
"$cenote" send --port "$port" /schema /voice/1/level | grep -c '^/schema.reply' >"$work/out"
[ "$(cat "$work/out")" -eq 6 ] || bad "/schema of a level: $(cat "$work/out") rows"
quit_daemon
[ $failures -eq 0 ]
