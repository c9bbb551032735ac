#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run - measure gev beside its baselines and say where it misses its targets.

Absolute times drift with the machine, so a number only counts beside its
baseline of the same run. Candidates take turns in short windows (A B C, C B A,
...); each turn gives one ratio, and the median ratio is judged, with its 95 %
confidence interval beside it. For echo all servers run at once on one core,
with their connections open, and only one is under load at a time; now and then
all are started anew, since the layout of memory is luck too. Many short windows
beat few long ones: single windows scatter by 15 % on a shared machine, but
neighbours in time do so together. "epoll again" is the baseline against itself:
what it differs from 1.00 by is the error of the whole method.

usage: bench/run.py [--quick] [--only WORDS] [--build DIR] [--out FILE]
                    [--strict] [--list]
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree
import harness
from harness import Build, Failed, Load, NotBuilt, Server

EPOLL, LIBEV, ST = "epoll", "libev", "State Threads"
GEV, SMALL, AGAIN = "gev", "gev 64 B buffer", "epoll again"
BOOST, BY_HAND = "Boost.Context", "gev_switch by hand"
GO, GEVENT = "Go", "gevent"
PROGRAMS = {
    EPOLL: ("echo_epoll",), AGAIN: ("echo_epoll",), LIBEV: ("echo_libev",),
    ST: ("echo_st",), GEV: ("echo_gev",), SMALL: ("echo_gev", "--small"),
}


class Target:
    """What a row must reach: a ratio to the baseline, a number, or nothing."""

    def __init__(self, limit, kind="x"):
        self.limit, self.kind = limit, kind

    def text(self):
        if self.limit is None:
            return "-"
        return "<= %.2f x" % self.limit if self.kind == "x" else \
            "<= %g %s" % (self.limit, self.kind)

    def verdict(self, value, ratio):
        if value is None:
            return "not built"
        if self.limit is None:
            return "-"
        if self.kind == "x" and ratio is None:
            return "no baseline"
        reached = (ratio if self.kind == "x" else value) <= self.limit
        return "pass" if reached else "MISS"


class Row:
    """One line of the table: what it measures, and how."""

    def __init__(self, name, unit, target, measure, baseline, candidate=GEV):
        self.name, self.unit, self.target = name, unit, target
        self.measure = measure      # (context) -> {series: [values]}
        self.baseline, self.candidate = baseline, candidate
        self.result = None

    def run(self, context):
        started = time.monotonic()
        series, problems = {}, []
        try:
            series = self.measure(context, problems)
        except (Failed, subprocess.TimeoutExpired, OSError) as e:
            problems.append(str(e))
        self.result = summarize(self, series)
        self.result["problems"] = problems
        if context.quick and self.result["verdict"] in ("pass", "MISS"):
            self.result["verdict"] = "ran"
        self.result["took_s"] = round(time.monotonic() - started, 1)
        return self.result


def ratios(values, base):
    """Turn by turn: both were measured within the same second."""
    return [v / b for v, b in zip(values, base) if b]


def confidence(values):
    """95 % interval of the median, by rank: assumes no distribution."""
    ordered, n = sorted(values), len(values)
    reach = 0.98 * math.sqrt(n)
    low, high = int(n / 2 - reach), math.ceil(n / 2 + reach)
    return [ordered[max(low, 0)], ordered[min(high, n - 1)]]


def summarize(row, series):
    """Medians, ratios to the baseline with their intervals, the verdict."""
    result = {"name": row.name, "unit": row.unit, "series": {},
              "baseline": row.baseline, "target": row.target.text()}
    base = series.get(row.baseline)
    for name, values in series.items():
        entry = {"median": statistics.median(values), "values": values}
        if base and name != row.baseline:
            r = ratios(values, base)
            entry["ratio"] = statistics.median(r) if r else None
            if len(r) > 1:
                entry["interval"] = confidence(r)
        result["series"][name] = entry
    gev = result["series"].get(row.candidate, {})
    result["verdict"] = row.target.verdict(gev.get("median"), gev.get("ratio"))
    return result


