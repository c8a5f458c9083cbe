# SPDX-License-Identifier: ISC
# answers.py FOLDER: what clients of a daemon are told, and what they are refused. Each function
# whose name begins with check_ is a case of its own, with a daemon of its own.
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


for name, check in sorted(globals().items()):
    if name.startswith("check_"):
        check()
if failures:
    sys.exit("\n".join(failures))
