#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many system calls hello makes, as strace counts them: two per request and
a share of epoll_wait; three at most for sixteen pipelined ones; none to change
what is waited for."""
import re
import shutil
import signal
import subprocess
import tempfile

from programs import Hello, WAIT, equal, main, sanitized

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLIENTS, ROUNDS = 4, 250


def receive(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, data
        data += more
    return data


def counts_of(server, work):
    """Runs @work while strace counts. Returns calls by name."""
    with tempfile.NamedTemporaryFile("r") as out:
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-U", "name,calls", "-o", out.name, "-p",
             str(server.pid)], stderr=subprocess.PIPE)
        line = tracer.stderr.readline().decode()
        assert "attached" in line, line
        work()
        tracer.send_signal(signal.SIGINT)
        tracer.stderr.read()
        tracer.wait(WAIT)
        return {m[1]: int(m[2]) for m in
                re.finditer(r"^([a-z]\w+) +(\d+)$", out.read(), re.M)
                if m[1] != "total"}


def keep_alive(n_pipelined):
    """What hello does for requests on connections that are there already."""
    with Hello() as server:
        clients = [server.connect() for _ in range(CLIENTS)]

        def ask(rounds):
            for _ in range(rounds):
                for s in clients:
                    s.sendall(GET * n_pipelined)
                for s in clients:
                    receive(s, size * n_pipelined)

        clients[0].sendall(GET)
        size = len(clients[0].recv(1000))
        ask(10)
        calls = counts_of(server, lambda: ask(ROUNDS))
        print(f"     {n_pipelined} pipelined, {CLIENTS * ROUNDS} rounds:",
              *(f"{n} {name}" for name, n in sorted(calls.items())))
        for s in clients:
            s.close()
        equal(server.end(), (0, ""))
        return calls


def check(calls):
    rounds = CLIENTS * ROUNDS
    slack = rounds // 20  # the timer's ticks, and what is read in two pieces
    waits = calls.pop("epoll_wait", 0)
    ours = {name: calls.pop(name, 0) for name in ("recvfrom", "sendto")}
    equal(calls.get("epoll_ctl", 0), 0)
    for name, n in ours.items():
        assert n <= rounds + slack, (name, n)
    assert waits <= rounds + slack, waits
    assert sum(calls.values()) <= slack, calls


def two_per_request_and_a_share_of_waiting():
    check(keep_alive(1))


def three_per_sixteen_pipelined():
    check(keep_alive(16))


if not shutil.which("strace") or sanitized():
    print("skipped: no strace, or a build with sanitizers")
else:
    main(two_per_request_and_a_share_of_waiting, three_per_sixteen_pipelined)
