# SPDX-License-Identifier: ISC
"""What measurements of a running cenoted share: OSC without a library, the daemon, a JACK server of
its own on the dummy driver, and whether a file of sound is whole."""

import json
import os
import shutil
import socket
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("CENOTE_BUILD_ROOT", os.path.join(HERE, "build"))
TINY = os.path.join(HERE, "tests", "golden", "tiny.safetensors")


class Missing(Exception):
    """What is not installed here, or does not start."""


def pad(data):
    return data + b"\0" * (4 - len(data) % 4)


class Long(int):
    """An int that is sent as h."""


def osc(address, *args):
    """A message: int i, Long h, float f, str s."""
    types, data = ",", b""
    for arg in args:
        if isinstance(arg, str):
            types, data = types + "s", data + pad(arg.encode())
        elif isinstance(arg, Long):
            types, data = types + "h", data + struct.pack(">q", arg)
        elif isinstance(arg, int):
            types, data = types + "i", data + struct.pack(">i", arg)
        else:
            types, data = types + "f", data + struct.pack(">f", arg)
    return pad(address.encode()) + pad(types.encode()) + data


def bundle(tag, *messages):
    """Of a 64-bit time tag; 1 is now."""
    return b"#bundle\0" + struct.pack(">Q", tag) + b"".join(
        struct.pack(">i", len(m)) + m for m in messages)


