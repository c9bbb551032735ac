#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same client script against upper (blocking style), upper_select (the
port) and upper_plain (the original, without gev): every reply must be the same.

With --print the transcripts are shown."""
import re
import socket
import struct
import sys
import threading
import time

from harness import Server, WAIT, equal, main, receive, receive_all

SERVERS = "upper_plain", "echo/upper", "echo/upper_select"


class Script:
    """One client script; .lines is the transcript."""

    def __init__(self, server):
        self.server = server
        self.lines = []
        self.open = {}

    def note(self, who, what):
        self.lines.append(f"{who}: {what}")

    def connect(self, who, receive_buffer=0):
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(WAIT)
        s.connect(("127.0.0.1", self.server.port))
        self.open[who] = s
        self.note(who, "connected")

    def send(self, who, data):
        self.open[who].sendall(data)
        self.note(who, f"> {data[:40]!r} ({len(data)} bytes)")

    def replies(self, who, n):
        for line in receive(self.open[who], n).splitlines(True):
            self.note(who, f"< {line!r}")

    def half_close(self, who):
        self.open[who].shutdown(socket.SHUT_WR)
        self.note(who, "half-closed")

    def rest(self, who):
        for line in receive_all(self.open[who]).splitlines(True):
            self.note(who, f"< {line!r}")
        self.note(who, "end of stream")

    def close(self, who):
        self.open.pop(who).close()
        self.note(who, "closed")

    def reset(self, who):
        self.open[who].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        self.close(who)

    def end(self):
        for s in self.open.values():
            s.close()


def turns(c):
    """Three connections, one line at a time."""
    for who in "abc":
        c.connect(who)
    for i in range(5):
        for who in "cab":
            c.send(who, b"line %d of %s\n" % (i, who.encode()))
            c.replies(who, len(b"line 0 of a\n"))
    for who in "bca":
        c.close(who)


def pipelined(c):
    """Many lines at once, on two connections in turns."""
    for who in "ab":
        c.connect(who)
    lines = b"".join(b"pipelined line %03d\n" % i for i in range(300))
    for who in "ab":
        c.send(who, lines)
    for who in "ba":
        c.replies(who, len(lines))
    for who in "ab":
        c.half_close(who)
        c.rest(who)


def half_closed(c):
    """The end of the stream right behind the data: all of it is answered."""
    for who, n in ("a", 1), ("b", 1024), ("c", 100_000), ("d", 0):
        c.connect(who)
        if n:
            c.send(who, (b"half closed\n" * (n // 12 + 1))[:n])
        c.half_close(who)
        c.rest(who)
        c.close(who)


def reset_in_the_middle(c):
    """Connections that are reset leave the others alone."""
    for who in "abcd":
        c.connect(who)
    c.send("a", b"before\n")
    c.replies("a", 7)
    c.send("b", b"never read\n" * 5000)
    c.reset("b")
    c.send("a", b"after b\n")
    c.replies("a", 8)
    c.reset("c")
    c.send("d", b"after c\n")
    c.replies("d", 8)
    c.send("a", b"x\n" * 2000)
    c.replies("a", 4000)
    c.reset("a")
    c.send("d", b"after a\n")
    c.replies("d", 8)
    c.connect("e")
    c.send("e", b"a new one\n")
    c.replies("e", 10)


def slow_reader(c):
    """A megabyte to one that reads late, while another talks."""
    line = b"slow " + b"s" * 94 + b"\n"
    c.connect("slow", receive_buffer=4096)
    c.connect("fast")
    sender = threading.Thread(target=c.open["slow"].sendall,
                              args=(line * 10_000,))
    sender.start()
    time.sleep(0.1)
    for i in range(20):
        c.send("fast", b"fast %d\n" % (i % 10))
        c.replies("fast", 7)
    c.replies("slow", len(line) * 10_000)
    sender.join()
    c.half_close("slow")
    c.rest("slow")


def longer_than_a_message(c):
    """More than the 1024 bytes that one recv takes, and no newline at all."""
    c.connect("a")
    for n in 1023, 1024, 1025, 2048, 5000, 70_000:
        data = bytes(97 + i % 26 for i in range(n))
        sender = threading.Thread(target=c.open["a"].sendall, args=(data,))
        sender.start()
        c.replies("a", n)
        sender.join()
    c.send("a", bytes(range(256)))
    c.replies("a", 256)


def transcript(name, script):
    with Server(name) as server:
        c = Script(server)
        try:
            script(c)
        finally:
            c.end()
        return c.lines


def check(script):
    def test():
        wanted = transcript(SERVERS[0], script)
        if "--print" in sys.argv:
            print("\n".join(wanted))
        assert len(wanted) > 3
        for name in SERVERS[1:]:
            got = transcript(name, script)
            for n, (g, w) in enumerate(zip(got, wanted)):
                assert g == w, f"{name}, line {n}: {g:.200} not {w:.200}"
            equal(len(got), len(wanted))
    test.__name__ = f"replies_are_the_same_{script.__name__}"
    return test


def the_servers_say_the_same():
    """What they print, where the client's order fixes it."""
    def one(name):
        with Server(name) as server:
            with server.connect() as s:
                for line in b"one\n", b"two\n", b"\x01\xff\n":
                    s.sendall(line)
                    receive(s, len(line))
            said = [server.read_line() for _ in range(5)]
            c = Script(server)
            c.connect("a")
            c.send("a", b"x\n")
            c.replies("a", 2)
            c.reset("a")
            said += [server.read_line() for _ in range(3)]
            return [re.sub(r":\d+\]", ":PORT]", line) for line in said]

    wanted = one(SERVERS[0])
    equal(wanted[-1], "conn closed")
    for name in SERVERS[1:]:
        equal(one(name), wanted)


main(*map(check, (turns, pipelined, half_closed, reset_in_the_middle,
                  slow_reader, longer_than_a_message)),
     the_servers_say_the_same)
