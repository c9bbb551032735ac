#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/ladder: each step does what the guide says of it."""
import signal
import socket
import time

from harness import Program, WAIT, equal, example, main, receive_all, run


def step(n):
    return example(f"ladder/step{n}")


def step1_takes_turns():
    turns = "".join(f"tick {i}\ntock {i}\n" for i in (1, 2, 3))
    equal(run(step(1)), (0, "spawned: nothing has run yet\n" + turns +
                         "both have ended\n", ""))


def step2_tells_how_each_ended():
    equal(run(step(2)), (0, "square of 7: 49\n"
                         "square of -7: Numerical argument out of domain\n"
                         "sleeper: this greenlet was killed\n"
                         "sleeper: cleaned up\n", ""))


def step3_squares_through_channels():
    equal(run(step(3)), (0, "1\n4\n9\n16\n25\nthe end: closed\n", ""))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def connect(port):
    """Tries until the server listens."""
    end = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), WAIT)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "nobody listens"
            time.sleep(0.01)


def ask(port, data):
    """Sends, says that it is all, and takes everything that comes back."""
    with connect(port) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return receive_all(s)


def step4_echoes():
    port = free_port()
    with Program(step(4), f"127.0.0.1:{port}") as p:
        equal(p.read_line(), f"listening on 127.0.0.1:{port}")
        with connect(port) as idle:
            equal(ask(port, b"one\ntwo\n"), b"one\ntwo\n")
            idle.sendall(b"late")
            equal(idle.recv(10), b"late")


def step5_adds_pipelined_lines():
    port = free_port()
    with Program(step(5), f"127.0.0.1:{port}") as p:
        equal(ask(port, b"1 2 3\r\n-5 5\n\nx\n40 2\n"),
              b"6\r\n0\r\n0\r\n0\r\n42\r\n")
        equal(ask(port, b"9" * 2000 + b"\n"), b"")
        equal(p.end(signal.SIGINT), (0, ""))


def step6_ends_who_idles_or_stays_too_long():
    port = free_port()
    with Program(step(6), f"127.0.0.1:{port}") as p:
        equal(ask(port, b"hello\n"), b"5 characters\r\n")
        equal(ask(port, b"9" * 2000 + b"\n"), b"a line is too long\r\n")
        with connect(port) as idle:
            equal(receive_all(idle), b"")  # after half a second
        with connect(port) as s:
            got = b""
            while b"over" not in got:
                s.sendall(b"x\n")
                more = s.recv(100)
                assert more, got
                got += more
                time.sleep(0.1)
            assert got.startswith(b"1 characters\r\n" * 5), got
            assert got.endswith(b"your time is over\r\n"), got
        equal(p.end(), (0, ""))


def step7_runs_four_at_a_time():
    equal(run(step(7)), (0, "12 jobs, 4 at a time, sum 650\n", ""))


def step8_stops_in_order():
    with Program(step(8), "127.0.0.1:0") as p:
        port = int(p.read_line().rsplit(":", 1)[1])
        with connect(port) as s:
            s.sendall(b"a\nb\n")
            first, second = receive_lines(s, 2)
            clock, n, text = second.split(" ")
            equal((len(clock), n, text), (8, "2", "b"))
            assert first.split(" ")[1:] == ["1", "a"], first
            p.process.send_signal(signal.SIGTERM)
            wait_until_refused(port)
            s.sendall(b"c\n")  # who is inside may finish
            equal(receive_lines(s, 1)[0].split(" ")[1:], ["3", "c"])
        equal(p.read_line(), "3 lines")
        equal(p.finish(), (0, ""))


def receive_lines(s, n):
    data = b""
    while data.count(b"\r\n") < n:
        more = s.recv(1000)
        assert more, data
        data += more
    return data.decode().split("\r\n")[:n]


def wait_until_refused(port):
    end = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), WAIT).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # it had queued when the listener was closed
        assert time.monotonic() < end, "it goes on listening"
        time.sleep(0.01)


main(step1_takes_turns, step2_tells_how_each_ended,
     step3_squares_through_channels, step4_echoes, step5_adds_pipelined_lines,
     step6_ends_who_idles_or_stays_too_long, step7_runs_four_at_a_time,
     step8_stops_in_order)
