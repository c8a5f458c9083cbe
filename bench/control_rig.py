# SPDX-License-Identifier: ISC
"""A cenoted whose only clock is its input: it stands at frame 0 until it is fed, so what is said to it
meanwhile is there in time, whatever the machine's speed. Its sound, and what can be measured on it."""

import array
import math
import os
import shutil
import subprocess
import time
import wave
from collections import Counter, namedtuple

import live

RATE = 16000  # of the models that are tried
FRAMES = 12032
RAMP = 81  # frames in which gains move
HALF = 8192  # fed before what takes its time is waited for
OTHER = os.path.join(live.HERE, "tests", "golden", "longer.safetensors")

Sound = namedtuple("Sound", "left right")
Sound.__len__ = lambda sound: len(sound.left)


def differs(a, b):
    """The first frame in which they do; None: they are the same."""
    return next((i for i, (p, q) in enumerate(zip(zip(*a), zip(*b))) if p != q), None)


def tone(frames):
    """A square of full scale at 400 Hz: two codes, whether or not a model scales what it hears."""
    return array.array("h", (32767 if i // 20 % 2 else -32767 for i in range(frames)))


class Rig:
    """Runs of a daemon, each from its beginning; a run that was made is not made again."""

    def __init__(self, folder, model):
        self.folder, self.model, self.runs, self.kept = folder, model, 0, {}
        preset = os.path.join(folder, "presets", "other")
        os.makedirs(preset)
        shutil.copy(OTHER, os.path.join(preset, "weights.safetensors"))
        with open(os.path.join(preset, "preset.osc"), "w") as file:
            file.write("/voice/*/temperature 0.5\n")
        os.environ["CENOTE_PRESET_PATH"] = os.path.join(folder, "presets")
        with wave.open(os.path.join(folder, "tone.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(tone(2048).tobytes())
        self.play([(2000, ("/voice/1/slot/1/save",)), (4001, ("/slot/write", 1, "kept.state"))],
                  wait=("/slot/write",))

    def sound(self, events, keep=True, **how):
        key = (tuple(sorted(events, key=lambda e: e[0])), tuple(sorted(how.items())))
        if key in self.kept:
            return self.kept[key]
        made = self.play(key[0], **how)
        if keep:
            self.kept[key] = made
        return made

    def play(self, events, voices=1, rate=RATE, wait=(), then=(), fails=0, hear=0, model=None):
        """The sound of [(frame, (address, argument...))...], in order; `wait`: for these commands'
        answers when HALF is played, and `then` is said; `fails` commands are refused; the input is a
        tone from frame `hear` on."""
        self.runs += 1
        wait = [w for w in wait if any(w == address for _, (address, *_) in events)]
        path = os.path.join(self.folder, "sound.wav")
        frames = FRAMES * rate // RATE
        daemon = live.Daemon(
            self.folder, "--fast", "--input", "-", "--output", path, "--format", "wav", "--dry",
            "--rate", rate, "--voices", voices, "--media-dir", self.folder, "--duration", frames / rate,
            model or self.model, stdin=subprocess.PIPE)
        try:
            self.feed(daemon, events, wait, then, fails, frames, hear)
            code = daemon.process.wait(60)
        finally:
            daemon.process.kill()
        with wave.open(path, "rb") as file:
            samples = array.array("h", file.readframes(file.getnframes()))
        if code != 0 or len(samples) != 2 * frames:
            raise RuntimeError("cenoted: %d, %d samples: %s" % (code, len(samples), open(daemon.log).read()))
        return Sound(samples[::2], samples[1::2])

    def feed(self, daemon, events, wait, then, fails, frames, hear):
        """Say all, let the jobs among it be done, and let time pass."""
        client, said = live.Client(daemon.port), []
        time_tag, zero, rate = client.ask("/clock")
        for at, (address, *args) in events:
            message = live.osc(address, *args)
            tag = time_tag + round((at / RATE - zero / rate) * 2 ** 32)
            client.send(message if at == 0 else live.bundle(tag, message))
        client.send(live.osc("/ping"))
        jobs = [address for _, (address, *_) in events
                if address in ("/preset/load", "/slot/read") or address.endswith("/model")]
        hear_out(client, said, lambda: any(address == "/pong" for address, _ in said))
        hear_out(client, said, lambda: sum(
            address in ("/done", "/fail") and args[0] in jobs for address, args in said) >= len(jobs))
        heard = (array.array("h", bytes(2 * hear)) + tone(frames))[:frames].tobytes()
        stdin = daemon.process.stdin
        if wait:
            stdin.write(heard[:2 * HALF])
            stdin.flush()
            hear_out(client, said, lambda: set(wait) <= {
                args[0] for address, args in said if address == "/done"})
            for address, *args in then:
                client.send(live.osc(address, *args))
            client.send(live.osc("/sync", 1))
            hear_out(client, said, lambda: any(address == "/synced" for address, _ in said))
            heard = heard[2 * HALF:]
        stdin.write(heard)
        stdin.close()
        hear_out(client, said, lambda: not daemon.alive())
        refused = [args for address, args in said if address == "/fail"]
        if fails is not None and len(refused) != fails:
            raise RuntimeError("%s: refused: %s" % (events, refused))


def hear_out(client, said, enough):
    """Replies, until there are enough."""
    end = time.monotonic() + 60
    while not enough():
        got = client.receive(0.01)
        said += [got] if got else []
        if time.monotonic() > end:
            raise RuntimeError("cenoted answered only %s" % said)


class Trial:
    """What a case's check looks at: the sound without the command and with it."""

    def __init__(self, rig, case, base, sound):
        self.rig, self.case, self.base, self.sound = rig, case, base, sound
        self.rate = case.how.get("rate", RATE)

    def again(self, tried):
        """The sound when this is said instead."""
        return self.rig.sound(self.case.with_(tried), **self.case.how)


def rms_db(samples):
    square = sum(x * x for x in samples) / len(samples)
    return 10 * math.log10(square) if square else -math.inf


def bits(samples):
    """Entropy of the values: what a code would cost that came from nowhere."""
    return -sum(n / len(samples) * math.log2(n / len(samples)) for n in Counter(samples).values())


def likeness(a, b):
    """Correlation."""
    size = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(p * q for p, q in zip(a, b)) / size if size else 0.0


def near(a, b, within=1):
    """The same but for what rounding to 16 bits does."""
    return len(a) == len(b) and all(abs(p - q) <= within for p, q in zip(a, b))