def text_at(data, at):
    end = data.index(b"\0", at)
    return data[at:end].decode("latin-1"), (end // 4 + 1) * 4


def parse(data):
    """Address and arguments of a message."""
    address, at = text_at(data, 0)
    types, at = text_at(data, at)
    args = []
    for kind in types[1:]:
        if kind == "s":
            value, at = text_at(data, at)
        elif kind in "TF":
            value = kind == "T"
        else:
            form = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q"}[kind]
            value, = struct.unpack_from(form, data, at)
            at += struct.calcsize(form)
        args.append(value)
    return address, args


class Client:
    """One UDP socket to a daemon's port."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.connect(("127.0.0.1", port))

    def send(self, data):
        try:
            self.socket.send(data)
        except ConnectionRefusedError:  # told of an earlier datagram
            pass

    def receive(self, timeout=0.0):
        """A message that has come, or None."""
        self.socket.settimeout(timeout)
        try:
            return parse(self.socket.recv(65536))
        except (BlockingIOError, socket.timeout, ConnectionRefusedError):
            return None

    def ask(self, address, *args, reply=None, timeout=5.0):
        """Arguments of the reply; None when none comes in time."""
        self.send(osc(address, *args))
        wanted = reply or address + ".reply"
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            got = self.receive(max(0.0, end - time.monotonic()))
            if got and got[0] == wanted:
                return got[1]
        return None


class Jack:
    """A server that no other program knows; its name is in the environment."""

    def __init__(self, folder, frames=256, rate=48000):
        if not shutil.which("jackd"):
            raise Missing("jackd is not installed")
        name = "cenote-bench-%d" % os.getpid()
        os.environ.update(JACK_DEFAULT_SERVER=name, JACK_NO_START_SERVER="1")
        log = open(os.path.join(folder, "jackd.log"), "w")
        self.process = subprocess.Popen(
            ["jackd", "-n", name, "-R", "-P", "70", "-d", "dummy", "-r", str(rate), "-p", str(frames)],
            stdout=log, stderr=log)
        time.sleep(1.0)
        if self.process.poll() is not None:
            raise Missing("jackd does not start here")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Daemon:
    """cenoted on a free port, its log in a file."""

    def __init__(self, folder, *args, stdin=subprocess.DEVNULL):
        self.log = os.path.join(folder, "cenoted.log")
        program = os.path.join(BUILD, "daemon", "cenoted")
        self.process = subprocess.Popen([program, "--no-config", "--port", "0", *map(str, args)],
                                        stderr=open(self.log, "w"), stdout=subprocess.DEVNULL,
                                        stdin=stdin)
        self.port = 0
        mark = "cenoted: ready: udp 127.0.0.1:"
        for _ in range(3000):
            for line in open(self.log):
                if line.startswith(mark):
                    self.port = int(line[len(mark):].split(",")[0])
            if self.port or self.process.poll() is not None:
                break
            time.sleep(0.01)
        if not self.port:
            self.process.kill()
            raise RuntimeError("cenoted is not ready: " + open(self.log).read()[-500:])

    def alive(self):
        return self.process.poll() is None

    def resident_kb(self, of="VmRSS"):
        """RssAnon is its own memory, without what it shares with a JACK server and with files."""
        for line in open("/proc/%d/status" % self.process.pid):
            if line.startswith(of):
                return int(line.split()[1])
        return 0

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.process.pid))

    def end(self, timeout=20.0):
        """SIGTERM; its exit status, None: it had to be killed."""
        if self.alive():
            self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


STATUS = ("one", "zero", "sounding", "voices", "models", "load_mean", "load_peak", "rate_nominal",
          "rate_actual", "xruns", "late", "dropped", "latency_ms", "clock")


def status(client):
    """/status by name; None: no answer."""
    got = client.ask("/status")
    return dict(zip(STATUS, got)) if got else None


def riff_frames(path):
    """Frames of a WAV or RF64 whose sizes must agree with the file's; ValueError says what does not."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            raise ValueError("no WAV")
        riff, = struct.unpack_from("<I", head, 4)
        data, align, at = None, 0, 12
        while at + 8 <= size:
            file.seek(at)
            name, length = struct.unpack("<4sI", file.read(8))
            if name == b"ds64":
                riff, data = struct.unpack("<QQ", file.read(16))
            elif name == b"fmt ":
                align = struct.unpack("<HHIIHH", file.read(16))[4]
            elif name == b"data":
                length = data if length == 0xFFFFFFFF and data is not None else length
                if at + 8 + length > size:
                    raise ValueError("data of %d bytes in a file of %d" % (length, size))
                if riff + 8 != size:
                    raise ValueError("riff of %d bytes in a file of %d" % (riff, size))
                return length // align
            at += 8 + length + length % 2
    raise ValueError("no data")


def frames_of(path):
    """Frames of a whole file of sound; None: this cannot be told here."""
    if path.endswith(".wav"):
        return riff_frames(path)
    if not shutil.which("sox"):
        return None
    # Decoded wholly, for a header alone proves little.
    run = subprocess.run(["sox", path, "-t", "raw", "-e", "signed", "-b", "16", "-"],
                         capture_output=True)
    if run.returncode != 0 or b"FAIL" in run.stderr:
        raise ValueError(run.stderr.decode(errors="replace").strip())
    channels = int(subprocess.run(["soxi", "-c", path], capture_output=True, text=True).stdout or 0)
    if channels < 1:
        raise ValueError("no channels")
    return len(run.stdout) // 2 // channels


def data_of(path):
    """A file at the first byte of its sound, and how many there are."""
    file = open(path, "rb")
    head = file.read(4096)
    file.seek(head.index(b"data") + 8)
    return file, os.path.getsize(path) - file.tell()


def within(whole, part, room=1 << 26):
    """How many bytes of sound of the WAV file `part` lie in `whole` one after another, and where they
    begin to differ (None: nowhere). Where `part` begins is sought in the first `room` bytes."""
    (a, a_size), (b, b_size) = data_of(whole), data_of(part)
    first = b.read(room // 4)
    start = next((i for i in range(0, len(first) - 4096, 4096) if len(set(first[i:i + 4096])) > 200), 0)
    mark = first[start:start + 4096]
    found = a.read(room).find(mark)
    if found < start or b_size < 1 << 16:
        return 0, start
    a.seek(data_of(whole)[0].tell() + found - start)
    b.seek(data_of(part)[0].tell())
    same = 0
    while True:
        x = b.read(1 << 20)
        y = a.read(len(x))
        if x != y:
            return same, same + next((i for i, (p, q) in enumerate(zip(x, y)) if p != q), len(y))
        if not x:
            return same, None
        same += len(x)


def click_model(path, source=TINY):
    """The small model with one bias so high that every code is the loudest: a voice that starts is a
    step, whose first sample cannot be missed."""
    data = bytearray(open(source, "rb").read())
    size, = struct.unpack("<Q", data[:8])
    begin, end = json.loads(data[8:8 + size])["head.bias"]["data_offsets"]
    struct.pack_into("<f", data, 8 + size + end - 4, 1000.0)
    with open(path, "wb") as file:
        file.write(data)
