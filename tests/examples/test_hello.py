#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""http/hello: answers, the body echoed, options, what a stop does."""
import http.client
import os
import resource
import signal
import time

from harness import (Program, Server, WAIT, equal, example, main, receive_all,
                     run)

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Hello(Server):
    """hello on a free port, with options."""

    def __init__(self, *options):
        Program.__init__(self, example("http/hello"), *options, "127.0.0.1:0")
        self.port = int(self.read_line().rsplit(":", 1)[1])


def ask(conn, method, path, body=None, **kwargs):
    conn.request(method, path, body, **kwargs)
    r = conn.getresponse()
    return r.status, r.read(), r


def it_says_hello_and_echoes():
    with Hello() as server:
        conn = http.client.HTTPConnection("127.0.0.1", server.port, WAIT)
        status, body, r = ask(conn, "GET", "/")
        equal((status, body), (200, b"Hello, World!"))
        equal(r.getheader("Content-Type"), "text/plain")
        equal(ask(conn, "HEAD", "/")[:2], (200, b""))
        equal(ask(conn, "GET", "/none")[0], 404)
        equal(ask(conn, "GET", "/%00")[0], 400)
        data = os.urandom(3 << 20)
        for path in "/", "/echo":
            status, body, r = ask(conn, "POST", path, data)
            equal((status, body == data), (200, True))
            equal(r.getheader("Content-Length"), str(len(data)))
        pieces = (data[i:i + 9999] for i in range(0, len(data), 9999))
        status, body, r = ask(conn, "POST", "/echo", pieces,
                              encode_chunked=True,
                              headers={"Transfer-Encoding": "chunked"})
        equal((status, body == data), (200, True))
        equal(r.getheader("Transfer-Encoding"), "chunked")
        conn.close()
        equal(server.end(), (0, ""))


def options_set_the_limits():
    with Hello("--header-timeout", "0.2", "--idle-timeout", "0.2",
               "--max-requests", "2") as server:
        with server.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHo")
            equal(receive_all(s)[:12], b"HTTP/1.1 408")
        with server.connect() as s:
            s.sendall(GET)
            equal(receive_all(s).count(b"HTTP/1.1 200"), 1)
        with server.connect() as s:
            s.sendall(GET * 3)
            equal(receive_all(s).count(b"HTTP/1.1 200"), 2)
        equal(server.end(signal.SIGINT), (0, ""))


def a_stop_loses_no_response():
    with Hello() as server:
        idle = [server.connect() for _ in range(50)]
        busy = [server.connect() for _ in range(50)]
        for s in busy:  # in the middle of their requests
            s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        for s in idle:
            equal(receive_all(s), b"")
        for s in busy:
            s.sendall(b"HELLO")
            got = receive_all(s)
            assert got.startswith(b"HTTP/1.1 200 OK\r\n"), got
            assert b"Connection: close\r\n" in got, got
            assert got.endswith(b"\r\n\r\nHELLO"), got
        equal(server.finish(), (0, ""))
        for s in idle + busy:
            s.close()


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def without_descriptors_it_waits_and_recovers():
    with Hello() as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        clients = [server.connect() for _ in range(200)]
        for s in clients:
            s.sendall(GET)
        time.sleep(0.3)
        before = cpu(server.process.pid)
        time.sleep(1)
        assert cpu(server.process.pid) - before < 0.5
        for s in clients:
            s.close()
        deadline = time.monotonic() + WAIT
        while True:  # those that were shed see a reset
            try:
                with server.connect() as s:
                    s.sendall(GET)
                    if s.recv(100).startswith(b"HTTP/1.1 200"):
                        break
            except ConnectionError:
                pass
            assert time.monotonic() < deadline
        equal(server.end(), (0, ""))


def errors_are_one_line():
    with Server("http/hello") as server:
        status, out, err = run(example("http/hello"),
                               f"127.0.0.1:{server.port}")
        equal((status, out, err.count("\n")), (1, "", 1))
    for bad in (["--no-such", "1", "x"], ["--min-rate"], ["a", "b"]):
        equal(run(example("http/hello"), *bad)[0], 2)


main(it_says_hello_and_echoes, options_set_the_limits,
     a_stop_loses_no_response, without_descriptors_it_waits_and_recovers,
     errors_are_one_line)
