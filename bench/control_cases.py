# SPDX-License-Identifier: ISC
"""What is tried with each message that changes sound: its neutral value, another one, and what the
other one must do. A voice that is left alone plays all the while."""

import math

from control_rig import FRAMES, HALF, OTHER, RAMP, RATE, bits, differs, likeness, near, rms_db
from live import Long

SAVE, AT, LATER = 2000, 4001, 6001  # frames: no multiples of a block, nor of a level's period
DUE = 8064  # of what must wait for its answer: the last block before the rig stops feeding
FADE = RATE // 100  # of load, morph, copy, rewind: 10 ms
V = "/voice/1/"
KEEP = (SAVE, (V + "slot/1/save",))
KEEP_2 = (3000, (V + "slot/2/save",))
# For notes: moments are kept, then the voice is stopped, and it is silent.
NOTE = (KEEP, (SAVE, (V + "slot/60/save",)), KEEP_2, (3100, (V + "run", 0)))

CASES = []

# No sound of their own: what is said at AT, and what when the files are open. All of it in one run,
# which must be the same as without.
SILENT = [
    ("/status",), ("/version",), ("/sync", 2), ("/ping", 1), ("/dumpOSC", 0), ("/notify", 1),
    ("/clock",), ("/latency",), ("/schema",), ("/meter", 30.0), ("/model/load", "other"),
    ("/model/list",), ("/model/info",), ("/dirt/hello",), ("/dirt/handshake",), ("/slot/list",),
    ("/slot/write", 1, "silent.state"), ("/rec/start", "silent.wav"), ("/log/start", "silent.log"),
    ("/quit", 0),  # a button let go; pressed, it ends the program
]
SILENT_THEN = [("/model/free", "other"), ("/rec/stop",), ("/log/stop",)]
SILENT_WAIT = ("/model/load", "/slot/write", "/rec/start", "/log/start")


class Case:
    def __init__(self, address, neutral, tried, what, check, before=(), after=(), at=AT, hears=None,
                 like=None, slack=0, **how):
        self.address, self.neutral, self.tried, self.what = address, neutral, tried, what
        self.check, self.before, self.after, self.at = check, before, after, at
        self.hears, self.like, self.slack, self.how = hears, like, slack, how

    def around(self):
        return [*self.before, *self.after]

    def with_(self, said):
        """The events, with this said at its frame."""
        said = said if isinstance(said, list) else [said]
        return [*self.before, *((self.at, m) for m in said), *self.after]

    def from_frame(self):
        return self.at if self.hears is None else self.hears

    def text(self, said):
        if not said:
            return ""
        said = said if isinstance(said, list) else [said]
        return ", ".join(" ".join(str(a) for a in m[1:]) or "(bare)" for m in said)

    def neutral_text(self):
        if not self.neutral:
            return "none: an action"
        return self.text(self.neutral) + (", as `%s`" % " ".join(map(str, self.like)) if self.like else "")

    def tried_text(self):
        return self.text(self.tried)


def case(address, neutral, tried, what, check, **more):
    """`neutral` and `tried`: arguments of the address on voice 1, or whole messages."""
    number = "/%d/" % more.pop("level", 0)
    own = address.replace("/N/", "/1/").replace("/S/", "/1/").replace("/L/", number)

    def whole(said):
        if said is None or isinstance(said, list):
            return said
        return said if said and str(said[0]).startswith("/") else (own, *said)
    CASES.append(Case(address, whole(neutral), whole(tried), what, check, **more))


def level(db, begin=AT + RAMP, end=FRAMES):
    def check(t):
        got = rms_db(t.sound.left[begin:end]) - rms_db(t.base.left[begin:end])
        if db == -math.inf:
            return "silence" if got == db else "%.2f dB" % got, got == db
        return "%.2f dB" % got, abs(got - db) < 0.1
    return check


def silence(begin, end=FRAMES):
    def check(t):
        loudest = max(map(abs, t.sound.left[begin:end] + t.sound.right[begin:end]))
        return "peak %d" % loudest, loudest == 0
    return check


def ratio(db, begin=AT + RAMP, end=FRAMES):
    """Of the left to the right."""
    def check(t):
        got = rms_db(t.sound.left[begin:end]) - rms_db(t.sound.right[begin:end])
        if abs(got) == math.inf:
            return "right alone" if got < 0 else "left alone", got == db
        return "%.2f dB" % got, abs(got - db) < 0.1
    return check


