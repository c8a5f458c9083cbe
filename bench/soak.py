#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Random commands, a few hundred a second, to a playing cenoted: what leaks, stalls or breaks.

Usage: bench/soak.py [-o FILE] [--seed N] [--per-second N] [--voices N] [--model MODEL] [--fast]
                     [--hours H] [--wild] [--log]
                     [--precision P] [SECONDS]
On a JACK server of its own (dummy driver), at its priority if it may; without jackd by a timer.
--wild: speeds and clocks up to 4, which ask more than the machine has: xruns say nothing then.
--log: the mix and a log of all of it are written, and replayed at the end to the same bytes.
--fast: no clock; ends after SECONDS or H hours of sound (default 24). Every 10 s a line of JSON goes
to FILE (default bench/results/soak.jsonl), at the end the summary to FILE with .json for .jsonl and
to standard output. Exit status 0: it ended by itself when asked, with 0, all takes are whole, and
the replay is what was played.
"""

import argparse
import collections
import json
import os
import random
import shutil
import sys
import tempfile
import time

import live
from live import Long, bundle, osc

FORMATS = {"rf64": "wav", "wav": "wav", "flac": "flac"}
EVERY_S = 10.0


class Commands:
    """Packets drawn by a seed, and which takes run."""

    def __init__(self, seed, voices, fastest, endless=False):
        self.random = random.Random(seed)
        self.voices = voices
        self.takes = []  # running, as /done says
        self.wanted = 0  # asked for, unanswered
        self.count = 0
        self.last = 0
        r = self.random
        voice = lambda: r.randint(1, voices)
        slot = lambda: r.randint(0, 7)
        level = lambda: r.randint(0, 3)
        value = lambda name, low, high: lambda: osc("/voice/%d/%s" % (voice(), name), r.uniform(low, high))
        flag = lambda name: lambda: osc("/voice/%d/%s" % (voice(), name), int(r.random() < 0.5))
        of_level = lambda name, low, high: lambda: osc("/voice/%d/level/%d/%s" % (voice(), level(), name),
                                                       r.uniform(low, high))
        stops = [
            lambda: osc("/trigger", slot(), r.uniform(0.01, 2.0), r.uniform(-20, 0), r.uniform(-1, 1)),
            lambda: osc("/mnote/rel", float(r.randint(0, 12)), 0.0),
            lambda: osc("/allnotesoff"),
            lambda: osc("/dirt/play", "s", slot(), "orbit", r.randint(0, voices - 1), "gain", r.random(),
                        "sustain", r.random(), "speed", r.uniform(0.5, fastest)),
            flag("run"),
            lambda: osc("/voice/%d/listen" % voice(), int(r.random() < 0.2)),
            of_level("freeze", 0, 1),
            of_level("clock", 0, fastest),
        ]
        self.table = list(zip((30, 10, 2, 8, 6, 2, 4, 6), stops)) + [
            (20, lambda: osc("/mnote", float(r.randint(0, 12)), float(r.randint(0, 127)), r.randint(0, 50))),
            (5, lambda: osc("/map", r.randint(0, 12), slot())),
            (15, lambda: osc("/voice/%d/slot/%d/save" % (voice(), slot()))),
            (15, lambda: osc("/voice/%d/slot/%d/load" % (voice(), slot()))),
            (10, lambda: osc("/voice/%d/morph" % voice(), slot(), slot(), r.random(), r.randint(-1, 3))),
            (10, value("morph/x", 0, 1)),
            (3, lambda: osc("/voice/%d/copy" % voice(), voice())),
            (5, value("rewind", 0, 5)),
            (1, lambda: osc("/slot/free", slot())),
            (1, lambda: osc("/slot/list")),
            (1, lambda: osc("/slot/write", slot(), "slot-%d.slot" % r.randint(0, 3))),
            (1, lambda: osc("/slot/read", slot(), "slot-%d.slot" % r.randint(0, 3))),
            (5, value("fade", 0, 200)), (5, value("temperature", 0.5, 1.5)),
            (4, lambda: osc("/voice/%d/top_k" % voice(), r.randint(1, 256))),
            (4, value("top_p", 0.3, 1)), (5, value("gain", -30, 0)), (3, flag("mute")),
            (2, lambda: osc("/voice/%d/run" % voice(), 1)),
            (5, value("pan", -1, 1)), (5, value("attack", 0, 100)), (5, value("release", 0, 100)),
            (5, value("speed", 0.25, fastest)), (3, lambda: osc("/voice/%d/speed" % voice(), 1.0)),
            (3, lambda: osc("/voice/%d/reset" % voice())),
            (3, lambda: osc("/voice/%d/seed" % voice(), Long(r.getrandbits(62)))),
            (4, lambda: osc("/voice/set", voice(), "temperature", r.random(), "pan", r.uniform(-1, 1))),
            (6, of_level("gain", 0, 4)),
            (4, of_level("noise", 0, 1)), (4, lambda: osc("/voice/%d/level/%d/tick" % (voice(), level()))),
            (4, lambda: osc("/voice/%d/level/%d/reset" % (voice(), level()))),
            (6, lambda: osc("/voice/*/level/%d/gain" % level(), 1.0)),
            (2, lambda: osc("/gain", r.uniform(-20, 0))), (1, lambda: osc("/mute", 0)),
            (1, lambda: osc("/meter", r.uniform(0, 30))),
            (3, lambda: osc("/ping", r.random())), (3, lambda: osc("/sync", r.getrandbits(30))),
            (2, lambda: osc("/latency")), (2, lambda: osc("/version")), (1, lambda: osc("/model/list")),
            (1, lambda: osc("/model/info")), (0.2, lambda: osc("/schema", "/voice")),
            (0.3, lambda: osc("/clearSched")), (1, lambda: osc("/no/such", 1)),
            (1, lambda: osc("/voice/%d/gain" % voice(), float("nan"))),
            (0.3, lambda: osc("/preset/load", "starter")),
            (0.3, lambda: osc("/model/load", "tiny.safetensors", "tiny%d" % r.randint(0, 3))),
            (0.3, lambda: osc("/model/free", "tiny%d" % r.randint(0, 3))),
            (0.4, lambda: osc("/voice/%d/model" % voice(), r.choice(["tiny0", "tiny1", "starter"]))),
            (0.5, lambda: osc("/voice/%d/prime" % voice(), "prime.wav", r.random(), 0.5)),
            (0.4, self.start_take), (0.5, self.stop_take),
        ]
        if endless:
            # Nothing that ends by itself or is stopped: a day without a clock would be silence.
            self.table = [(w, f) for w, f in self.table if f not in stops] + [
                (20, lambda: osc("/trigger", slot(), 0.0, r.uniform(-20, 0), r.uniform(-1, 1))),
                (10, lambda: osc("/dirt/play", "s", slot(), "orbit", r.randint(0, voices - 1), "gain", r.random())),
                (20, lambda: osc("/voice/%d/run" % voice(), 1))]
        self.weights = [weight for weight, _ in self.table]

    def start_take(self):
        if len(self.takes) + self.wanted >= 4:
            return self.stop_take()
        form = self.random.choice(sorted(FORMATS))
        name = "take-%06d.%s" % (self.count, FORMATS[form])
        self.wanted += 1
        return osc("/rec/start", name, form, self.random.randint(0, self.voices))

    def stop_take(self):
        if not self.takes:
            return osc("/rec/stop", "none.wav")
        return osc("/rec/stop", self.random.choice(self.takes))

    def draw(self):
        self.count += 1
        return self.random.choices(self.table, self.weights)[0][1]()

    def packet(self, now):
        """A message, or now and then a bundle of several with a time tag around `now` (0: no clock)."""
        if self.random.random() > 0.15:
            return self.draw()
        tag = 1
        if now and self.random.random() < 0.9:
            tag = now + int(self.random.uniform(-0.05, 2.0) * 2**32)
        return bundle(tag, *[self.draw() for _ in range(self.random.randint(1, 4))])


class Soak:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.media = os.path.join(folder, "media")
        os.mkdir(self.media)
        shutil.copy(live.TINY, os.path.join(self.media, "tiny.safetensors"))
        live.subprocess.run([os.path.join(live.BUILD, "cli", "cenote"), "render", live.TINY, "-d", "3", "-o",
                             os.path.join(self.media, "prime.wav")], check=True, capture_output=True)
        self.jack = None
        if not options.fast:
            try:
                self.jack = live.Jack(folder)
            except live.Missing as why:
                print("soak: by a timer: %s" % why, file=sys.stderr)
        args = ["--voices", options.voices, "--media-dir", self.media, "--seed", options.seed]
        args += ["--precision", options.precision]
        args += ["--fast", "--no-audio"] if options.fast else ["--ahead", 40]
        args += [] if self.jack or options.fast else ["--no-audio"]
        self.daemon = live.Daemon(folder, *args, options.model)
        self.client, self.watch = live.Client(self.daemon.port), live.Client(self.daemon.port)
        self.client.send(osc("/notify", 1))
        self.commands = Commands(options.seed, options.voices, 4.0 if options.wild else 1.25, options.fast)
        self.replies, self.fails = collections.Counter(), collections.Counter()
        self.started = time.monotonic()
        if options.log:
            self.client.send(osc("/log/start", "soak.log"))
            self.client.send(osc("/rec/start", "mix.wav", "wav", 0))
        self.samples, self.broken, self.whole, self.silent, self.packets = [], [], 0, 0, 0

    def listen(self):
        while True:
            got = self.client.receive()
            if not got:
                return
            address, args = got
            self.replies[address if address[1:].count("/") < 2 else address.split("/")[-1]] += 1
            if address in ("/done", "/fail") and args[0] == "/rec/start" and args[1] != "mix.wav":
                self.commands.wanted = max(0, self.commands.wanted - 1)
                if address == "/done":
                    self.commands.takes.append(args[1])
            if address == "/fail":
                why = "".join("#" if c.isdigit() else c for c in str(args[1]))
                self.fails["%s: %s" % (args[2], why)] += 1
            elif address == "/done" and args[0] == "/rec/stop" and len(args) > 2:
                if args[1] in self.commands.takes:
                    self.commands.takes.remove(args[1])
                self.take_done(args[1], args[2])

    def take_done(self, name, frames):
        path = os.path.join(self.media, name)
        if name == "mix.wav":  # for replayed()
            return
        try:
            got = live.frames_of(path)
            if got is not None and got != frames:
                raise ValueError("%d frames, told of %d" % (got, frames))
            self.whole += 1
            os.remove(path)
        except (OSError, ValueError) as error:
            self.broken.append("%s: %s" % (name, error))

    def sample(self, out):
        now = live.status(self.watch)
        if not now:
            self.silent += 1
            now = {}
        row = {"second": round(time.monotonic() - self.started, 1), "packets": self.packets,
               "commands": self.commands.count, "resident_kb": self.daemon.resident_kb(), "own_kb": self.daemon.resident_kb("RssAnon"),
               "descriptors": self.daemon.descriptors(), "threads": self.daemon.threads(),
               "takes": len(self.commands.takes), "whole": self.whole, "broken": len(self.broken)}
        row.update((k, now.get(k)) for k in ("xruns", "late", "dropped", "clock", "rate_nominal", "sounding", "models",
                                            "load_mean", "load_peak"))
        self.samples.append(row)
        out.write(json.dumps(row) + "\n")
        out.flush()
        return now

    def clock(self):
        got = self.watch.ask("/clock", timeout=1.0)
        return got[0] if got else 0

    def run(self, out):
        options = self.options
        step = 1.0 / options.per_second
        due, sampled, tag_at, now_tag = self.started, self.started, 0.0, 0
        while self.daemon.alive() and time.monotonic() - self.started < options.seconds:
            if time.monotonic() - tag_at > 0.5:
                now_tag, tag_at = self.clock(), time.monotonic()
            self.client.send(self.commands.packet(now_tag))
            self.packets += 1
            if self.packets % 20 == 0:
                self.listen()
            if time.monotonic() - sampled > EVERY_S:
                sampled += EVERY_S
                now = self.sample(out)
                if options.fast and now.get("clock", 0) > options.hours * 3600 * now.get("rate_nominal", 1):
                    break
            due = max(due + step, time.monotonic() - 1.0)  # behind by a second at most
            time.sleep(max(0.0, due - time.monotonic()))
        if self.daemon.alive():
            self.sample(out)

    def finish(self):
        alive = self.daemon.alive()
        for name in self.commands.takes + (["mix.wav"] if self.options.log else []):
            self.client.send(osc("/rec/stop", name))
        if self.options.log:
            self.client.send(osc("/log/stop"))
        self.client.send(osc("/gain", 0.0))
        time.sleep(2.0 if alive else 0.0)
        self.listen()
        code = self.daemon.end()
        for name in sorted(os.listdir(self.media)):  # left open: whole at the end too
            if name.startswith("take-"):
                try:
                    live.frames_of(os.path.join(self.media, name))
                    self.whole += 1
                except (OSError, ValueError) as error:
                    self.broken.append("%s: %s" % (name, error))
        return self.summary(alive, code)

    def replayed(self):
        """What `cenote replay` makes of the log, beside what was recorded."""
        log, mix = (os.path.join(self.media, name) for name in ("soak.log", "mix.wav"))
        again = os.path.join(self.folder, "again.wav")
        started = time.monotonic()
        run = live.subprocess.run([os.path.join(live.BUILD, "cli", "cenote"), "replay", log, "-o", again,
                                   "--format", "wav"], capture_output=True, text=True)
        told = {"seconds": round(time.monotonic() - started, 1), "log_bytes": os.path.getsize(log),
                "exit": run.returncode, "said": run.stderr[-300:]}
        if run.returncode == 0:
            told["same_bytes"], told["other_at"] = live.within(again, mix)
        return told

    def summary(self, alive, code):
        last = self.samples[-1] if self.samples else {}
        settled = self.samples[len(self.samples) // 4:]
        return {
            "seconds": round(time.monotonic() - self.started, 1), "fast": self.options.fast,
            "sound_s": (last.get("clock") or 0) / (last.get("rate_nominal") or 1), "clock": last.get("clock"),
            "rate_hz": last.get("rate_nominal"),
            "sounding": round(sum(s.get("sounding") or 0 for s in self.samples) / max(1, len(self.samples)), 2),
            "jack": bool(self.jack), "seed": self.options.seed, "voices": self.options.voices,
            "model": self.options.model.replace(live.HERE + "/", ""), "precision": self.options.precision, "per_second": self.options.per_second,
            "packets": self.packets, "commands": self.commands.count,
            "alive_at_end": alive, "exit": code,
            "xruns": last.get("xruns"), "late": last.get("late"), "dropped": last.get("dropped"),
            "kb_an_hour": slope([(s["second"], s["own_kb"], s["threads"]) for s in settled]),
            "own_kb": [s["own_kb"] for s in (self.samples[:1] + self.samples[-1:])],
            "resident_kb": [s["resident_kb"] for s in (self.samples[:1] + self.samples[-1:])],
            "descriptors": [s["descriptors"] for s in (self.samples[:1] + self.samples[-1:])],
            "threads": [s["threads"] for s in (self.samples[:1] + self.samples[-1:])],
            "unanswered_status": self.silent, "files_whole": self.whole, "files_broken": self.broken,
            "replies": dict(self.replies.most_common(30)), "fails": dict(self.fails.most_common(30)),
            "replay": self.replayed() if self.options.log and alive else None,
            "log": open(self.daemon.log).read()[-2000:].replace(live.HERE + "/", ""),
        }


def slope(points):
    """kB an hour of (second, kB, threads): of the plane nearest to them, for each thread more (a
    take's, a job's) has its own memory. None: too few."""
    if len(points) < 4:
        return None
    mean = [sum(p[i] for p in points) / len(points) for i in range(3)]
    t, y, n = ([p[i] - mean[i] for p in points] for i in range(3))
    dot = lambda a, b: sum(i * j for i, j in zip(a, b))
    if dot(n, n) == 0.0:
        return round(3600.0 * dot(t, y) / dot(t, t), 1) if dot(t, t) else None
    bottom = dot(t, t) * dot(n, n) - dot(t, n) ** 2
    return round(3600.0 * (dot(t, y) * dot(n, n) - dot(n, y) * dot(t, n)) / bottom, 1) if bottom else None


def main():
    parser = argparse.ArgumentParser(add_help=True, usage=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=3600.0)
    parser.add_argument("-o", dest="out", default=os.path.join(live.HERE, "bench", "results", "soak.jsonl"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=200.0)
    parser.add_argument("--voices", type=int, default=2)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--wild", action="store_true")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--log", action="store_true")
    parser.add_argument("--hours", type=float, default=24.0)
    options = parser.parse_args()
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open(options.out, "w") as out:
        soak = Soak(options, folder)
        try:
            soak.run(out)
        except KeyboardInterrupt:
            pass
        finally:
            result = soak.finish()
            if soak.jack:
                soak.jack.stop()
        text = json.dumps(result, indent=1)
        with open(os.path.splitext(options.out)[0] + ".json", "w") as file:
            file.write(text + "\n")
        print(text)
    good = result["alive_at_end"] and result["exit"] == 0 and not result["files_broken"]
    if options.log:
        good = good and result["replay"] and result["replay"].get("other_at", 0) is None
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
