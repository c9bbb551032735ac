# SPDX-License-Identifier: MIT
"""rows - what is measured: one declaration per row, in groups.

A group is one picture: bars, or curves where its rows have an x. The targets
are those of the design, section 5; `bench/run.py --only NAME` repeats a row.
"""
import limits
import measure
import subjects as s
import web
from summary import Target


class Row:
    def __init__(self, group, name, how, baseline, unit="ns", x=None,
                 targets=(), candidate=s.GEV, more_is_better=False, note="",
                 quick=False):
        self.group, self.name, self.how = group, name, how
        self.baseline, self.candidate = baseline, candidate
        self.unit, self.x = unit, x
        self.targets = list(targets)
        self.more_is_better, self.note = more_is_better, note
        self.quick = quick  # part of make bench-quick


KIB = 1024


def times(limit, against, source="design"):
    return [Target(limit, against, source=source)]


def at_most(limit, unit, source="design"):
    return [Target(limit, None, unit, source=source)]


def over(n):
    """Round trips over n greenlets; memory rows share the measurement."""
    commands = {s.BOOST: ("peers/switch_boost", "core", n),
                s.GEV: ("switch", "yield", n),
                s.BY_HAND: ("switch", "core", n)}
    if n <= 100000:
        commands[s.FIBER] = ("peers/fiber", "yield", n)
    return commands


def switch_rows():
    goals = {1: 1.2, 1000: 1.8, 100000: 0.6, 1000000: 0.6}
    for n in (1, 10, 100, 1000, 10000, 100000, 1000000):
        yield Row(
            "switch", "switch: over {:,}".format(n),
            measure.programs(over(n)),
            s.BOOST, x=n, quick=n in (1, 1000, 100000),
            targets=times(goals[n], s.BOOST) if n in goals else [],
            note="64 live bytes, checked after each switch; a round trip of gev "
                 "and Boost.Fiber is a yield and goes through the scheduler, one "
                 "of Boost.Context is resumed by hand, as gev_switch by hand is")


def frame_rows():
    for size in (64, 256, KIB, 4 * KIB, 16 * KIB):
        yield Row(
            "frame", "live frame: %d B, over 10,000" % size,
            measure.programs({
                s.BOOST: ("peers/switch_boost", "core", 10000, str(size)),
                s.GEV: ("switch", "yield", 10000, str(size))}),
            s.BOOST, x=size,
            note="all of the frame is saved and restored at each switch")


def dead_rows():
    for size in (64, KIB, 4 * KIB, 16 * KIB):
        yield Row(
            "dead", "dead range: %d B buffer, 10,000 in gev_read" % size,
            measure.programs({
                s.SMALL: ("switch", "dead", 10000, "64"),
                s.DEAD: ("switch", "dead", 10000, str(size)),
                s.LIVE: ("switch", "live", 10000, str(size))}),
            s.SMALL, x=size, candidate=s.DEAD, quick=size == 16 * KIB,
            targets=times(1.1, s.SMALL) if size == 16 * KIB else [],
            note="an eventfd each, all made readable by one round: each greenlet "
                 "is resumed for one read, and the system calls are the same "
                 "whatever the buffer")
    yield Row(
        "dead memory", "dead range: memory, 16 KiB buffer, 100,000 waiting",
        measure.programs({
            s.SMALL: ("switch", "dead", 100000, "64"),
            s.DEAD: ("switch", "dead", 100000, "16384")}, field="bytes_each"),
        s.SMALL, unit="B", candidate=s.DEAD, targets=times(1.1, s.SMALL))


def parked_rows():
    for n in (1000, 10000, 100000, 1000000):
        yield Row(
            "parked", "parked: bytes each of {:,}".format(n),
            measure.programs(over(n), field="bytes_each"),
            s.BOOST, unit="B", x=n,
            targets=at_most(256, "B") if n == 1000000 else [],
            note="resident memory by smaps_rollup; 64 live bytes each")
    yield Row("parked", "parked: bytes each of 10,000,000",
              measure.programs({s.GEV: ("switch", "yield", 10000000)}, 1,
                               "bytes_each"),
              s.GEV, unit="B", x=10000000, targets=at_most(260, "B"),
              note="10,000,000 are measured once: 2.6 GB is the target")