def ends(ms, begin=AT, over=1):
    """The sound's last frame."""
    def check(t):
        last = max((i for i, x in enumerate(t.sound.left) if x != 0), default=begin)
        got = (last + 1 - begin) * 1e3 / RATE
        return "%.1f ms" % got, ms - over <= got <= ms
    return check


def until(ms, begin, over=1):
    """How long it is another sound than without."""
    def check(t):
        last = max(i for i, (p, q) in enumerate(zip(t.sound.left, t.base.left)) if p != q)
        got = (last + 1 - begin) * 1e3 / RATE
        return "%.1f ms" % got, abs(got - ms) <= over
    return check


def entropy(sign, most=9.0):
    def check(t):
        was, got = bits(t.base.left[AT:]), bits(t.sound.left[AT:])
        return "%.2f, neutral %.2f" % (got, was), (got - was) * sign > 0.05 and got <= most
    return check


def goes_on(at, other, begin, **how):
    """From frame `at` on it is what `other`, events or None (the sound without), is from `begin`."""
    def check(t):
        sound = t.base if other is None else t.rig.sound(other, **{**t.case.how, **how})
        length = FRAMES - max(at, begin)
        good = near(t.sound.left[at:at + length], sound.left[begin:begin + length])
        return "%d frames the same" % length if good else "another sound", good and length > 1000
    return check


def holds(begin):
    def check(t):
        values = len(set(t.sound.left[begin:]))
        return "%d value%s" % (values, "s" * (values > 1)), values == 1
    return check


def changed(t):
    """Not how well, but that: the share of other samples."""
    total = FRAMES - t.case.from_frame()
    share = sum(p != q for p, q in zip(t.sound.left[-total:], t.base.left[-total:])) / total
    return "%.0f %%" % (100 * share), share > 0.5


def level_of(db, like):
    """Against another thing said."""
    def check(t):
        got = rms_db(t.sound.left[AT:]) - rms_db(t.again(like).left[AT:])
        return "%.2f dB" % got, abs(got - db) < 0.1
    return check


def same_as(said, words):
    def check(t):
        same = differs(t.sound, t.again(said)) is None
        return words if same else "another sound", same
    return check


def at_clock(ratio):
    """At the model's own rate a run of level 0 is a frame: so its sound tells which runs there were."""
    def check(t):
        want = t.base.left[AT - 1:]
        got = t.sound.left[AT:AT + 4000]
        best = max(sum(got[i] == want[int(i * ratio + shift)] for i in range(4000))
                   for shift in (0, 0.5, 1, 1.5, 2))
        return "%d of 4000 samples" % best, best == 4000
    return check


def changes(samples):
    return sum(a != b for a, b in zip(samples, samples[1:]))


def sooner(address, less):
    def check(t):
        much = differs(t.sound, t.base) - AT
        little = (differs(t.again((address, less)), t.base) or FRAMES) - AT
        return "after %d, %d frames" % (much, little), much < little
    return check


def after_silence(t):
    other = t.rig.sound(t.case.with_(t.case.tried), hear=FRAMES).left
    share = sum(p != q for p, q in zip(t.sound.left[LATER:], other[LATER:])) / (FRAMES - LATER)
    return "%.0f %%" % (100 * share), share > 0.5


def both(*checks):
    def check(t):
        found = [each(t) for each in checks]
        return ", ".join(text for text, _ in found), all(good for _, good in found)
    return check


# Master and mix.
case("/gain", (0.0,), (-6.0,), "level", level(-6))
case("/gain", (0.0,), (-90.0,), "level", level(-math.inf))
case("/mute", (0,), (1,), "sound after 5 ms", silence(AT + RAMP))
case("/voice/N/gain", (0.0,), (-6.0,), "level", level(-6))
case("/voice/N/gain", (0.0,), (-90.0,), "level", level(-math.inf))
case("/voice/N/mute", (0,), (1,), "sound after 5 ms", silence(AT + RAMP))
case("/voice/N/mute", (0,), (1,), "unmuted 125 ms later, against never muted",
     goes_on(LATER + RAMP, [], LATER + RAMP), after=((LATER, (V + "mute", 0)),))
