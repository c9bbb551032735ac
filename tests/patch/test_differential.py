#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same calls with and without libgev_patch: same results, errno, bytes.

differential.c is run as it is, under gev-run, and under gev-run with a hub from
the first call on, where every call that waits does so in the hub. A machine that is
busy may make a quick call look slow, or let two messages arrive as one, for the second
of which recvmmsg() then waits for ever, libc's too: what differs or does not end is run
again, twice at most.

Usage: test_differential.py DIFFERENTIAL GEV_RUN
"""
import difflib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

TRIES = 3
LIMIT = 40
FAMILIES = ["pipe", "tcp", "unix", "udp", "unix dgram", "seqpacket", "tty",
            "files", "connect", "backlog", "poll", "select", "epoll", "sleep",
            "names", "forms", "service", "processes", "descriptors", "attacks",
            "handlers", "interrupted", "masked"]

program, gev_run = sys.argv[1:]
envs = {"plain": {}, "run": {}, "hub": {"GEV_PATCH": "all,hub"}}


def output(way, family):
    command = [program, family]
    if way != "plain":
        command = [gev_run, *command]
    r = subprocess.run(command, env={**os.environ, **envs[way]}, text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       timeout=LIMIT)
    assert r.returncode == 0 and len(r.stdout.splitlines()) > 2, (way, r)
    return r.stdout.splitlines()


def difference(family, way):
    for left in reversed(range(TRIES)):
        try:
            wanted, got = output("plain", family), output(way, family)
        except subprocess.TimeoutExpired:
            if not left:
                raise
            continue
        if got == wanted:
            return None
    return "\n".join(difflib.unified_diff(wanted, got, "libc", way, n=1,
                                          lineterm=""))


def compare(case):
    try:
        return case, difference(*case)
    except (AssertionError, subprocess.TimeoutExpired) as e:
        return case, str(e)


def main():
    cases = [(f, w) for f in FAMILIES for w in ("run", "hub")]
    status = 0
    with ThreadPoolExecutor(6) as pool:
        for (family, way), diff in pool.map(compare, cases):
            print(f"{'FAIL' if diff else 'ok  '} {family} ({way})")
            if diff:
                print(diff)
                status = 1
    return status


sys.exit(main())
