#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checklist of an HTTP server, over real sockets: checklist_rows.py,
checklist_acts.py and checklist_files.py against examples/http/hello and files
and tests/http/probe.

Each row goes out whole, byte by byte, cut at each CRLF and cut inside each
CRLF, and must be answered alike. An id without a row fails.

Usage: checklist.py BUILD [--reduced]       --reduced: whole and in CRLF only
"""
import concurrent.futures
import re
import sys
import time

import checklist_acts
import checklist_files  # noqa: F401  (adds its acts)
import wire
from checklist_rows import GET, rows
from programs import Hello, Probe, sanitized

# What must have a row. A rule whose row vanishes is noticed here.
RL = (1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 14, 16, 17, 18, 19, 21, 22, 23, 24, 25,
      27, 28, 29, 30, 32, 33)
HF = (1, 2, 4, 5, 6, 9, 10, 12, 13, 15, 16, 17, 19, 20, 21, 23, 24, 25, 26, 27)
HO = (1, 2, 3, 4, 6, 8, 9)
BF = (1, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 22, 23, 25,
      27)
CH = (1, 2, 3, 4, 6, 7, 8, 10, 11, 13, 14, 16, 17, 18, 20, 21, 22, 23)
CN = (1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19)
EX = (1, 2, 3, 5)
UP = (1,)
RS = (1, 2, 3, 5, 6, 7, 8, 9)
TO = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)  # 6: test_abuse.py
SF = (1, 2, 3, 4, 6, 7, 8)
SV = (1, 2, 3)  # not in the checklist of the issue; RFC 9110 asks for them
IDS = {f"{name}{n}" for name in ("RL", "HF", "HO", "BF", "CH", "CN", "EX",
                                 "UP", "RS", "TO", "SF", "SV")
       for n in globals()[name]}
LAST = b"GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

failures = []


def fail(row, delivery, what):
    failures.append(f"{row.id} ({delivery}) {row.data[:120]}...: {what}")


def goes_on(row):
    return not row.fin and not row.want.endswith("c") and row.want != ""


def expected(row):
    """The statuses that may come, one set per response; whether all ends."""
    want = [set(map(int, re.findall(r"\d+", w))) for w in row.want.split()]
    return want + [{404}] if goes_on(row) else want


def check(row, delivery, e):
    """One exchange. Returns what must be the same in all deliveries."""
    if e.ended != "FIN":
        fail(row, delivery, f"ended by {e.ended}, after {e.data[:300]}")
        return None
    try:
        all_ = wire.responses(e.data, row.heads)
    except wire.Bad as bad:
        fail(row, delivery, f"{bad} in {e.data[:300]}")
        return None
    got = [r.status for r in all_]
    want = expected(row)
    if len(got) != len(want) or any(g not in w for g, w in zip(got, want)):
        fail(row, delivery, f"{got} instead of {row.want}")
        return None
    check_content(row, delivery, all_)
    return [r.key() for r in all_]


def check_content(row, delivery, all_):
    if not all_:
        return
    last = all_[-1]
    if not row.fin and last.get("connection") != "close":
        fail(row, delivery, "the last response does not say close")
    if row.body is not None and all_[0].body != row.body.encode("latin-1"):
        fail(row, delivery, f"the body is {all_[0].body[:300]}")
    lines = all_[0].body.split(b"\n")
    for h in row.has:
        if h.encode("latin-1") not in lines:
            fail(row, delivery, f"no {h!r} in {lines}")
    if row.check and not row.check(all_):
        fail(row, delivery, f"is not so: {[vars(r) for r in all_]}")
    if is_refused(row) and any(r.get("x-handler") for r in all_):
        fail(row, delivery, "the handler was run")


def is_refused(row):
    return re.fullmatch(r"([45]\d\d\|?)+c", row.want)


def plan(ports, deliveries):
    """All exchanges: (row, how, exchange)."""
    all_ = []
    for row in rows:
        data = row.data + (LAST if goes_on(row) else b"")
        for d in deliveries:
            all_.append((row, d, wire.Exchange(ports[row.server], data, d,
                                               row.fin)))
        if is_refused(row):
            # Nothing behind it is answered; no handler sees it. What ends in
            # the middle would take the next request for its own.
            for d in deliveries:
                all_.append((row, d + ", and more", wire.Exchange(
                    ports["probe"], row.data + GET.encode(), d)))
    return all_


def run_rows(deliveries):
    patient = "--header-timeout", 100, "--idle-timeout", 100
    with Hello(*patient) as hello, Probe(*patient) as probe:
        ports = {"hello": hello.port, "probe": probe.port}
        all_ = plan(ports, deliveries)
        wire.run([e for _, _, e in all_])
        same = {}
        for row, how, e in all_:
            key = check(row, how, e)
            if key is not None and how in deliveries:
                if same.setdefault(row, key) != key:
                    fail(row, how, "another answer than in one piece")
        for server in hello, probe:
            status, err = server.end()
            # RS6, "/nothing": told at most once a second
            err = [line for line in err.split("\n") if line and not
                   line.startswith("gev: http: no answer from the handler")]
            if status != 0 or err:
                failures.append(f"{server.name} ended with {status}: {err}")
    return len(all_)


def run_acts():
    """Those that are more than bytes in and responses out, side by side."""
    def one(act):
        begin = time.monotonic()
        try:
            act()
            if "-v" in sys.argv:
                print(f"{time.monotonic() - begin:5.1f} s {act.__name__}")
        except Exception as e:  # pylint: disable=broad-except
            import traceback
            failures.append(f"{act.__name__}: {e!r}\n" + "".join(
                traceback.format_tb(e.__traceback__)[-2:]))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, checklist_acts.acts))
    return len(checklist_acts.acts)


def check_ids():
    """Returns all ids that have a row."""
    have = {r.id for r in rows} | {i for a in checklist_acts.acts
                                   for i in a.ids}
    for missing in sorted(IDS - have):
        failures.append(f"{missing} has no row")
    for unknown in sorted(have - IDS):
        failures.append(f"{unknown} is not in the list of ids")
    return have


def main():
    reduced = "--reduced" in sys.argv or sanitized()
    begin = time.monotonic()
    have = check_ids()
    n = run_rows(("whole", "in CRLF") if reduced else wire.DELIVERIES)
    middle = time.monotonic()
    n_acts = run_acts()
    for f in failures:
        print(f)
    print(f"{len(have)} rules, {len(rows)} rows, {n} exchanges in "
          f"{middle - begin:.1f} s; {n_acts} acts in "
          f"{time.monotonic() - middle:.1f} s; {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