class Context:
    """What every measurement needs to know."""

    def __init__(self, build, quick):
        self.build, self.quick = build, quick
        self.memo = {}  # results that two rows share, by key

    def scaled(self, n):
        """Counts, cut down for a smoke test."""
        return max(n // 100, min(n, 50)) if self.quick else n


# --- switches ---------------------------------------------------------------

def run_switch(context, program, *args):
    command = [context.build.program(program), *map(str, args)]
    if context.quick:
        command.append("--quick")
    done = subprocess.run(command, capture_output=True, timeout=120,
                          env=dict(os.environ, GOMAXPROCS="1"),
                          preexec_fn=harness.pin(harness.SERVER_CPU))
    if done.returncode != 0:
        raise Failed("%s: status %d %s" % (" ".join(command[1:]),
                     done.returncode, done.stderr.decode().strip()))
    result = json.loads(done.stdout)
    if not result["frames_ok"]:
        raise Failed("%s: a live frame was damaged" % " ".join(command))
    return result


def alternate_switches(context, commands, turns, problems):
    """Runs the commands in turn; {series: [result, ...]} of what is built."""
    key = repr(sorted(commands.items()))
    if key in context.memo:
        return context.memo[key]
    results, missing = {}, set()
    for turn in range(1 if context.quick else turns):
        names = list(commands)[::1 if turn % 2 == 0 else -1]
        for name in names:
            if name in missing:
                continue
            try:
                r = run_switch(context, *commands[name])
                results.setdefault(name, []).append(r)
            except NotBuilt:
                missing.add(name)
            except Failed as e:
                missing.add(name)
                results.pop(name, None)
                problems.append(str(e))
    context.memo[key] = results
    return results


def pick(results, field):
    return {name: [r[field] for r in rs] for name, rs in results.items()}


def round_trip(n, turns):
    def measure(context, problems):
        count = context.scaled(n) if n > 1 else 1
        return pick(alternate_switches(context, {
            BOOST: ("switch_boost", "core", count),
            GEV: ("switch", "yield", count),
            BY_HAND: ("switch", "core", count),
        }, turns, problems), "ns")
    return measure


def parked(n, turns, field, with_boost=True):
    def measure(context, problems):
        count = context.scaled(n)
        commands = {GEV: ("switch", "yield", count),
                    BY_HAND: ("switch", "core", count)}
        if with_boost:
            commands = {BOOST: ("switch_boost", "core", count), **commands}
        return pick(alternate_switches(context, commands, turns, problems),
                    field)
    return measure


def spawn(n, turns):
    def measure(context, problems):
        return pick(alternate_switches(context, {
            BOOST: ("switch_boost", "spawn", n),
            GEV: ("switch", "spawn", n),
        }, turns, problems), "ns")
    return measure


def dead_range(n, turns, field):
    def measure(context, problems):
        count = context.scaled(n)
        return pick(alternate_switches(context, {
            SMALL: ("switch", "dead", count, 64),
            GEV: ("switch", "dead", count, 16384),
        }, turns, problems), field)
    return measure


# --- sync: rows of Go (bench/go), gevent (bench/py) and gev's programs -------

def sync(program, mode, n, turns=9):
    """PROGRAM MODE N beside the same of Go and gevent, where they have it."""
    def measure(context, problems):
        commands = {GO: ("sync_go", mode, n), GEV: (program, mode, n)}
        if mode != "choose":
            commands[GEVENT] = ("gevent_sync.py", mode, n)
        return pick(alternate_switches(context, commands, turns, problems),
                    "ns")
    return measure


# --- echo -------------------------------------------------------------------

def start_all(context, names, mode, options, problems):
    """A server and a load for each that is built, as [(name, server, load)]."""
    running = []
    for name in names:
        program, *args = PROGRAMS[name]
        try:
            server = Server(context.build, program, args)
        except NotBuilt:
            continue
        except Failed as e:
            problems.append("%s: %s" % (name, e))
            continue
        try:
            running.append(
                (name, server, Load(context.build, server, mode, **options)))
        except Failed as e:
            problems.append(str(e))
            server.stop()
    return running


def one_generation(context, names, mode, options, turns, problems):
    """Starts all, gives each a window per turn, ends all."""
    values = {}
    running = start_all(context, names, mode, options, problems)
    try:
        for turn in range(turns):
            for name, _, load in running[::1 if turn % 2 == 0 else -1]:
                window = load.window()
                values.setdefault(name, []).append(window["cpu_ns_per_op"])
    finally:
        for _, server, load in running:
            load.stop()
            server.stop()
    return values


def cpu_per_op(names, mode, turns, generations=3, window=0.05, **options):
    def measure(context, problems):
        opts = dict(options, t=0.03 if context.quick else window,
                    w=0.01 if context.quick else window / 3)
        opts["n"] = context.scaled(opts["n"])
        if "b" in opts:
            opts["b"] = min(opts["b"], opts["n"])
        series = {}
        for _ in range(1 if context.quick else generations):
            values = one_generation(context, names, mode, opts,
                                    2 if context.quick else turns, problems)
            for name, v in values.items():
                series.setdefault(name, []).extend(v)
        return series
    return measure


def idle_memory(names, n, turns):
    def measure(context, problems):
        series = {}
        for _ in range(1 if context.quick else turns):
            for name in names:
                program, *args = PROGRAMS[name]
                try:
                    with Server(context.build, program, args) as server:
                        r = harness.load(context.build, server, "idle",
                                         n=context.scaled(n), t=0)
                    series.setdefault(name, []).append(r["bytes_per_conn"])
                except NotBuilt:
                    pass
                except Failed as e:
                    problems.append(str(e))
        return series
    return measure


ROWS = [
    Row("switch: one, nothing to copy", "ns", Target(1.2),
        round_trip(1, 5), BOOST),
    Row("switch: over 1,000", "ns", Target(1.8), round_trip(1000, 5), BOOST),
    Row("switch: over 100,000", "ns", Target(0.6),
        round_trip(100000, 5), BOOST),
    Row("switch: over 1,000,000", "ns", Target(0.6),
        round_trip(1000000, 3), BOOST),
    Row("dead range: time, 100,000 in gev_read", "ns", Target(1.1),
        dead_range(100000, 3, "ns"), SMALL),
    Row("dead range: memory, 100,000 in gev_read", "B", Target(1.1),
        dead_range(100000, 3, "bytes_each"), SMALL),
    Row("dead range: CPU per echo, 1,000 connections", "ns", Target(1.1),
        cpu_per_op([SMALL, GEV], "echo", 40, n=1000), SMALL),
    Row("dead range: memory, 10,000 connections", "B", Target(1.1),
        idle_memory([SMALL, GEV], 10000, 3), SMALL),
    Row("parked: memory, 1,000,000", "B", Target(256, "B"),
        parked(1000000, 3, "bytes_each"), BOOST),
    Row("parked: memory, 10,000,000", "B", Target(256, "B"),
        parked(10000000, 1, "bytes_each", False), BOOST),
    Row("parked: wake all, 1,000,000", "ms", Target(None),
        parked(1000000, 3, "wake_ms"), BOOST),
    Row("spawn, run, free", "ns", Target(60, "ns"), spawn(1000, 5), BOOST),
    Row("sync: channel send + receive, unbuffered", "ns", Target(0.5),
        sync("channel", "pair", 0), GO),
    Row("sync: channel send + receive, buffer of 128", "ns", Target(None),
        sync("channel", "pair", 128, 5), GO),
    Row("sync: channel, 100 senders, 100 receivers", "ns", Target(None),
        sync("channel", "many", 100, 5), GO),
    Row("sync: choose among 2 channels", "ns", Target(None),
        sync("channel", "choose", 2, 5), GO),
    Row("sync: queue put + get, nobody waits", "ns", Target(None),
        sync("channel", "queue", 0, 5), GO),
    Row("sync: queue put + get, 128 in between", "ns", Target(None),
        sync("channel", "queue", 128, 5), GO),
    Row("sync: event, set and wake 1", "ns", Target(None),
        sync("wake", "event", 1, 5), GO),
    Row("sync: event, set and wake 1,000", "ns", Target(None),
        sync("wake", "event", 1000, 5), GO),
    Row("sync: semaphore, hand-over", "ns", Target(None),
        sync("wake", "semaphore", 0, 5), GO),
    Row("sync: lock + unlock, nobody waits", "ns", Target(None),
        sync("wake", "lock", 0, 5), GO),
    Row("sync: spawn + join, 1,000 at a time", "ns", Target(0.25),
        sync("channel", "spawn", 1000), GO),
    Row("sync: spawn + join, one at a time", "ns", Target(None),
        sync("channel", "spawn", 1, 5), GO),
    Row("echo: 100 connections", "ns", Target(1.03),
        cpu_per_op([EPOLL, GEV, LIBEV, ST, AGAIN], "echo", 50, n=100), EPOLL),
    Row("echo: 5,000 all busy", "ns", Target(1.12),
        cpu_per_op([EPOLL, GEV, LIBEV], "echo", 20, window=0.15, n=5000),
        EPOLL),
    Row("echo: 10,000, of which 100 busy", "ns", Target(1.03),
        cpu_per_op([EPOLL, GEV, LIBEV], "echo", 50, n=10000, b=100), EPOLL),
    Row("connect + echo + close", "ns", Target(1.05),
        cpu_per_op([EPOLL, GEV, LIBEV, ST], "connect", 30, window=0.08, n=64),
        EPOLL),
    Row("memory per idle connection, 10,000", "B", Target(448, "B"),
        idle_memory([LIBEV, GEV, EPOLL], 10000, 3), LIBEV),
]


# --- report -----------------------------------------------------------------

def number(value):
    return "-" if value is None else \
        "%.1f" % value if value < 1000 else "{:,.0f}".format(value)


def print_row(row):
    r = row.result
    series = r["series"]
    gev, base = series.get(row.candidate, {}), series.get(row.baseline, {})
    spread = gev.get("interval")
    ratio = "-" if gev.get("ratio") is None else "%.3f" % gev["ratio"] + \
        (" (%.2f-%.2f)" % tuple(spread) if spread else "")
    print("%-44s %10s %10s %-2s %-19s %-10s %s" % (
        r["name"], number(base.get("median")), number(gev.get("median")),
        r["unit"], ratio, r["target"], r["verdict"]))
    others = [
        "%s %s" % (name, number(e["median"])) +
        (" = %.3f x" % e["ratio"] if e.get("ratio") is not None else "")
        for name, e in series.items()
        if name not in (row.baseline, row.candidate)]
    if others:
        print("    beside it: " + "; ".join(others))
    for problem in r["problems"]:
        print("    PROBLEM: " + problem)
    sys.stdout.flush()


def save(rows, path, quick):
    data = {"when": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "quick": quick,
            "cpus": [harness.SERVER_CPU, harness.LOAD_CPU],
            "kernel": os.uname().release,
            "rows": [row.result for row in rows]}
    with open(path, "w") as f:
        json.dump(data, f, indent=1)
        f.write("\n")


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--quick", action="store_true",
                   help="a smoke test: every row once, small; judges nothing")
    p.add_argument("--only", metavar="WORDS",
                   help="rows whose name contains this")
    p.add_argument("--build", default=os.path.join(harness.ROOT, "build"))
    p.add_argument("--out", help="JSON file (default: BUILD/bench.json)")
    p.add_argument("--strict", action="store_true",
                   help="fail if a row could not be measured in full")
    p.add_argument("--list", action="store_true", help="name the rows")
    return p.parse_args()


def main():
    args = parse()
    rows = [r for r in ROWS if not args.only or args.only in r.name]
    if args.list or not rows:
        print("\n".join(r.name for r in ROWS))
        return 0 if args.list else 2
    context = Context(Build(args.build), args.quick)
    print("%-44s %10s %10s %-2s %-19s %-10s %s" % (
        "row (server core %d, load core %d)" % (
            harness.SERVER_CPU, harness.LOAD_CPU),
        "baseline", "gev", "", "ratio (95 %)", "target", "result"))
    started = time.monotonic()
    for row in rows:
        row.run(context)
        print_row(row)
    name = "bench-quick.json" if args.quick else "bench.json"
    out = args.out or os.path.join(args.build, name)
    save(rows, out, args.quick)
    print("%d rows in %.0f s, saved in %s" % (
        len(rows), time.monotonic() - started, out))
    incomplete = any(r.result["verdict"] in ("not built", "no baseline")
                     for r in rows)
    failed = any(r.result["problems"] for r in rows)
    return 1 if failed or (args.strict and incomplete) else 0


if __name__ == "__main__":
    sys.exit(main())
