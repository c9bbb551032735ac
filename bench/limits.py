# SPDX-License-Identifier: MIT
"""limits - how many connections a server takes until it breaks, and how.

Connections are opened one after the other, each with one echo, and all are held:
until one gets no echo, or the descriptors of this machine end. Then the server
is watched for a moment: one that waits uses no CPU, one that spins does.
"""
import os
import resource
import socket
import time

import harness
from harness import Failed, Server
from subjects import ECHO
from units import number

MOST = 20000     # enough to tell; about 2 s
OWN = 100        # descriptors that the programs need for themselves
PATIENCE = 1     # seconds without an echo: broken
WATCHED = 0.3    # seconds
BIND_NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT: the port is chosen by connect()


def open_files(most):
    """Raises the soft limit. Return: connections that this process can hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(most, hard - OWN)


def connect(number_of, addr):
    """From a source address in turn: each has ports of its own."""
    s = socket.socket()
    s.settimeout(PATIENCE)
    s.setsockopt(socket.IPPROTO_IP, BIND_NO_PORT, 1)
    s.bind(("127.0.0.%d" % (2 + number_of % 64), 0))
    s.connect(addr)
    return s


def echo(s, message):
    """Return: None, or what went wrong."""
    got = b""
    try:
        s.sendall(message)
        while len(got) < len(message):
            part = s.recv(len(message))
            if not part:
                return "closes what comes after them"
            got += part
    except (ConnectionResetError, BrokenPipeError):
        return "closes what comes after them"
    except TimeoutError:
        return "answers no more"
    if got != message:
        raise Failed("an echo differs from what was sent")
    return None


def fill(held, addr, most):
    """Connections into held, the one that failed too. Return: (n, reason)"""
    for n in range(most):
        try:
            held.append(connect(n, addr))
        except OSError as e:
            return n, "refuses what comes after them (%s)" % e.strerror
        reason = echo(held[-1], (b"connection %08d " % n) * 3)
        if reason:
            return n, reason
    return most, None


def kernel_bytes():
    """Stacks of threads and page tables: what sockets do not need."""
    total = 0
    with open("/proc/meminfo") as f:
        for line in f:
            if line.startswith(("KernelStack:", "PageTables:")):
                total += int(line.split()[1]) * 1024
    return total


def resident(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    return 0


def try_server(server, most):
    host, port = server.addr.split(":")
    before, kernel, held = resident(server.pid), kernel_bytes(), []
    try:
        n, reason = fill(held, (host, int(port)), most)
        user = resident(server.pid) - before
        kernel = kernel_bytes() - kernel
        cpu = server.cpu_seconds()
        time.sleep(WATCHED)
        spins = (server.cpu_seconds() - cpu) / WATCHED
    finally:
        for s in held:
            s.close()
    return {"value": n, "user_bytes": user / max(n, 1), "spins": spins,
            "kernel_bytes": max(kernel, 0) / max(n, 1)}, reason


def say(name, sample, reason):
    text = "%s: %s connections" % (name, number(sample["value"]))
    text += ", then it %s" % reason if reason else \
        " and still answers: there the test ends"
    if sample["spins"] > 0.5:
        text += ", using %.0f %% of its core for nothing" % (
            100 * sample["spins"])
    return text + "; each takes %s bytes in user space, %s of kernel stack " \
        "and page tables" % (number(sample["user_bytes"]),
                             number(sample["kernel_bytes"]))


def of_this_machine(hard):
    """What would end the next one."""
    found = []
    for what, path in (("threads", "/proc/sys/kernel/threads-max"),
                       ("process numbers", "/proc/sys/kernel/pid_max"),
                       ("mappings per process", "/proc/sys/vm/max_map_count")):
        with open(path) as f:
            found.append("%s %s" % (number(int(f.read())), what))
    return "this machine allows %s descriptors per process, %s" % (
        number(hard), ", ".join(found))


def breaks(names, most=MOST):
    """Connections served until the first that was not, once per server."""
    def measure(context):
        wanted = open_files(context.scaled(most))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        mine, series = os.sched_getaffinity(0), {}
        for name in names[:2] if context.smoke else names:
            program, *args = ECHO[name]
            try:
                with Server(context.build, program, args,
                            nofile=hard) as server:
                    os.sched_setaffinity(0, {harness.LOAD_CPU})
                    sample, reason = try_server(server, wanted)
                series[name] = {0: sample}
                context.notes.append(say(name, sample, reason))
            except (Failed, harness.NotBuilt) as e:
                context.problems.append("%s: %s %s" % (
                    name, type(e).__name__, e))
            finally:
                os.sched_setaffinity(0, mine)
        context.notes.append(of_this_machine(hard))
        return series
    return measure
