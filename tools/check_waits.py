#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every blocking call has a row in the test of all blocking calls.

A public call blocks if its contract has a line "Switches:" that does not begin
with "never", or, without such a line, if it returns "as gev_X()" and gev_X
blocks. Each needs a WAIT_ROW() in tests/sync/every_wait_*.c, or a line in
EXCEPT with the reason and, where it has one, the file of tests that kills it
and lets it run out of time.

Usage: tools/check_waits.py [ROOT]         prints each breach; exit 1 if any
"""
import re
import sys
from pathlib import Path

BY_HAND = "it switches by hand: nobody wakes it, so nothing can be timed"
RUNS = "it lasts as long as what it runs, which has rows of its own"
HTTP = "it needs a request: tests/http/test_handler.c, test_faults.c"
CLOSES = "it releases what it is about, so nothing is left to be used again: "
EXCEPT = {
    **dict.fromkeys(["gev_switch", "gev_throw", "gev_exit", "gev_unref",
                     "gev_gen_next", "gev_gen_yield", "gev_gen_free"], BY_HAND),
    "gev_checkpoint": "it waits for nothing: tests/hub/test_yield.c",
    "gev_yield": "it waits for nothing: tests/hub/test_yield.c",
    "gev_run": "only main may: tests/hub/test_run.c",
    "gev_shutdown": "only main may: tests/hub/test_shutdown.c",
    "gev_with_timeout": RUNS,
    "gev_curl_perform": "it is in libgev_curl: tests/curl/test_cut.c",
    "gev_serve": RUNS, "gev_server_run": "tests/net/test_server.c",
    "gev_server_stop": "tests/net/test_server_stop.c",
    "gev_stream_close": CLOSES + "tests/net/test_stream_out.c",
    "gev_stream_free": CLOSES + "tests/net/test_stream.c",
    "gev_stream_detach": CLOSES + "tests/net/test_stream.c",
    "gev_stream_shutdown": CLOSES + "tests/net/test_stream_out.c",
}
# Calls that begin so: one reason for all of them.
EXCEPT_PREFIX = {"gev_http_": HTTP}


def contracts(include):
    """Yields (name, what stands above its declaration)."""
    for header in sorted(include.rglob("*.h")):
        text = header.read_text(encoding="utf-8")
        for doc, declaration in re.findall(
                r"/\*\*((?:(?!\*/).)*)\*/\s*GEV_API\b([^;]*);", text, re.S):
            name = re.search(r"\b(gev_\w+)\s*\(", declaration)
            if name:
                yield name[1], doc


def blocking(include):
    """Names of the calls that may wait."""
    docs = dict(contracts(include))
    found = {name for name, doc in docs.items()
             if re.search(r"Switches:\s*(?!never)\S", doc)}
    while True:
        more = {name for name, doc in docs.items()
                if name not in found and "Switches:" not in doc and
                any(other in found for other in re.findall(
                    r"\bas\s+(?:\*\s+)?(gev_\w+)\(\)", doc))}
        if not more:
            return found
        found |= more


def rows(tests):
    names = set()
    for file in sorted(tests.glob("every_wait_*.c")):
        names |= set(re.findall(r"WAIT_ROW\(\s*(\w+),", file.read_text()))
    return {"gev_" + name for name in names}


def main():
    default = Path(__file__).resolve().parent.parent
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    public, tested = blocking(root / "include"), rows(root / "tests" / "sync")
    bad = []
    for name in sorted(public - tested - EXCEPT.keys()):
        if name.startswith(tuple(EXCEPT_PREFIX)):
            continue
        bad.append(f"{name} may wait, but tests/sync/every_wait_*.c have no"
                   " row for it")
    for name in sorted(EXCEPT.keys() - public):
        bad.append(f"{name} is an exception, but does not wait according to"
                   " the headers")
    for name in sorted(EXCEPT.keys() & tested):
        bad.append(f"{name} has a row: it needs no exception")
    for name, reason in sorted(EXCEPT.items()):
        for file in re.findall(r"tests/\S+\.c", reason):
            if not (root / file).exists():
                bad.append(f"{name}: there is no {file}")
    print("\n".join(bad) if bad else
          f"{len(public)} calls may wait, {len(tested)} have a row")
    return 1 if bad or not tested else 0


if __name__ == "__main__":
    sys.exit(main())
