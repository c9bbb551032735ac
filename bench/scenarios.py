#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scenarios - what a table of times does not show, as short plain results.

  syscalls  what a steady echo asks of the kernel, and of malloc
  idle      10,000 idle connections beside 100 busy ones: memory and latency
  greedy    one connection that always has data beside 100 that take turns
  emfile    64 descriptors for 200 clients: all served, and no spinning

usage: bench/scenarios.py [NAME...] [--server PROGRAM] [--build DIR]

PROGRAM is echo_gev (default), another of build/bench, or a path below the build
folder such as examples/echo/echo. Baselines can be named too, for comparison.
"""
import argparse
import os
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree
import harness
from harness import Build, Failed, Load, NotBuilt, Server

RECEIVE = ("read", "recvfrom", "recvmsg", "readv")
SEND = ("write", "sendto", "sendmsg", "writev")
WAIT = ("epoll_wait", "epoll_pwait", "epoll_pwait2", "select", "pselect6",
        "poll")


# --- syscalls ---------------------------------------------------------------

def strace_counts(server, seconds):
    """{call: (calls, errors)} of a running process, by strace -c."""
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(server.pid)],
                              stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(seconds)
        tracer.send_signal(signal.SIGINT)
        report = tracer.communicate(timeout=10)[1]
    finally:
        harness.stop(tracer)
    counts = {}
    # % time, seconds, usecs/call, calls, errors (or blank), syscall
    pattern = re.compile(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(\d+)?\s*(\w+)$")
    for line in report.splitlines():
        m = pattern.match(line)
        if m and m.group(3) != "total":
            counts[m.group(3)] = (int(m.group(1)), int(m.group(2) or 0))
    return counts


def busy_load(build, server, seconds, n=100):
    """Starts 100 busy connections that go on for a while."""
    command = harness.load_command(build, server, "echo",
                                   {"n": n, "w": 0.2, "t": seconds})
    return subprocess.Popen(command, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL)


def syscalls(build, name):
    if not shutil.which("strace"):
        print("  strace is not installed")
        return True
    with Server(build, name) as server:
        load = busy_load(build, server, 4)
        try:
            time.sleep(1)
            counts = strace_counts(server, 2)
        finally:
            harness.stop(load)
    echoes = sum(counts.get(c, (0, 0))[0] for c in SEND)
    if not echoes:
        raise Failed("strace saw no echo: %s" % counts)
    print("  %d echoes over 100 connections; calls (errors) per echo:" % echoes)
    for call, (n, errors) in sorted(counts.items(), key=lambda i: -i[1][0]):
        print("    %-12s %8d %8.4f  (%d)" % (call, n, n / echoes, errors))
    total = {what: [sum(counts.get(c, (0, 0))[i] for c in calls)
                    for i in (0, 1)]
             for what, calls in (("receive", RECEIVE), ("wait", WAIT))}
    print("  per echo: %.3f receive, 1 send, %.3f wait; %d epoll_ctl, "
          "%d failed receives (EAGAIN)" % (
              total["receive"][0] / echoes, total["wait"][0] / echoes,
              counts.get("epoll_ctl", (0, 0))[0], total["receive"][1]))
    return allocations(build, name)


def allocations(build, name):
    """Counts malloc and free during 1 s of steady echo, from outside."""
    with tempfile.NamedTemporaryFile() as file:
        env = {"LD_PRELOAD": build.program("count_malloc.so"),
               "COUNT_MALLOC_FILE": file.name}

        def read():
            file.seek(0)
            return struct.unpack("QQ", file.read(16))

        with Server(build, name, env=env) as server:
            load = Load(build, server, "echo", n=100, t=1, w=0.2)
            try:
                load.window()
                before = read()
                window = load.window()
                after = read()
            finally:
                load.stop()
    print("  %d echoes: %d allocations, %d frees" % (
        window["ops"], after[0] - before[0], after[1] - before[1]))
    return True


# --- idle -------------------------------------------------------------------

def idle(build, name):
    with Server(build, name) as server:
        alone = harness.load(build, server, "echo", n=100, t=2)
    with Server(build, name) as server:
        beside = harness.load(build, server, "idle", n=10000, t=0)
    with Server(build, name) as server:
        load = Load(build, server, "echo", n=10100, b=100, t=2)
        try:
            both = load.window()
        finally:
            load.stop()
    print("  memory per idle connection: %.1f B (10,000 of them)"
          % beside["bytes_per_conn"])
    for what, r in (("100 busy alone", alone), ("beside 10,000 idle", both)):
        print("  %-20s p50 %.0f us, p99 %.0f us, max %.0f us, %d echoes/s, "
              "every byte right" % (what, r["p50_us"], r["p99_us"],
                                    r["max_us"], r["ops_per_s"]))
    return True


# --- greedy -----------------------------------------------------------------

def greedy(build, name):
    with Server(build, name) as server:
        alone = harness.load(build, server, "echo", n=100, t=2)
        flood = subprocess.Popen(
            harness.load_command(build, server, "flood", {"n": 1, "t": 4}),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            time.sleep(0.5)
            beside = harness.load(build, server, "echo", n=100, t=2)
            out = flood.communicate(timeout=20)[0]
        finally:
            harness.stop(flood)
    m = re.search(r'"echoed_bytes": (\d+)', out)
    if not m:
        raise Failed("the greedy connection was cut off")
    for what, r in (("100 alone", alone), ("beside the greedy one", beside)):
        print("  %-22s p50 %.0f us, p99 %.0f us, max %.0f us" % (
            what, r["p50_us"], r["p99_us"], r["max_us"]))
    print("  the greedy one got %.0f MB/s back (both loads share one core)"
          % (int(m.group(1)) / 4 / 1e6))
    return True


# --- emfile -----------------------------------------------------------------

class Client:
    """One echo: connect, send, compare, hold the connection, close."""

    def __init__(self, number, address):
        self.message = b"client %04d " % number * 4
        self.got = b""
        self.done_at = None
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(address)
        self.sent = False

    def on_ready(self):
        """Takes the next step. Return: True once the echo is complete."""
        if not self.sent:
            self.socket.send(self.message)
            self.sent = True
            return False
        part = self.socket.recv(4096)
        self.got += part
        if not part or not self.message.startswith(self.got):
            raise Failed("wrong echo %r or hang-up" % self.got)
        return self.got == self.message


def serve_clients(address, n, hold, limit):
    """All n at once, each holding its connection a while. Return: served."""
    selector, holding, served = selectors.DefaultSelector(), [], 0
    for i in range(n):
        c = Client(i, address)
        selector.register(c.socket, selectors.EVENT_WRITE, c)
    end = time.monotonic() + limit
    while served < n and time.monotonic() < end:
        for key, _ in selector.select(0.01):
            c = key.data
            if c.on_ready():
                selector.unregister(c.socket)
                holding.append((time.monotonic() + hold, c))
            else:
                selector.modify(c.socket, selectors.EVENT_READ, c)
        while holding and holding[0][0] <= time.monotonic():
            holding.pop(0)[1].socket.close()
            served += 1
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    return served


def emfile(build, name):
    with Server(build, name, nofile=64) as server:
        host, port = server.addr.split(":")
        cpu, start = server.cpu_seconds(), time.monotonic()
        served = serve_clients((host, int(port)), 200, 0.2, 20)
        wall = time.monotonic() - start
        time.sleep(0.05)
        cpu = server.cpu_seconds() - cpu
        alive = server.process.poll() is None
    print("  %d of 200 clients served within 64 descriptors in %.2f s; "
          "server CPU %.1f ms = %.1f %% of the time%s" % (
              served, wall, cpu * 1e3, 100 * cpu / wall,
              "" if alive else "; THE SERVER DIED"))
    return served == 200 and alive


SCENARIOS = {"syscalls": syscalls, "idle": idle, "greedy": greedy,
             "emfile": emfile}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("names", nargs="*", metavar="NAME",
                   help=", ".join(SCENARIOS) + "; all if none is given")
    p.add_argument("--server", default="echo_gev", metavar="PROGRAM")
    p.add_argument("--build", default=os.path.join(harness.ROOT, "build"))
    args = p.parse_args()
    unknown = [n for n in args.names if n not in SCENARIOS]
    if unknown:
        p.error("no scenario '%s'" % unknown[0])
    ok = True
    for name in args.names or SCENARIOS:
        print("%s (%s)" % (name, args.server), flush=True)
        try:
            ok = SCENARIOS[name](Build(args.build), args.server) and ok
        except (Failed, subprocess.TimeoutExpired, OSError) as e:
            print("  FAILED: %s" % e)
            ok = False
        except NotBuilt as e:
            print("  %s is not built" % e)
            ok = False
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