SYNC = [
    ("channel send + receive, unbuffered", "channel", "pair", 0, 0.5),
    ("channel send + receive, buffer of 128", "channel", "pair", 128, None),
    ("channel, 100 senders, 100 receivers", "channel", "many", 100, None),
    ("choose among 2 channels", "channel", "choose", 2, None),
    ("queue put + get, nobody waits", "channel", "queue", 0, None),
    ("queue put + get, 128 in between", "channel", "queue", 128, None),
    ("event, set and wake 1", "wake", "event", 1, None),
    ("event, set and wake 1,000", "wake", "event", 1000, None),
    ("semaphore, hand-over", "wake", "semaphore", 0, None),
    ("lock + unlock, nobody waits", "wake", "lock", 0, None),
    ("spawn + join, 1,000 at a time", "channel", "spawn", 1000, 0.25),
    ("spawn + join, one at a time", "channel", "spawn", 1, None),
]


def sync_rows():
    for name, program, mode, n, goal in SYNC:
        commands = {s.GO: ("peers/go_sync", mode, str(n)),
                    s.GEV: (program, mode, str(n))}
        if mode != "choose":
            commands[s.FIBER] = ("peers/fiber", mode, str(n))
            commands[s.GEVENT] = ("sync_gevent.py", mode, str(n))
        yield Row("spawn" if mode == "spawn" else "sync", "sync: " + name,
                  measure.programs(commands), s.GO, quick=goal is not None,
                  targets=times(goal, s.GO, "channels") if goal else [])
    yield Row("spawn", "spawn, run to the end, free",
              measure.programs({
                  s.BOOST: ("peers/switch_boost", "spawn", 1000),
                  s.GEV: ("switch", "spawn", 1000)}),
              s.BOOST, targets=at_most(60, "ns"), quick=True)


PEERS = [s.EPOLL, s.GEV, s.LIBEV, s.LIBUV, s.ASIO, s.GO, s.GEVENT, s.NODE]
ALL_ECHO = PEERS + [s.THREADS]
UP_TO_1024 = [s.ST, s.SELECT]


def echo_rows():
    goals = {100: 1.03, 5000: 1.12}
    for n in (10, 100, 1000, 5000, 10000):
        names = ALL_ECHO + (UP_TO_1024 if n <= 1000 else [])
        names += [s.AGAIN] if n == 100 else []
        yield Row(
            "echo", "echo: {:,} connections".format(n),
            measure.loaded(names, n=n, often=(s.GEV, s.AGAIN),
                           turns={100: 40}.get(n, 15),
                           generations=3 if n in goals else 2,
                           window=0.05 if n < 5000 else 0.15),
            s.EPOLL, x=n, targets=times(goals[n], s.EPOLL) if n in goals
            else [], quick=n in (100, 5000),
            note="64 B, all connections busy, closed loop; State Threads and "
                 "select end at 1,024 descriptors")
    yield Row("busy", "echo: 10,000 connections, 100 busy",
              measure.loaded(ALL_ECHO, n=10000, b=100, often=(s.GEV,),
                             turns=40, generations=2),
              s.EPOLL, targets=times(1.03, s.EPOLL), quick=True)
    yield Row("churn", "connect + echo + close",
              measure.loaded(PEERS + [s.ST, s.THREADS], "connect", n=64,
                             turns=25, generations=3, window=0.08,
                             often=(s.GEV,)),
              s.EPOLL, targets=times(1.05, s.EPOLL), quick=True,
              note="64 at once; the client closes")
    yield Row("dead echo", "dead range: CPU per echo, 1,000 connections",
              measure.loaded([s.SMALL, s.GEV], n=1000, often=(s.GEV,),
                             turns=30, generations=2),
              s.SMALL, targets=times(1.1, s.SMALL))


