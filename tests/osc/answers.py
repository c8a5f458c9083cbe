# SPDX-License-Identifier: ISC
# answers.py FOLDER: what clients of a daemon are told, and what they are refused. Each function
# whose name begins with check_ is a case of its own, with a daemon of its own.
import os
import shutil
import socket
import sys
import time
import live
from live import bundle, osc

FOLDER = sys.argv[1]
failures = []


class Daemon(live.Daemon):
    """Two voices of the smallest model."""

    def __init__(self, *args, voices=2):
        super().__init__(FOLDER, "--no-audio", "--duration", 100, "--voices", voices,
                         "--media-dir", FOLDER, *args, live.TINY)
        self.client = live.Client(self.port)

    def said(self, since=0):
        """Its standard error once all that was sent has been handled."""
        self.client.ask("/sync", 1, reply="/synced")
        return open(self.log).read()[since:]

    def value(self, address):
        got = self.client.ask(address, reply=address)
        return got and got[0]


def want(what, got, wanted):
    if got != wanted:
        failures.append("%s: %s, not %s" % (what, got, wanted))


def answer(client, address, *args):
    """What /done or /fail says to a message, the latter's reason left out; None: nothing."""
    client.send(osc(address, *args))
    got = client.receive(5.0)
    while got and (got[0] not in ("/done", "/fail") or got[1][0] != address):
        got = client.receive(5.0)
    return got and ([got[0], got[1][-1]] if got[0] == "/fail" else ["/done"] + got[1][1:])


