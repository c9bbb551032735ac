#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Server-sent events: ticks, messages to everybody, and readers that are not."""
import http.client
import re
import socket
import time

from harness import (Program, Server, WAIT, equal, example, main, receive_all,
                     run)


class Events(Server):
    def __init__(self, tick):
        self.name = "http/events"
        Program.__init__(self, example(self.name), "--tick", str(tick),
                         "127.0.0.1:0")
        self.port = int(self.read_line().rpartition(":")[2])

    def say(self, text):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        c.request("POST", "/say", text.encode())
        status = c.getresponse().status
        c.close()
        return status


class Listener:
    """An HTTP/1.0 client, so that the stream is not chunked."""

    def __init__(self, server):
        self.s = server.connect()
        self.s.sendall(b"GET /events HTTP/1.0\r\n\r\n")
        self.file = self.s.makefile("rb")
        head = b"".join(iter(self.file.readline, b"\r\n"))
        assert b"Content-Type: text/event-stream\r\n" in head, head

    def next(self):
        """The fields of the next event."""
        lines = []
        while (line := self.file.readline().decode()) not in ("\n", ""):
            lines.append(line.removesuffix("\n"))
        return lines

    def close(self):
        self.file.close()
        self.s.close()


def the_clock_ticks():
    with Events(0.02) as server:
        a = Listener(server)
        for _ in range(5):
            event, data = a.next()
            equal(event, "event: tick")
            assert re.fullmatch(r"data: \d\d:\d\d:\d\d", data), data
        a.close()
        equal(server.end(), (0, ""))


def everybody_hears_what_is_said():
    with Events(1000) as server:
        all_of_them = [Listener(server) for _ in range(5)]
        equal(server.say("hello\r\nthere\n"), 204)
        equal(server.say("ünder <b>"), 204)
        for a in all_of_them:
            equal(a.next(), ["data: hello", "data: there", "data: "])
            equal(a.next(), ["data: ünder <b>"])
        all_of_them[0].close()
        equal(server.say("again"), 204)
        for a in all_of_them[1:]:
            equal(a.next(), ["data: again"])
            a.close()
        equal(server.say("x" * 1000), 204)
        equal(server.say("x" * 1001), 413)
        equal(server.end(), (0, ""))


def who_never_reads_is_sent_away():
    with Events(1000) as server:
        a = Listener(server)
        with server.connect() as deaf:
            # Little room, so that it is full soon.
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(b"GET /events HTTP/1.0\r\n\r\n")
            c = http.client.HTTPConnection("127.0.0.1", server.port,
                                           timeout=WAIT)
            end = time.monotonic() + WAIT
            n = 0
            while time.monotonic() < end:
                c.request("POST", "/say", "%1000d" % n)
                c.getresponse().read()
                equal(a.next(), ["data: %1000d" % n])
                n += 1
                c.request("GET", "/count")  # there is none: 404
                c.getresponse().read()
                if n % 500 == 0 and connections(server) < 3:
                    break
            assert n < 100000
            assert connections(server) < 3, f"after {n} events"
            c.close()
        a.close()
        equal(server.end(), (0, ""))


def connections(server):
    """How many sockets the server has with a peer: of ours."""
    mine = "0100007F:%04X" % server.port
    rows = [line.split() for line in open("/proc/net/tcp")][1:]
    return sum(r[1] == mine and r[3] == "01" for r in rows)


def the_page_is_a_page():
    with Events(1000) as server:
        c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
        c.request("GET", "/")
        r = c.getresponse()
        equal(r.headers["Content-Type"], "text/html")
        assert b"EventSource('/events')" in r.read()
        c.close()
        with server.connect() as s:
            s.sendall(b"HEAD /events HTTP/1.1\r\nHost: a\r\n"
                      b"Connection: close\r\n\r\n")
            assert receive_all(s).endswith(b"\r\n\r\n")
        equal(server.end(), (0, ""))


def a_signal_ends_the_streams():
    with Events(1000) as server:
        a = Listener(server)
        equal(server.end(), (0, ""))
        try:
            equal(a.file.read(), b"")
        except ConnectionResetError:
            pass  # it was cut off, and is told so
        a.close()


def a_bad_address_is_told():
    status, _, err = run(example("http/events"), "nonsense")
    equal(status, 1)
    assert err.startswith("events: nonsense: "), err


main(the_clock_ticks, everybody_hears_what_is_said,
     who_never_reads_is_sent_away, the_page_is_a_page,
     a_signal_ends_the_streams, a_bad_address_is_told)
