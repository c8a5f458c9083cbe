-- SPDX-License-Identifier: ISC
-- Cenote as a target of TidalCycles 1.9: `ghci -ghci-script tidal.hs`, or these lines in place of
-- the target in your BootTidal.hs. Start `cenoted --voices 4` and save what shall be played:
--   cenote send /voice/1/slot/kick/save
:set -XOverloadedStrings
:set prompt ""
:set prompt-cont ""
import Sound.Tidal.Context

-- Bundles with time tags, 0.1 s ahead: cenoted plays them at that very sample. It sends no handshake.
:{
let cenoteTarget = Target
      { oName = "cenote"
      , oAddress = "127.0.0.1"
      , oPort = 7770
      , oBusPort = Nothing
      , oLatency = 0.1
      , oWindow = Nothing
      , oSchedule = Pre BundleStamp
      , oHandshake = False
      }
    cenoteShape = OSC "/dirt/play" $ Named {requiredArgs = ["s"]}
:}

tidal <- startStream defaultConfig [(cenoteTarget, [cenoteShape])]

-- Of a note: s is the slot, orbit the voice (from 0), gain, pan, sustain (s; without it the voice
-- plays on). Of the voice that plays it: these.
:{
let d1 = streamReplace tidal 1
    d2 = streamReplace tidal 2
    hush = streamHush tidal
    temperature = pF "temperature"
    top_p = pF "top_p"
:}

-- d1 $ s "kick*4" # sustain 0.2 # pan rand
-- d2 $ s "kick(3,8)" # orbit 1 # sustain 0.1 # temperature (range 0.5 1.2 sine)
:set prompt "tidal> "