def memory_rows():
    for n in (100, 1000, 5000, 10000):
        names = PEERS + ([s.ST] if n <= 1000 else []) + [s.THREADS]
        names += [s.SMALL] if n == 10000 else []
        yield Row("idle memory", "memory per idle connection: {:,}".format(n),
                  measure.idle_memory(names, n, 5 if n == 10000 else 3),
                  s.LIBEV, unit="B", x=n,
                  targets=at_most(448, "B") + times(1.1, s.SMALL)
                  if n == 10000 else [],
                  note="user memory: growth of the resident set "
                       "(smaps_rollup) from before the first connection; the "
                       "kernel's sockets are the same for all")


def limit_rows():
    yield Row("limit", "connections until it breaks",
              limits.breaks([s.EPOLL, s.GEV, s.GO, s.GEVENT, s.NODE, s.THREADS,
                             s.ST, s.SELECT]), s.EPOLL, unit="conns",
              more_is_better=True,
              note="opened one by one, one echo each, all held; the test ends "
                   "at {:,} or where this machine's descriptors end".format(
                       limits.MOST))


def flow_rows():
    yield Row("latency", "latency: p99 at half of the peak, 100 connections",
              measure.latency(PEERS + [s.THREADS]), s.EPOLL, unit="us",
              note="open loop at 50 % of each server's own closed-loop peak, "
                   "latency from when a request was due; on a VM this also "
                   "measures waking an idle core")
    yield Row("stream", "one stream of 64 KiB writes, echoed",
              measure.stream(PEERS + [s.THREADS]), s.EPOLL,
              note="CPU of server plus client per 64 KiB: loopback moves work "
                   "between the two")
    yield Row("relay", "relay of 64 KiB writes, both ways",
              measure.relay([s.RELAY_RW, s.GEV, s.GO], s.RELAY), s.RELAY_RW,
              note="CPU of the relay alone per 64 KiB that made the round "
                   "trip; the echo behind it shares the load's core")
    yield Row("fairness", "fairness: p99 of 100 beside a greedy one",
              measure.fairness(PEERS + [s.THREADS]), s.EPOLL, unit="us",
              note="the greedy connection always has 64 KiB on its way and "
                   "shares the load's core with the hundred")


PATCH = [
    ("read 64 B from a socket, in a greenlet", "read", 1.10),
    ("read 64 B from a socket, no hub", "read-alone", None),
    ("read 64 B from a file, in a greenlet", "file", None),
    ("write 64 B to a socket, in a greenlet", "write", None),
    ("poll that is ready, in a greenlet", "poll", None),
]


def patch_rows():
    for name, mode, goal in PATCH:
        yield Row("patch", "patch: " + name,
                  measure.one_program(("patch", mode, "2000"),
                                      {s.LIBC: "libc_ns", s.PATCH: "ns"}),
                  s.LIBC, candidate=s.PATCH, quick=mode == "read",
                  targets=times(goal, s.LIBC) if goal else [],
                  note="calls that do not wait; both functions by turns in one "
                       "process, batches of 256, medians")


WEB = [s.EPOLL, s.GEV, s.NGINX, s.H2O, s.GO, s.NODE]