case("/voice/N/pan", (0.0,), (0.6,), "left to right", both(
    ratio(20 * math.log10(0.8)),
    lambda t: ("right as it was", differs((t.sound.right,), (t.base.right,)) is None)))
case("/voice/N/pan", (0.0,), (-1.0,), "left to right", ratio(math.inf))
case("/voice/set", (1, "gain", 0.0, "pan", 0.0), (1, "gain", -6.0, "pan", 0.6), "level, left to right",
     both(level(-6 + 20 * math.log10(0.8)), ratio(20 * math.log10(0.8))))

# Time.
case("/voice/N/run", (1,), (0,), "sound after 5 ms", silence(AT + RAMP))
case("/voice/N/run", (1,), (0,), "run again 125 ms later, against where it stood",
     goes_on(LATER + RAMP, [], AT + 2 * RAMP), after=((LATER, (V + "run", 1)),))
case("/voice/N/reset", (0,), (1,), "after it, against its beginning", goes_on(AT + RAMP, None, RAMP))


def further(t):
    """Faster from AT to LATER: how far ahead it is then, as a share of the frames that this took."""
    more = LATER - AT
    begin = (LATER + 500) * t.rate // RATE
    got, size = t.sound.left[begin:begin + 2000], more * t.rate // RATE
    found = max(range(size - 60, size + 61), key=lambda shift: likeness(
        got, t.base.left[begin + shift:begin + shift + 2000]))
    like = likeness(got, t.base.left[begin + found:begin + found + 2000])
    return "%.3f times the steps" % (1 + found / size), abs(found - size) <= size // 20 and like > 0.9


for hz in (RATE, 48000):
    case("/voice/N/speed", (1.0,), (2.0,), "125 ms of it, at %d Hz" % hz, further, rate=hz, slack=2,
         after=((LATER, (V + "speed", 1.0)),))

# The sampler.
case("/voice/N/seed", (Long(0),), (Long(7),), "from the beginning on: other samples", changed, at=0, slack=3)
case("/voice/N/seed", None, (Long(0),), "later, though the same: other samples", changed, slack=3)
case("/voice/N/temperature", (1.0,), (0.5,), "bits in the codes", entropy(-1), slack=20)
case("/voice/N/temperature", (1.0,), (2.0,), "bits in the codes", entropy(1), slack=20)
case("/voice/N/temperature", (1.0,), (0.0,), "with another seed", same_as(
    [(V + "temperature", 0.0), (V + "seed", Long(9))], "the same samples"), slack=20)
case("/voice/N/top_k", (256,), (1,), "with another seed", same_as(
    [(V + "top_k", 1), (V + "seed", Long(9))], "the same samples"), slack=20)
case("/voice/N/top_k", (256,), (8,), "bits in the codes", entropy(-1), slack=20)
case("/voice/N/top_p", (1.0,), (0.5,), "bits in the codes", entropy(-1), slack=20)
case("/voice/N/top_p", (1.0,), (0.0,), "against top_k 1", same_as(
    (V + "top_k", 1), "the same samples"), slack=20)

# Envelopes of notes, and crossfades.
case("/voice/N/attack", (0.0,), (100.0,), "from the note to full level", until(100, LATER),
     before=NOTE, after=((LATER, ("/trigger", 1)),), hears=LATER)
