#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/chat: rooms, and what becomes of those who do not read."""
import signal
import socket

from harness import WAIT, Server, equal, main


class Client:
    def __init__(self, server, name):
        self.s = server.connect()
        self.f = self.s.makefile("rb")
        self.say(name)

    def say(self, line):
        self.s.sendall(line.encode() + b"\n")

    def hears(self, *lines):
        for line in lines:
            equal(self.f.readline().decode().rstrip("\n"), line)

    def close(self):
        self.f.close()
        self.s.close()


def those_in_a_room_hear_each_other():
    with Server("chat/chat") as server:
        ann = Client(server, "ann")
        ann.hears("* ann joined lobby")
        bob = Client(server, "bob")
        bob.hears("* bob joined lobby")
        ann.hears("* bob joined lobby")
        ann.say("hello")
        for c in (ann, bob):
            c.hears("<ann> hello")
        bob.say("/join den")
        ann.hears("* bob left")
        bob.hears("* bob left", "* bob joined den")
        ann.say("gone?")
        ann.hears("<ann> gone?")
        bob.say("quiet here")
        bob.hears("<bob> quiet here")
        ann.say("/quit")
        ann.hears("* ann left", "")
        bob.close()
        equal(server.end(signal.SIGINT), (0, ""))


def one_that_does_not_read_is_dropped_and_nobody_waits():
    with Server("chat/chat") as server:
        deaf = Client(server, "deaf")
        deaf.hears("* deaf joined lobby")
        ann = Client(server, "ann")
        ann.hears("* ann joined lobby")
        line = "x" * 900
        dropped = False
        for _ in range(20000):
            ann.say(line)
            got = ann.f.readline().decode()
            if got == "* deaf left\n":
                dropped = True
                break
            equal(got, f"<ann> {line}\n")
        assert dropped, "20,000 lines, and it is still there"
        ann.s.settimeout(WAIT)
        ann.say("on we go")
        while (got := ann.f.readline()) != b"<ann> on we go\n":
            assert got, "the line is lost"
        deaf.s.settimeout(WAIT)
        while deaf.s.recv(65536):  # what was on its way, then the end
            pass
        deaf.close()
        ann.close()
        equal(server.end(), (0, ""))


def a_killed_server_says_goodbye_in_order():
    with Server("chat/chat") as server:
        ann = Client(server, "ann")
        ann.hears("* ann joined lobby")
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)  # at once
        ann.hears("* ann left", "")
        equal(server.finish(), (0, ""))
        ann.close()


main(those_in_a_room_hear_each_other,
     one_that_does_not_read_is_dropped_and_nobody_waits,
     a_killed_server_says_goodbye_in_order)
