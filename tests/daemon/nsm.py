#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A session manager (NSM, API 1.1) for one client: announces, opens, saves, switches.
Usage: nsm.py CENOTED CENOTE MODEL OTHER_MODEL FOLDER"""
import atexit, os, signal, socket, struct, subprocess, sys, time

cenoted, cenote, model, other, work = sys.argv[1:]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(20)


def padded(data):
    return data + b"\0" * (4 - len(data) % 4)


def packet(address, *values):
    types = "," + "".join("s" if isinstance(v, str) else "i" for v in values)
    body = b"".join(padded(v.encode()) if isinstance(v, str) else struct.pack(">i", v) for v in values)
    return padded(address.encode()) + padded(types.encode()) + body


def parse(data):
    def string(at):
        end = data.index(b"\0", at)
        return data[at:end].decode(), end + 4 - end % 4
    address, at = string(0)
    types, at = string(at)
    values = []
    for t in types[1:]:
        if t == "s":
            value, at = string(at)
        else:
            value, at = struct.unpack_from(">i", data, at)[0], at + 4
        values.append(value)
    return [address] + values


def hear(*want):
    data, sender = server.recvfrom(65536)
    got = parse(data)
    assert got[:len(want)] == list(want), f"heard {got}, want {want}"
    return got, sender


def start(log, *arguments):
    daemon = subprocess.Popen([cenoted, "--port", "0", "--no-audio", *arguments],
                              env=os.environ | {"NSM_URL": f"osc.udp://localhost:{server.getsockname()[1]}/"},
                              stderr=open(log, "w"))
    atexit.register(daemon.kill)  # when something below fails
    got, sender = hear("/nsm/server/announce", "cenoted", ":switch:", "cenoted", 1, 1)
    assert got[6] == daemon.pid, got
    server.sendto(packet("/reply", "/nsm/server/announce", "hello", "a test", ":server-control:"), sender)
    port = open(log).read().split("udp 127.0.0.1:")[1].split(",")[0]
    return daemon, sender, port


def send(port, *words):
    done = subprocess.run([cenote, "send", "--port", port, *words], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout.strip()


def until(port, want, *words):
    for _ in range(600):
        got = send(port, *words)
        if got == want:
            return
        time.sleep(0.05)
    raise AssertionError(f"{words}: {got}, want {want}")


def end(daemon):
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(20) == 0, "it does not end well"


# A new session; values changed; saved.
first, second = work + "/first.n1", work + "/second.n2"
daemon, client, port = start(work + "/log", "--voices", "2", model)
server.sendto(packet("/nsm/client/save"), client)
hear("/error", "/nsm/client/save", -6)
server.sendto(packet("/nsm/client/open", first, "First", "cenoted.n1"), client)
hear("/reply", "/nsm/client/open")
for words in (["/voice/2/temperature", "0.7"], ["/voice/1/seed", "h:12345678901"], ["/gain", "-7.5"], ["/voice/1/mute", "1"]):
    send(port, *words)
until(port, "/gain -7.5", "/gain")
# Others are not listened to, nor rubbish.
stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
stranger.sendto(packet("/nsm/client/open", work + "/stranger", "No", "no"), client)
for rubbish in (b"", b"/", b"/nsm/client/open\0\0\0\0,sss\0\0\0\0", b"#bundle\0" + b"\0" * 8, os.urandom(64)):
    server.sendto(rubbish, client)
server.sendto(packet("/nsm/client/open", "relative", "No", "no"), client)
hear("/error", "/nsm/client/open", -1)
server.sendto(packet("/nsm/client/open", work + "/no/such/parent", "No", "no"), client)
hear("/error", "/nsm/client/open", -10)
server.sendto(packet("/nsm/client/show_optional_gui"), client)
server.sendto(packet("/nsm/client/session_is_loaded"), client)
server.sendto(packet("/nsm/client/save"), client)
hear("/reply", "/nsm/client/save")
saved = open(first + "/preset.osc").read()
assert saved.startswith(f"# plays {model}\n"), saved
for line in ("/gain -7.5", "/voice/1/seed 12345678901", "/voice/1/mute 1", "/voice/2/mute 0"):
    assert line + "\n" in saved, saved
assert saved.count("/mute") == 3 and saved.count("\n/gain ") == 1, saved  # the master's once
assert os.listdir(first) == ["preset.osc"] and not os.path.exists(work + "/stranger")
# Another session, of another model, in the same run; and back.
os.mkdir(second)
open(second + "/preset.osc", "w").write(f"# plays {other}\n/voice/1/temperature 0.25\n/gain -1\n")
server.sendto(packet("/nsm/client/open", second, "Second", "cenoted.n2"), client)
hear("/reply", "/nsm/client/open")
until(port, "/voice/1/temperature 0.25", "/voice/1/temperature")
assert other in send(port, "/model/list"), send(port, "/model/list")
server.sendto(packet("/nsm/client/open", first, "First", "cenoted.n1"), client)
hear("/reply", "/nsm/client/open")
until(port, "/gain -7.5", "/gain")
# What cannot be written is told.
os.rename(first, first + ".away")
open(first, "w").close()
server.sendto(packet("/nsm/client/save"), client)
hear("/error", "/nsm/client/save", -1)
os.remove(first)
os.rename(first + ".away", first)
end(daemon)

# A day later.
daemon, client, port = start(work + "/log2", "--voices", "2", model)
server.sendto(packet("/nsm/client/open", first, "First", "cenoted.n1"), client)
hear("/reply", "/nsm/client/open")
until(port, "/gain -7.5", "/gain")
until(port, "/voice/1/seed 12345678901", "/voice/1/seed")
until(port, "/voice/2/temperature 0.7", "/voice/2/temperature")
# A session of a model that is gone is refused, and it plays on.
open(first + "/preset.osc", "w").write("# plays /no/such.safetensors\n")
server.sendto(packet("/nsm/client/open", first, "First", "cenoted.n1"), client)
heard, _ = hear()
until(port, "/gain -7.5", "/gain")
# Nobody there any more.
server.close()
time.sleep(0.1)
end(daemon)