case("/voice/N/release", (50.0,), (200.0,), "of a note of 50 ms, its end", ends(250, LATER),
     before=NOTE, after=((LATER, ("/trigger", 1, 0.05)),), hears=LATER + RATE // 20, slack=1)
case("/voice/N/fade", (10.0,), (100.0,), "of a load, its end", until(100, LATER),
     before=(KEEP,), after=((LATER, (V + "slot/1/load",)),), hears=LATER, slack=2)

# Levels. What a level does needs another code to be heard: some runs of it.
case("/voice/N/level/L/gain", (1.0,), (0.5,), "level 0: bits in the codes", entropy(1), slack=20)
case("/voice/N/level/L/gain", (1.0,), (2.0,), "level 0: bits in the codes", entropy(-1), slack=20)
case("/voice/N/level/L/gain", (1.0,), (0.0,), "level 1: the levels below it", same_as(
    [(V + "level/1/gain", 0.0), (V + "level/2/gain", 0.0)], "silenced too"), level=1, slack=40)
case("/voice/N/level/L/gain", (1.0,), (0.0,), "level 2: other samples", changed, level=2, slack=80)
case("/voice/N/level/L/freeze", (0,), (1,), "level 0: the sound", holds(AT + 1), slack=2)
for number in (1, 2):
    case("/voice/N/level/L/freeze", (0,), (1,), "level %d: against clock 0" % number, both(changed, same_as(
        (V + "level/%d/clock" % number, 0.0), "the same samples")), level=number, slack=40 * number)
case("/voice/N/level/L/clock", (1.0,), (2.0,), "level 0: every other sample", at_clock(2), slack=2)
case("/voice/N/level/L/clock", (1.0,), (0.5,), "level 0: each sample twice", at_clock(0.5), slack=2)
for number in (1, 2):
    case("/voice/N/level/L/clock", (1.0,), (0.5,), "level %d: other samples" % number, changed, level=number,
         slack=40 * number)
case("/voice/N/level/L/tick", (0,), (1,), "level 0, clock 0: changes of the sound", lambda t: (
    "%d" % changes(t.sound.left[AT - 9:]), changes(t.sound.left[AT - 9:]) == 1),
     before=((SAVE, (V + "level/0/clock", 0.0)),), slack=2)
for number in (1, 2):
    case("/voice/N/level/L/tick", (0,), (1,), "level %d, clock 0: other samples" % number, changed,
         level=number, before=((SAVE, (V + "level/%d/clock" % number, 0.0)),), slack=40 * number)
for number in (0, 1, 2):
    case("/voice/N/level/L/reset", (0,), (1,), "level %d: other samples" % number, changed, level=number,
         slack=40 * (number + 1))
    case("/voice/N/level/L/noise", (0.0,), (1.0,), "level %d: first other sample, of 0.001 too" % number,
         sooner(V + "level/%d/noise" % number, 0.001), level=number, slack=40 * (number + 1))

# Moments.
case("/voice/N/slot/S/save", (0,), (1,), "a later load, against the moment", goes_on(
    LATER + FADE, [], AT + FADE), before=(KEEP,), after=((LATER, (V + "slot/1/load",)),), hears=LATER,
     slack=2)
case("/voice/N/slot/S/load", (0,), (1,), "against the moment", goes_on(AT + FADE, [], SAVE + FADE),
     before=(KEEP,), slack=2)
case("/voice/N/morph", (1, 2, 0.0), (1, 2, 0.5), "x 0.5: other samples; x 1: slot 2", both(
    changed, lambda t: ("the same samples", differs(t.again((V + "morph", 1, 2, 1.0)), t.again(
        (V + "slot/2/load",))) is None)), before=(KEEP, KEEP_2), like=(V + "slot/1/load",), slack=2)
case("/voice/N/morph", (1, 2, 0.5, -1), (1, 2, 1.0, 1), "level 1 alone: other samples", changed,
     before=(KEEP, KEEP_2), like=(V + "morph", 1, 2, 0.5), slack=40)
case("/voice/N/morph/x", (0.25,), (1.0,), "x 1: against slot 2", goes_on(AT + FADE, [], KEEP_2[0] + FADE),
     before=(KEEP, KEEP_2, (3500, (V + "morph", 1, 2, 0.0))), like=(V + "morph", 1, 2, 0.25), slack=2)
case("/voice/N/copy", (1,), (2,), "against voice 2", goes_on(
    AT + FADE, [(0, (V + "mute", 1))], AT + FADE), before=((0, ("/voice/2/mute", 1)),), voices=2, slack=2)
case("/voice/N/rewind", (0.0,), (0.2,), "against 0.25 s before", goes_on(8001 + FADE, [], 4000 + FADE),
     at=8001, slack=2)
case("/slot/free", (5,), (1,), "a note of it", silence(LATER), before=NOTE,
     after=((LATER, ("/trigger", 1)),), hears=LATER, fails=None)
case("/slot/read", (5, "kept.state"), (1, "kept.state"), "a later load, against what was written", goes_on(
    LATER + FADE, [], SAVE + FADE), before=((3000, (V + "slot/1/save",)),),
     after=((LATER, (V + "slot/1/load",)),), hears=LATER, slack=2)
case("/clearSched", None, (), "a later mute", goes_on(LATER, [], LATER), after=((LATER, ("/mute", 1)),),
     hears=LATER)

# Hearing. The two ways to hear the same from the same state end in the same state.
case("/voice/N/listen", (0,), (1,), "sound after 5 ms", silence(AT + RAMP))
case("/voice/N/listen", (0,), (1,), "to a tone, then on: other samples than after silence", after_silence,
     after=((LATER, (V + "listen", 0)),))
for start, length in ((0, 0), (512, 1024)):
    heard = [(DUE, (V + "listen", 1)), (DUE + (length or 2048), (V + "listen", 0))]
    case("/voice/N/prime", ("tone.wav", start / RATE, length / RATE) if not start else None,
         ("tone.wav", start / RATE, length / RATE), "against listening to the same", goes_on(
             HALF + FADE, heard, DUE + (length or 2048) + FADE, wait=(), hear=DUE - start), at=DUE,
         like=(V + "prime", "tone.wav"), hears=HALF, wait=(V + "prime",), slack=2)

# Weights: a new voice of theirs begins, over four ramps.
case("/voice/N/model", ("none",), ("other",), "against that model from its beginning", goes_on(
    AT + 4 * RAMP, [], 4 * RAMP, model=OTHER), fails=None, slack=2)
case("/preset/load", ("none",), ("other",), "against that preset from its beginning", goes_on(
    AT + 4 * RAMP, [(0, (V + "temperature", 0.5))], 4 * RAMP, model=OTHER), fails=None, slack=2)

# Notes, of a voice that stands still. They begin at their very frame.
MOMENT = goes_on(AT, [], SAVE)
case("/trigger", (1, 0.0, 0.0, 0.0), (1,), "against the moment", MOMENT, before=NOTE, like=("/trigger", 1))
case("/trigger", None, (1, 0.1), "its end, with the release", ends(150), before=NOTE)
case("/trigger", None, (1, 0.0, -6.0), "level, against 0 dB", level_of(-6, ("/trigger", 1)), before=NOTE)
case("/trigger", None, (1, 0.0, 0.0, 1.0), "left to right", ratio(-math.inf), before=NOTE)
case("/mnote", (60.0, 127.0), (60.0, 64.0), "level, against velocity 127", level_of(
    40 * math.log10(64 / 127), ("/trigger", 60)), before=NOTE, like=("/trigger", 60))
PLAYED = (*NOTE, (3600, ("/mnote", 60.0, 127.0, 5.0)))
case("/mnote", (61.0, 0.0), (60.0, 0.0), "its end, released", ends(50), before=PLAYED)
case("/mnote/rel", (60.0, 0.0, 6.0), (60.0, 0.0, 5.0), "its end, released", ends(50), before=PLAYED)
case("/allnotesoff", (0,), (), "its end, released", ends(50), before=PLAYED)
case("/map", (60, 60), (60, 2), "a later note, against the moment", goes_on(LATER, [], KEEP_2[0]),
     before=NOTE, after=((LATER, ("/mnote", 60.0, 127.0)),), hears=LATER)
case("/dirt/play", ("s", 1, "gain", 1.0, "pan", 0.5), ("s", 1), "against the moment", MOMENT,
     before=NOTE, like=("/dirt/play", "s", 1))
case("/dirt/play", None, ("n", 60), "against the moment", MOMENT, before=NOTE)
case("/dirt/play", None, ("s", 1, "gain", 0.5), "level, against gain 1", level_of(
    20 * math.log10(0.5), ("/dirt/play", "s", 1)), before=NOTE)
case("/dirt/play", None, ("s", 1, "pan", 1.0), "left to right", ratio(-math.inf), before=NOTE)
case("/dirt/play", None, ("s", 1, "sustain", 0.1), "its end, with the release", ends(150), before=NOTE)
case("/dirt/play", None, ("s", 1, "temperature", 0.0), "against that temperature set", same_as(
    [("/trigger", 1), (V + "temperature", 0.0)], "the same samples"), before=NOTE)
case("/dirt/play", None, ("s", 1, "orbit", 0, "temperature", 0.0), "against that temperature set", same_as(
    [("/trigger", 1), (V + "temperature", 0.0)], "the same samples"), before=NOTE)