def web_rows():
    for n in (100, 1000):
        yield Row("http", "HTTP hello: {:,} connections".format(n),
                  web.hello(WEB, n), s.EPOLL, targets=times(1.1, s.EPOLL),
                  quick=n == 100, note="wrk; keep-alive; raw epoll has no "
                  "parser and answers anything")
    yield Row("pipelined", "HTTP hello: pipelined × 16, 100 connections",
              web.hello(WEB, 100, depth=16, field="ops_per_s"), s.NGINX,
              unit="/s", more_is_better=True, quick=True,
              targets=[Target(1.2e6, None, "/s", least=True),
                       Target(4, s.NGINX, least=True)],
              note="requests per second, wrk with a script")
    for name, size in (("1 KiB", KIB), ("10 KiB", 10 * KIB)):
        yield Row("files", "HTTP file: " + name,
                  web.files([s.NGINX, s.GEV, s.H2O, s.GO], s.FILES, size),
                  s.NGINX, targets=times(1.1, s.NGINX, "HTTP"),
                  quick=size == 10 * KIB,
                  note="wrk, 32 connections, keep-alive")
    large = [s.NGINX, s.GEV, s.NOPUSH, s.H2O, s.GO]
    yield Row("files", "HTTP file: 1 MiB",
              web.files(large, s.FILES, KIB * KIB), s.NGINX,
              targets=times(1.1, s.NGINX, "HTTP"),
              note="wrk, 32 connections, keep-alive. Loopback moves work "
                   "between the two sides: a head that is sent by itself wakes "
                   "the client early, whose answers then drive the rest, at "
                   "its own expense. See the row with both")
    yield Row("files", "HTTP file: 1 MiB, server plus client",
              web.files(large, s.FILES, KIB * KIB, both=True), s.NGINX,
              targets=times(1.1, s.NGINX, "HTTP"),
              note="the same, with the CPU of wrk")
    yield Row("http memory", "HTTP: memory per idle connection, 10,000",
              measure.idle_memory(WEB, 10000, 5, s.HTTP, H=True), s.NGINX,
              unit="B", targets=at_most(768, "B", "HTTP"), quick=True,
              note="growth of the resident set (smaps_rollup) after one "
                   "answered request on each")


def check_rows():
    yield Row("generator", "generator: load against wrk, CPU per request",
              web.generator([s.EPOLL, s.GEV]), s.EPOLL, unit="×",
              note="the same server under our load and under another; away "
                   "from 1 as far as it finds more or fewer requests per wake-up")
    yield Row("generator", "generator: load against ab, CPU per connection",
              web.churn_generator([s.NGINX, s.GEV]), s.NGINX, unit="×",
              note="ab connects anew for each request, as ours does here")


# What each group shows, as the heading of its table and picture.
TITLES = {
    "switch": "Switching: a round trip, by number of greenlets",
    "frame": "Switching: a round trip, by live bytes on the stack",
    "dead": "A buffer on the stack of a greenlet that waits to read",
    "dead memory": "Memory of 100,000 greenlets that wait to read",
    "parked": "Memory of a parked greenlet",
    "sync": "Channels, queues, events, semaphores, locks",
    "spawn": "Spawn and join",
    "echo": "64-byte echo, by number of busy connections",
    "busy": "64-byte echo, 10,000 connections of which 100 are busy",
    "churn": "Connect, echo, close",
    "dead echo": "64-byte echo with a 16 KiB or a 64 B buffer in each handler",
    "idle memory": "Memory per idle connection",
    "limit": "Connections until the server breaks, 20,000 at most",
    "latency": "Latency at half of the peak load, 100 connections",
    "stream": "One stream of 64 KiB writes, echoed",
    "relay": "A relay between two connections",
    "fairness": "Latency of 100 connections beside a greedy one",
    "http": "HTTP hello, keep-alive",
    "pipelined": "HTTP hello, pipelined 16 deep, one core",
    "files": "Static files over HTTP",
    "http memory": "Memory per idle HTTP connection",
    "patch": "A call of libc's that does not wait, interposed",
    "generator": "Our load generator against wrk and ab",
}
# What the value is, for the axis of the picture.
AXES = {
    "switch": "time per round trip", "frame": "time per round trip",
    "dead": "time per read", "dead memory": "memory of each",
    "parked": "memory of each", "sync": "time per operation",
    "spawn": "time per greenlet", "echo": "server CPU per echo",
    "busy": "server CPU per echo", "churn": "server CPU per connection",
    "dead echo": "server CPU per echo", "idle memory": "memory of each",
    "limit": "", "latency": "latency", "relay": "relay's CPU per 64 KiB",
    "stream": "server's plus client's CPU per 64 KiB",
    "fairness": "99th percentile of latency",
    "http": "server CPU per request", "pipelined": "requests",
    "files": "server CPU per file", "http memory": "memory of each",
    "patch": "time per call",
    "generator": "CPU per request under ours ÷ under theirs",
}

ROWS = [row for part in (switch_rows, frame_rows, dead_rows, parked_rows,
                         sync_rows, echo_rows, memory_rows, limit_rows,
                         flow_rows, web_rows, patch_rows, check_rows)
        for row in part()]
