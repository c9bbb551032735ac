# SPDX-License-Identifier: MIT
"""measure - the ways in which rows are measured.

Each function returns a measurement: a function of the context that gives
{series: {turn: sample}}. Candidates take turns (A B C, C B A, ...). Absolute
numbers of different turns are not compared: the machine's mood differs.

For echo all servers run at once on one core with their connections open and
only one is under load at a time; now and then all are started anew, since the
layout of memory is luck too. Many short windows beat few long ones.
"""
import json
import os
import subprocess

import harness
from harness import Failed, Load, NotBuilt, Server
from subjects import ECHO


class Context:
    """How big, and with which programs."""

    def __init__(self, build, size):
        self.build = build
        self.size = size      # "full", "quick" or "smoke"
        self.memo = {}        # results that rows share, by command
        self.problems = []    # of the row being measured: what is missing
        self.notes = []       # of that row: what numbers do not say

    @property
    def smoke(self):
        return self.size == "smoke"

    def scaled(self, n):
        """Counts, cut down for a smoke test."""
        return max(n // 100, min(n, 50)) if self.smoke else n

    def turns(self, n):
        """Turns: all; in a quick run a fifth, but two; in a smoke test one."""
        return {"full": n, "quick": max(2, n // 5), "smoke": 1}[self.size]

    def generations(self, n):
        return n if self.size == "full" else 1


def in_order(names, turn):
    return list(names)[::1 if turn % 2 == 0 else -1]


# --- programs that time themselves ------------------------------------------

def run_program(context, command):
    args = [*context.build.command(command[0]), *map(str, command[1:])]
    if context.smoke:
        args.append("--quick")
    done = subprocess.run(args, capture_output=True, timeout=120,
                          stdin=subprocess.DEVNULL,
                          env=dict(os.environ, GOMAXPROCS="1"),
                          preexec_fn=harness.pin(harness.SERVER_CPU))
    if done.returncode != 0:
        raise Failed("%s: status %d %s" % (" ".join(args), done.returncode,
                                           done.stderr.decode().strip()))
    result = json.loads(done.stdout)
    if not result["frames_ok"]:
        raise Failed("%s: a live frame was damaged" % " ".join(args))
    return result


def run_in_turn(context, commands, turns):
    key = repr(sorted(commands.items()))
    if key in context.memo:
        return context.memo[key]
    results, missing = {}, set()
    for turn in range(context.turns(turns)):
        for name in in_order(commands, turn):
            if name in missing:
                continue
            try:
                r = run_program(context, commands[name])
                results.setdefault(name, {})[turn] = r
            except (NotBuilt, Failed) as e:
                missing.add(name)
                context.problems.append("%s: %s" % (name, e))
    context.memo[key] = results
    return results


def programs(commands, turns=5, field="ns"):
    """Commands as {series: (program, argument, ...)}; ints are counts."""
    def measure(context):
        scaled = {name: tuple(context.scaled(a) if isinstance(a, int) else a
                              for a in c) for name, c in commands.items()}
        results = run_in_turn(context, scaled, turns)
        return {name: {turn: dict(r, value=r[field])
                       for turn, r in by_turn.items()}
                for name, by_turn in results.items()}
    return measure


def one_program(command, fields, turns=5):
    """One that times several things by turns: {series: field of its result}."""
    def measure(context):
        results = run_in_turn(context, {"": command}, turns).get("", {})
        return {name: {turn: dict(r, value=r[field])
                       for turn, r in results.items()}
                for name, field in fields.items()}
    return measure


# --- servers under the load generator ---------------------------------------

def start(context, what, name, **options):
    """The server called @name, or None with the reason noted."""
    program, *args = what[name]
    try:
        return Server(context.build, program, args, **options)
    except (NotBuilt, Failed) as e:
        context.problems.append("%s: %s %s" % (name, type(e).__name__, e))
        return None


def start_loaded(context, what, names, mode, options):
    """A server and a load for each that runs, as {name: (server, load)}."""
    running = {}
    for name in names:
        server = start(context, what, name)
        if not server:
            continue
        try:
            running[name] = (server, Load(context.build, server, mode,
                                          **options))
        except Failed as e:
            context.problems.append("%s: %s" % (name, e))
            server.stop()
    return running


def one_generation(context, running, turns, every, number):
    """A window per turn for each; those in @every only in each n-th turn."""
    series = {}
    for turn in range(turns):
        for name in in_order(running, turn):
            if turn % every.get(name, 1):
                continue
            window = running[name][1].window()
            series.setdefault(name, {})[number * 1000 + turn] = dict(
                window, value=window["cpu_ns_per_op"])
    return series


def loaded(names, mode="echo", turns=50, generations=3, window=0.05, often=(),
           what=None, **options):
    """CPU per operation; only @often and the first name take every turn."""
    subjects = what or ECHO
    every = {n: 1 if n in often or n == names[0] else 5 for n in names}

    def measure(context):
        opts = dict(options, t=0.02 if context.smoke else window,
                    w=0.005 if context.smoke else window / 3)
        opts["n"] = context.scaled(opts["n"])
        if "b" in opts:
            opts["b"] = min(opts["b"], opts["n"])
        series = {}
        for number in range(context.generations(generations)):
            running = start_loaded(context, subjects, names, mode, opts)
            try:
                part = one_generation(context, running, context.turns(turns),
                                      every, number)
            finally:
                for server, load in running.values():
                    load.stop()
                    server.stop()
            for name, samples in part.items():
                series.setdefault(name, {}).update(samples)
        return series
    return measure


def idle_memory(names, n, turns=3, what=None, **options):
    """Bytes that the server grows by per open connection, by smaps_rollup."""
    def measure(context):
        series, missing = {}, set()
        for turn in range(context.turns(turns)):
            for name in names:
                server = None if name in missing else start(
                    context, what or ECHO, name)
                if not server:
                    missing.add(name)
                    continue
                try:
                    with server:
                        r = harness.load(context.build, server, "idle", t=0,
                                         n=context.scaled(n), **options)
                    series.setdefault(name, {})[turn] = dict(
                        r, value=r["bytes_per_conn"])
                except Failed as e:
                    missing.add(name)
                    context.problems.append("%s: %s" % (name, e))
        return series
    return measure


def keep_sample(context, series, name, turn, one, server):
    try:
        sample = one(context, server, name)
        series.setdefault(name, {})[turn] = sample
    except Failed as e:
        context.problems.append("%s: %s" % (name, e))


def each_turn(names, turns, what, one, **start_options):
    """Servers all up; one(context, server, name) gives a sample per turn."""
    def measure(context):
        servers, series = {}, {}
        few = names[:2] if context.smoke else names
        try:
            for name in few:
                servers[name] = start(context, what, name, **start_options)
            for turn in range(context.turns(turns)):
                for name in in_order(few, turn):
                    if servers[name]:
                        keep_sample(context, series, name, turn,
                                    one, servers[name])
        finally:
            for server in servers.values():
                if server:
                    server.stop()
        return series
    return measure


def latency(names, n=100, turns=25, share=0.5):
    """p99 of an open loop at a share of the server's own peak.

    Many short turns: a virtual machine that stands still for some milliseconds
    spoils the p99 of the turn it falls into, whoever serves, and not the median.
    """
    def one(context, server, name):
        seconds = 0.05 if context.smoke else 0.1
        peak = harness.load(context.build, server, "echo", n=n,
                            t=0.05, w=0.03)["ops_per_s"]
        r = harness.load(context.build, server, "open", n=n, t=seconds,
                         w=0.05, R=int(peak * share))
        return dict(r, value=r["p99_us"], peak=peak, rate=peak * share)
    return each_turn(names, turns, ECHO, one)


def stream(names, turns=5):
    """One connection that writes 64 KiB pieces, all of it echoed."""
    def one(context, server, name):
        r = harness.load(context.build, server, "flood", n=1, m=65536,
                         t=0.05 if context.smoke else 0.4)
        return dict(r, value=r["cpu_ns_per_op"] + r["load_ns_per_op"],
                    server_ns=r["cpu_ns_per_op"], client_ns=r["load_ns_per_op"])
    return each_turn(names, turns, ECHO, one)


def relay(names, what, turns=5):
    """The same through a relay on the server's core, the echo beside the load."""
    def measure(context):
        with Server(context.build, "peers/echo_epoll",
                    cpu=harness.LOAD_CPU) as target:
            def one(context, server, name):
                r = harness.load(context.build, server, "flood", n=1, m=65536,
                                 t=0.05 if context.smoke else 0.5)
                return dict(r, value=r["cpu_ns_per_op"],
                            client_ns=r["load_ns_per_op"])
            through = {name: (*what[name], "{addr}", target.addr)
                       for name in names}
            return each_turn(names, turns, through, one)(context)
    return measure


def fairness(names, turns=5, n=100):
    """p99 of 100 beside one that always has data, over their p99 alone."""
    def one(context, server, name):
        seconds = 0.05 if context.smoke else 0.3
        alone = harness.load(context.build, server, "echo", n=n, t=seconds,
                             w=0.05)
        flood = subprocess.Popen(
            harness.load_command(context.build, server, "flood",
                                 {"n": 1, "m": 65536, "t": seconds + 0.4}),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            beside = harness.load(context.build, server, "echo", n=n,
                                  t=seconds, w=0.1)
            flood.wait(20)
        finally:
            harness.stop(flood)
        return {"value": beside["p99_us"], "p99_alone_us": alone["p99_us"],
                "max_us": beside["max_us"],
                "times": beside["p99_us"] / alone["p99_us"],
                "ops_per_s": beside["ops_per_s"]}
    return each_turn(names, turns, ECHO, one)