def own_address():
    """One of this machine's that is not loopback; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # no packet is sent
        except OSError:
            return None
        name = probe.getsockname()[0]
        return None if name.startswith("127.") else name


def check_bind():
    own = own_address()
    if not own:
        print("no address beyond loopback: what comes from one is not tried")
        return
    shutil.copy(live.TINY, os.path.join(FOLDER, "other.safetensors"))
    daemon = Daemon("--bind", "127.0.0.1", "--bind", own)
    far = live.Client(daemon.port)
    far.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.socket.connect((own, daemon.port))
    for ask in (("/model/load", "other.safetensors"), ("/voice/1/model", "other.safetensors"),
                ("/voice/1/model", "./other.safetensors"), ("/voice/1/model", "none.safetensors"),
                ("/slot/write", 1, "a.state"), ("/slot/read", 1, "a.state"),
                ("/voice/1/prime", "a.wav"), ("/rec/start", "a.wav"), ("/rec/stop",),
                ("/log/start", "a.log"), ("/log/stop",), ("/quit",)):
        want("from afar: %s" % (ask,), answer(far, *ask), ["/fail", 10])
    want("a preset that is a path", answer(far, "/preset/load", "../" + FOLDER), ["/fail", 3])
    want("near: a file", answer(daemon.client, "/model/load", "other.safetensors")[0], "/done")
    for name in ("other.safetensors", live.TINY, "starter"):
        want("from afar: what is no file to it, %s" % name,
             answer(far, "/voice/1/model", name)[0], "/done")
    daemon.end()


def check_dirt():
    daemon = Daemon(voices=3)
    client = daemon.client
    answer(client, "/voice/1/slot/1/save")
    play = lambda *pairs: answer(client, "/dirt/play", "s", 1, *pairs)
    sets = (("temperature", 0.75), ("top_k", 9), ("attack", 7.0), ("speed", 0.5), ("mute", 1),
            ("run", 0), ("level/1/gain", 0.5), ("level/0/freeze", 1), ("fade", 20000.0))
    pairs = [word for pair in sets for word in pair]
    for orbit in ((), ("orbit", 2)):
        client.send(osc("/voice/*/speed", 1.0))
        got = play(*pairs, *orbit, "room", "x", "cut", float("nan"), "level/1/nothing", 2.0,
                   "level/7/gain", 0.5)
        want("/dirt/play %s" % (orbit,), (got or [None])[0], "/done")
        voice = got[1] if got and len(got) > 1 else 1
        for name, number in sets:
            want("/dirt/play %s: %s" % (orbit, name), daemon.value("/voice/%d/%s" % (voice, name)),
                 min(number, 10000.0))
        want("/dirt/play %s: speeds" % (orbit,),
             sorted(daemon.value("/voice/%d/speed" % v) for v in (1, 2, 3)), [0.5, 1.0, 1.0])
    for pairs, code in ((("orbit", 3), 3), (("orbit", -1), 3), (("gain", float("nan")), 2),
                        (("orbit", "x"), 2), (("temperature", float("inf")), 2),
                        (("temperature", "x"), 2)):
        want("/dirt/play %s" % (pairs,), play(*pairs), ["/fail", code])
        client.send(osc("/ping"))
        got = client.receive(2.0)
        want("/dirt/play %s: and no more" % (pairs,), got and got[0], "/pong")
    daemon.end()


def check_order():
    daemon = Daemon()
    now = lambda *messages: bundle(1, *messages)
    for gains, packet in (((-1, -2), lambda a, b: now(now(a), b)),
                          ((-3, -4), lambda a, b: now(a, now(b))),
                          ((-5, -6), lambda a, b: now(now(now(a)), now(), b)),
                          ((-7, -8), lambda a, b: now(now(a), now(b)))):
        daemon.client.send(packet(*(osc("/gain", float(gain)) for gain in gains)))
        want("bundles within bundles", daemon.value("/gain"), float(gains[1]))
    daemon.end()


def check_preset():
    daemon = Daemon()
    hears = live.Client(daemon.port)
    hears.ask("/notify", 1, reply="/done")

    def load():
        levels = daemon.client.ask("/preset/load", "starter", reply="/done")[3]
        daemon.client.ask("/sync", 1, reply="/synced")
        told, got = {}, hears.receive(0.5)
        while got:
            told.update({got[0]: got[1][0]} if got[1] else {})  # a voice's end says nothing more
            got = hears.receive(0.5)
        return levels, told

    levels, told = load()
    for address in ("/voice/1/top_k", "/voice/2/level/0/gain", "/voice/2/level/2/noise"):
        daemon.client.send(osc(address, 0.5))
    time.sleep(0.5)
    while hears.receive(0.0):
        pass
    again, told_again = load()
    for count, heard in ((levels, told), (again, told_again)):
        want("/preset/load tells of levels that are none",
             [a for a in heard if "/level/" in a and int(a.split("/")[4]) >= count], [])
    want("/preset/load tells of what nothing changed", [a for a in told if "level" in a], [])
    want("/preset/load tells of what changed",
         [told_again.get(a) for a in ("/voice/2/level/0/gain", "/voice/2/level/2/noise")], [1.0, 0.0])
    daemon.end()


def check_record():
    for split in ((), ("--split", 0.4)):
        daemon = Daemon(*split)
        hears = live.Client(daemon.port)
        hears.ask("/notify", 1, reply="/done")
        os.makedirs(os.path.join(FOLDER, "sub"), exist_ok=True)
        for asked in ("take.raw", "sub/take.raw", os.path.join(os.path.realpath(FOLDER), "far.raw")):
            name = asked.replace(".raw", "%d.raw" % len(split))
            answer(daemon.client, "/rec/start", name)
            time.sleep(1.2)
            got = answer(daemon.client, "/rec/stop", name) or ["", "", 0]
            told, file = [], hears.receive(0.2)
            while file:
                told += file[1] if file[0] == "/rec/file" else []
                file = hears.receive(0.2)
            part = "-%04d.raw" % (1 + len(told) // 2) if split else ".raw"
            want("/rec/stop names", got[1], name.replace(".raw", part))
            size = sum(os.path.getsize(os.path.join(FOLDER, each)) for each in told[::2] + [got[1]]
                       if os.path.exists(os.path.join(FOLDER, each)))
            want("%s, and the files before it, hold all" % got[1], size, got[2] * 4)
            want("%s is not the first" % got[1], len(told) >= 4, bool(split))
        daemon.end()


def check_dump():
    daemon = Daemon()
    packets = (osc("/gain", -6.5), osc("/model/info", "a\x1bb"), b"/gain\0\0\0,q\0\0", b"abc")
    bytes_of_gain = "2f 67 61 69 6e 00 00 00 2c 66 00 00 c0 d0 00 00"
    for level, parsed, raw in ((0, 0, 0), (1, 1, 0), (2, 0, 1), (3, 1, 1)):
        daemon.client.ask("/dumpOSC", level, reply="/none", timeout=0.0)
        since = len(daemon.said())
        for packet in packets:
            daemon.client.send(packet)
        said = daemon.said(since)
        for text, count in (("/gain ,f -6.5 from 127.0.0.1:", parsed),
                            ('/model/info ,s "a\\x1bb" from', parsed), (bytes_of_gain, raw),
                            ("dropped 12 bytes from 127.0.0.1:", level > 0),
                            (": an unknown type tag\n", level > 0),
                            (": a size that is not a multiple of four\n", level > 0)):
            want("/dumpOSC %d: %r" % (level, text), said.count(text), int(count))
    since = len(daemon.said())
    began = time.monotonic()
    for _ in range(3000):
        daemon.client.send(osc("/gain", -6.5, "x" * 2000))
    time.sleep(0.5)
    said = daemon.said(since)
    seconds = time.monotonic() - began
    want("/dumpOSC in a flood is bounded", len(said) < (seconds + 2) * 60000, True)
    want("/dumpOSC in a flood says so", "is left out" in said, True)
    daemon.end()


def check_peak():
    daemon = Daemon(voices=24)
    pollers = [live.Client(daemon.port) for _ in range(2)]
    peak = lambda of: live.status(pollers[of])["load_peak"]
    time.sleep(1.0)
    pairs = [(peak(0), peak(1)) for _ in range(10) if not time.sleep(0.2)]
    want("the second to ask hears of another peak", sum(b < 0.99 * a for a, b in pairs) > 2, False)
    busy = min(a for a, _ in pairs)
    daemon.client.send(osc("/voice/*/run", 0))
    end = time.monotonic() + 6.0
    while peak(0) >= busy and time.monotonic() < end:
        time.sleep(0.1)
    want("a peak is forgotten", time.monotonic() < end, True)
    daemon.end()


for name, check in sorted(globals().items()):
    if name.startswith("check_"):
        check()
if failures:
    sys.exit("\n".join(failures))
