#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What echo, upper and upper_select have in common: start, addresses, errors,
signals."""
import resource
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

from harness import (Program, Server, WAIT, equal, example, main, receive,
                     receive_all, run)

SERVERS = "echo/echo", "echo/upper", "echo/upper_select"


def answers(server, port=None, message=b"Hello, 123\n"):
    with server.connect(port) as s:
        s.sendall(message)
        wanted = message if server.name == "echo/echo" else message.upper()
        equal(receive(s, len(message)), wanted)


def each_answers_on_a_free_port_and_ends_with_0():
    for name in SERVERS:
        for signo in signal.SIGTERM, signal.SIGINT:
            with Server(name) as server:
                answers(server)
                equal(server.end(signo)[0], 0)


def echo_gives_back_every_byte_of_many_connections():
    data = bytes(i * 7 & 255 for i in range(1 << 20))
    with Server("echo/echo") as server:
        def one(i, failed):
            with server.connect() as s:
                mine = data[i:] + data[:i]
                sender = threading.Thread(target=s.sendall, args=(mine,))
                sender.start()
                if receive(s, len(mine)) != mine:
                    failed.append(i)
                sender.join()
                s.shutdown(socket.SHUT_WR)
                if s.recv(1) != b"":
                    failed.append(i)

        failed, threads = [], []
        for i in range(8):
            threads.append(threading.Thread(target=one, args=(i, failed)))
            threads[-1].start()
        for t in threads:
            t.join()
        equal(failed, [])
        equal(server.end(), (0, ""))


def a_busy_port_is_one_line_and_1():
    for name in SERVERS:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            addr = f"127.0.0.1:{s.getsockname()[1]}"
            short = name.split("/")[1]
            equal(run(example(name), addr),
                  (1, "", f"{short}: cannot listen on {addr}: "
                          "Address already in use\n"))


def a_bad_address_is_one_line_and_1():
    for name in SERVERS:
        for addr in "nonsense", "127.0.0.1:70000", "127.0.0.1:", "":
            short = name.split("/")[1]
            equal(run(example(name), addr),
                  (1, "", f"{short}: cannot listen on {addr}: "
                          "not an address\n"))


def an_unknown_option_is_one_line_and_2():
    for name in (*SERVERS, "echo/client", "demo/demo"):
        for args in ["--what"], ["-x"], ["a", "b", "c"]:
            status, out, err = run(example(name), *args)
            equal((status, out), (2, ""))
            assert err.startswith("usage: ") and err.count("\n") == 1, err


def the_default_address_is_port_8888():
    """With whatever is there: it listens, or says that it is busy."""
    for name in SERVERS:
        with Program(example(name)) as p:
            try:
                equal(p.read_line(), "listening on 127.0.0.1:8888")
            except AssertionError as e:
                assert "127.0.0.1:8888: Address already in use" in str(e), e


def unix_addresses_work():
    for name in SERVERS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "socket")
            with Program(example(name), f"unix:{path}") as p:
                equal(p.read_line(), f"listening on unix:{path}")
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(WAIT)
                    s.connect(str(path))
                    s.sendall(b"1\n")
                    equal(receive(s, 2), b"1\n")
                equal(p.end()[0], 0)


def after_sigterm_a_connection_is_served_to_its_end():
    for name in SERVERS:
        with Server(name) as server, server.connect() as s:
            s.sendall(b"1\n")
            equal(receive(s, 2), b"1\n")
            server.process.send_signal(signal.SIGTERM)
            refused(server)
            s.sendall(b"2\n")
            equal(receive(s, 2), b"2\n")
            equal(server.process.poll(), None)
            s.shutdown(socket.SHUT_WR)
            equal(receive_all(s), b"")
            begin = time.monotonic()
            equal(server.finish()[0], 0)
            assert time.monotonic() - begin < 4, "it waited for nothing"


def refused(server):
    """Waits until new connections are refused."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        try:
            server.connect().close()
        except ConnectionError:
            return
        time.sleep(0.02)
    raise AssertionError("it still accepts")


def a_second_signal_ends_it_at_once():
    for name in SERVERS:
        with Server(name) as server, server.connect() as s:
            s.sendall(b"1\n")
            equal(receive(s, 2), b"1\n")
            server.process.send_signal(signal.SIGTERM)
            refused(server)
            equal(server.end(signal.SIGINT)[0], 0)


def idle_connections_are_ended_after_the_grace_period():
    with Server("echo/echo") as a, Server("echo/upper_select") as b:
        with a.connect() as s, b.connect() as t:
            for c in s, t:
                c.sendall(b"1\n")
                equal(receive(c, 2), b"1\n")
            begin = time.monotonic()
            a.process.send_signal(signal.SIGTERM)
            b.process.send_signal(signal.SIGTERM)
            equal((a.finish()[0], b.finish()[0]), (0, 0))
            assert time.monotonic() - begin > 4.5, "no grace was given"
            equal((s.recv(1), t.recv(1)), (b"", b""))


def the_descriptor_limit_is_raised():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for name in SERVERS:
        with Server(name) as server:
            limits = Path(f"/proc/{server.process.pid}/limits").read_text()
            line = next(x for x in limits.split("\n") if "open files" in x)
            wanted = "unlimited" if hard < 0 else str(hard)
            equal(line.split()[3:5], [wanted, wanted])


def upper_says_what_happens():
    for name in "echo/upper", "echo/upper_select":
        with Server(name) as server:
            with server.connect() as s:
                who = "127.0.0.1:%d" % s.getsockname()[1]
                s.sendall(b"abc\n")
                equal(receive(s, 4), b"ABC\n")
                s.sendall(b"\x1b\xff")
                equal(receive(s, 2), b"\x1b\xff")
            for line in (f"new connection from [{who}]",
                         f"recv data from [{who}]: abc",
                         rf"recv data from [{who}]: \x1b\xff", "conn closed"):
                equal(server.read_line(), line)


def upper_select_serves_two_addresses_while_a_ticker_ticks():
    with Server("echo/upper_select", "127.0.0.1:0", "127.0.0.1:0") as server:
        assert server.ports[0] != server.ports[1]
        with server.connect() as a, server.connect(server.ports[1]) as b:
            for i in range(200):
                for s, line in (a, b"from a %d\n" % i), (b, b"b %d\n" % i):
                    s.sendall(line)
                    equal(receive(s, len(line)), line.upper())
        status, err = server.end()
        equal(status, 0)
        assert err.startswith("the latest tick came "), err


main(each_answers_on_a_free_port_and_ends_with_0,
     echo_gives_back_every_byte_of_many_connections,
     a_busy_port_is_one_line_and_1,
     a_bad_address_is_one_line_and_1,
     an_unknown_option_is_one_line_and_2,
     the_default_address_is_port_8888,
     unix_addresses_work,
     after_sigterm_a_connection_is_served_to_its_end,
     a_second_signal_ends_it_at_once,
     idle_connections_are_ended_after_the_grace_period,
     the_descriptor_limit_is_raised,
     upper_says_what_happens,
     upper_select_serves_two_addresses_while_a_ticker_ticks)
